//! The lowest crate: ids, cursors, the clock, randomness, settings, and errors that the
//! crates above share.

pub mod causes;
pub mod clock;
pub mod cursor;
pub mod environment;
pub mod field_error;
pub mod ids;
pub mod random;
pub mod storage_error;

pub use field_error::FieldError;
pub use storage_error::{ChangeError, StorageError};

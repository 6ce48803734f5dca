//! The lowest crate: ids, the clock, randomness, settings, and the errors that all
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

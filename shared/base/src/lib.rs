//! The ground floor: ids, the clock, randomness, the environment, and the
//! errors that every floor above names.

pub mod causes;
pub mod clock;
pub mod cursor;
pub mod environment;
pub mod field_error;
pub mod ids;
pub mod random;
pub mod storage_error;

pub use field_error::FieldError;
pub use storage_error::StorageError;

//! Storage in DynamoDB, one module per table. Key formats are in [`keys`], table definitions
//! in [`tables`].

pub mod account_deletion;
pub mod admin;
pub mod api_keys;
pub mod applications;
pub mod applications_with_keys;
mod attribute;
pub mod audit;
mod backoff;
mod batch_delete;
mod batch_get;
mod conditional;
pub(crate) mod database;
mod database_clock;
pub mod deleted_applications;
mod error;
pub mod export;
mod idempotency;
pub mod key_health;
pub mod keys;
mod metering;
pub mod refresh_tokens;
pub mod short_lived;
pub(crate) mod table_names;
pub mod tables;
pub mod team;
pub mod telemetry;
mod telemetry_settings;
mod transaction;
pub mod usage;
mod user_transaction;
pub(crate) mod users;
mod warm_up;
mod write_units;

pub use database::Database;
pub use metering::{Observer, Units};
pub use table_names::{Table, TableNames};
pub use upblit_base::{ChangeError, StorageError};
pub use warm_up::{ColdRead, WarmUp};

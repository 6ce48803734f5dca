//! HTTP for every function: extractors, credentials, errors and the request log.

mod app;
pub mod body;
pub mod client;
pub mod credentials;
mod edge;
pub mod error;
pub mod github;
pub mod idempotency;
mod input;
pub mod path;
pub mod problem;
pub mod query;
pub mod request_log;
pub mod routes;
pub mod source;
mod status_message;

pub use app::{app, app_behind_edge};
pub use error::Error;

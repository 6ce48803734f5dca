//! The front door: what is the same for every route of every function.

pub mod app;
pub mod body;
pub mod client;
pub mod credentials;
pub mod problem;
pub mod source;
mod status_message;

pub use app::app;

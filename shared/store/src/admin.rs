//! What operators do to a deployment, for `upblit admin`. No function calls it.

pub mod check;
mod days;
mod deployment;
mod finding;
mod pages;
pub mod restore;
mod telemetry_key;

pub use check::Checked;
pub use deployment::UnknownStack;
pub use finding::{Finding, Severity};

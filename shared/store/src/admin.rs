//! What operators do to a deployment, for `upblit admin`. No function calls it.

mod block;
pub mod check;
mod days;
mod deployment;
mod finding;
mod pages;
pub mod restore;
mod sign_out;
mod telemetry_key;
pub mod users;

pub use block::{BlockOutcome, UnblockOutcome};
pub use check::Checked;
pub use deployment::UnknownStack;
pub use finding::{Finding, Severity};

//! What the tests stand on: a backend, and those who call it.

pub mod backend;
pub mod callers;
pub mod calls;
pub mod faulty_engine;
pub mod log;
pub mod metered;
pub mod response;
pub mod stored;

pub use backend::Backend;
pub use callers::{Browser, Sdk, SignedIn};
pub use response::Response;

//! The only workspace crate that Upblit's functions depend on. It re-exports six crates, each of
//! which depends only on crates below it in this table; their `Cargo.toml` files
//! enforce the direction.
//!
//! | Crate | Contents |
//! |---|---|
//! | [`lambda`] | runs a router in AWS Lambda |
//! | [`web`] | HTTP: problem responses, extractors, layers, the request log |
//! | [`store`] | DynamoDB; independent of `web` |
//! | [`identity`] | authentication and authorization: tokens, sessions, keys, applications; pure |
//! | [`telemetry`] | events, decoding, chunks, queries; pure |
//! | [`base`] | ids, clock, randomness, environment, errors |
//!
//! Pure crates have no I/O and no async; time and randomness are arguments.
//! The modules of this crate are where `web` and `store` meet.

pub mod access;
pub mod day_limits;
pub mod key_limits;
mod leases;
pub mod notices;
mod rate_limit_headers;
pub mod read_charges;
pub mod read_limits;
pub mod reading;
pub mod verified_keys;

pub use upblit_base as base;
pub use upblit_identity as identity;
pub use upblit_lambda as lambda;
pub use upblit_store as store;
pub use upblit_telemetry as telemetry;
pub use upblit_web as web;

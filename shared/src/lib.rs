//! What every Upblit function shares. Six crates, one for each floor, and this
//! one in front of them. Their `Cargo.toml` files keep the direction: a floor
//! knows only those below it.
//!
//! | Floor | Holds |
//! |---|---|
//! | [`lambda`] | puts a router into AWS Lambda |
//! | [`web`] | HTTP: problem responses, extractors, layers, the request log |
//! | [`store`] | DynamoDB; `web` and `store` do not know each other |
//! | [`identity`] | who may do what: tokens, sessions, keys, applications; pure |
//! | [`telemetry`] | events, decoding, chunks, queries; pure |
//! | [`base`] | ids, clock, randomness, environment, errors |
//!
//! Pure crates have no I/O and no async; time and randomness are arguments.
//! [`access`] and [`reuse`] are where `web` and `store` meet.

pub mod access;
pub mod reuse;

pub use upblit_base as base;
pub use upblit_identity as identity;
pub use upblit_lambda as lambda;
pub use upblit_store as store;
pub use upblit_telemetry as telemetry;
pub use upblit_web as web;

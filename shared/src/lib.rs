//! What every Upblit function shares, on three floors; imports only go down:
//!
//! 1. [`http`]: the front door. Problem responses, extractors, the layers
//!    around every router. [`host`] puts a router into AWS Lambda.
//! 2. The domain: tokens, keys, sessions, batches. Pure: no I/O, no async;
//!    time and randomness are arguments.
//! 3. [`dynamo`]: the only users of the AWS SDK, one module per table.
//!
//! [`config`], [`clock`] and [`random`] are the one home of the environment,
//! the time and the randomness; [`observed`] that of what is logged of a request.

pub mod access_token;
pub mod api_key;
pub mod application;
pub mod audit;
pub mod batch;
pub mod clock;
pub mod config;
pub mod dynamo;
pub mod error;
pub mod handoff;
pub mod host;
pub mod http;
pub mod ids;
pub mod inflate;
pub mod ingest_health;
pub mod login;
pub mod observed;
pub mod random;
pub mod rate_limit;
pub mod refresh_token;
pub mod reject_reason;
pub mod secret_scanning;
pub mod session;
pub mod signing;
pub mod telemetry;
pub mod user;

//! Rules of sign-in, tokens, sessions, API keys, applications, the audit log and rate
//! limits. Pure: no I/O; time and randomness are arguments.

pub mod access_token;
pub mod allow_list;
pub mod api_key;
pub mod application;
pub mod audit;
pub mod authorization_code;
pub mod change_limit;
pub mod export;
pub mod idempotency;
pub mod invite;
pub mod key_faults;
pub mod login;
pub mod rate_limit;
pub mod refresh_token;
mod sealing;
pub mod secret_scanning;
pub mod session;
pub mod signing;
pub mod team;
pub mod user;

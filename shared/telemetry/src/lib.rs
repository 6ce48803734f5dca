//! Telemetry: decoding events, packing them into chunks, querying them and rolling them up by the
//! hour, the usage of applications, and the health of the API keys that send them. Pure: no I/O, and
//! the current time is an argument.

pub mod batch;
pub mod chunk;
pub mod decode;
pub mod deletion;
pub mod event;
pub mod inflate;
pub mod intake;
pub mod key_health;
pub mod query;
pub mod reject_reason;
pub mod usage;

//! Telemetry: events, how they are decoded, packed into chunks, queried and
//! added up, and how each API key fares at sending them. Pure: no I/O; time is
//! an argument.

pub mod batch;
pub mod chunk;
pub mod decode;
pub mod event;
pub mod inflate;
pub mod ingest_health;
pub mod intake;
pub mod query;
pub mod reject_reason;

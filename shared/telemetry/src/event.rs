//! One shape for what every front door accepts and the store keeps.

mod log_record;
mod origin;
mod span;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::batch::Signal;

pub use log_record::{LogRecord, level_of_severity};
pub use origin::{Origin, Scope};
pub use span::{Span, SpanEvent, SpanKind, SpanLink, SpanOutcome};

/// Something that happened at a time and is stored in batches: a [`Span`] or a
/// [`LogRecord`], and nothing else.
pub trait Event: sealed::Sealed + Serialize + DeserializeOwned {
    /// What kind of telemetry it is.
    const SIGNAL: Signal;

    /// When it started; for a log record, when it was written.
    fn start(&self) -> Timestamp;

    /// When it ended.
    fn end(&self) -> Timestamp;

    /// Whether it tells of a failure.
    fn is_error(&self) -> bool;

    /// The trace it belongs to.
    fn trace_id(&self) -> Option<&str>;

    /// Where it comes from; shared by many events, and stored once for them.
    fn origin(&self) -> Option<&Arc<Origin>>;

    /// Gives an event that was read its origin back.
    fn set_origin(&mut self, origin: Option<Arc<Origin>>);

    /// The event as what it is, for code that treats the two differently.
    fn by_signal(&self) -> EventRef<'_>;
}

/// Either kind of event, borrowed.
#[derive(Debug, Clone, Copy)]
pub enum EventRef<'a> {
    /// A span.
    Span(&'a Span),
    /// A log record.
    Log(&'a LogRecord),
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for super::Span {}
    impl Sealed for super::LogRecord {}
}

fn from_nanos(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(nanos.into()).unwrap_or(Timestamp::UNIX_EPOCH)
}

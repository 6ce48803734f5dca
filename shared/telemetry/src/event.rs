//! Spans and log records, in the one form that both ingest protocols decode into and
//! that chunks store.

mod log_record;
mod resource_scope;
mod span;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::batch::Signal;

pub use log_record::{LogRecord, level_of_severity};
pub use resource_scope::{ResourceScope, Scope};
pub use span::{Span, SpanEvent, SpanKind, SpanLink, SpanOutcome};

/// A [`Span`] or a [`LogRecord`]. Sealed: there is no third kind.
pub trait Event: sealed::Sealed + Serialize + DeserializeOwned {
    /// The signal that events of this type belong to.
    const SIGNAL: Signal;

    /// Start time; for a log record, the time it was written.
    fn start(&self) -> Timestamp;

    /// End time; for a log record, the same as [`start`](Self::start).
    fn end(&self) -> Timestamp;

    /// Whether the event reports a failure.
    fn is_error(&self) -> bool;

    /// Trace that the event belongs to, if any.
    fn trace_id(&self) -> Option<&str>;

    /// Resource and scope of the event. Shared by many events and stored once for all of them.
    fn resource_scope(&self) -> Option<&Arc<ResourceScope>>;

    /// Sets the resource and scope, for an event read from a chunk.
    fn set_resource_scope(&mut self, resource_scope: Option<Arc<ResourceScope>>);

    /// The event by its concrete type, for code that treats the two differently.
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

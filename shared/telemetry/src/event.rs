//! Spans and log records, in the one form that both ingest protocols decode into and
//! that chunks store.

pub(crate) mod http;
mod log_record;
mod resource_scope;
mod sampling;
mod span;

use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::batch::Signal;

pub use log_record::{LogRecord, level_of_severity};
pub use resource_scope::{ResourceScope, Scope};
pub use span::{Dropped, Span, SpanEvent, SpanKind, SpanLink, SpanOutcome};

/// A [`Span`] or a [`LogRecord`]. Sealed: there is no third kind.
pub trait Event: sealed::Columns + DeserializeOwned {
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

/// A text of an event that was cut because it exceeded a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truncation {
    /// Name of the field or attribute.
    pub field: String,
    /// Size before the cut, in bytes.
    pub bytes: u64,
}

mod sealed {
    use super::{LogRecord, Span};
    use crate::chunk::bytes::{FormError, Reader};
    use crate::chunk::codec::Rows;
    use crate::chunk::{log_records, spans};

    /// The columns in which a chunk stores events of one type.
    pub trait Columns: Sized {
        /// Appends the columns of these events.
        fn put_columns(out: &mut Vec<u8>, events: &[&Self]);

        /// Reads the events of the wanted rows.
        fn read_columns(reader: &mut Reader<'_>, rows: Rows<'_>) -> Result<Vec<Self>, FormError>;
    }

    impl Columns for Span {
        fn put_columns(out: &mut Vec<u8>, events: &[&Self]) {
            spans::put_spans(out, events);
        }

        fn read_columns(reader: &mut Reader<'_>, rows: Rows<'_>) -> Result<Vec<Self>, FormError> {
            spans::read_spans(reader, rows)
        }
    }

    impl Columns for LogRecord {
        fn put_columns(out: &mut Vec<u8>, events: &[&Self]) {
            log_records::put_log_records(out, events);
        }

        fn read_columns(reader: &mut Reader<'_>, rows: Rows<'_>) -> Result<Vec<Self>, FormError> {
            log_records::read_log_records(reader, rows)
        }
    }
}

fn from_nanos(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(nanos.into()).unwrap_or(Timestamp::UNIX_EPOCH)
}

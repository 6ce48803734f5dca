//! Spans and log records, in the one form that both ingest protocols decode into and
//! that chunks store.

pub(crate) mod http;
mod log_record;
mod resource_scope;
mod sampling;
pub(crate) mod severity;
mod span;
pub(crate) mod versions;

use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::batch::Signal;

pub use log_record::LogRecord;
pub use resource_scope::{ResourceScope, Scope};
pub use severity::Level;
pub(crate) use span::nanoseconds;
pub use span::{Dropped, Span, SpanEvent, SpanKind, SpanLink, SpanOutcome};

/// A [`Span`] or a [`LogRecord`]. Sealed: there is no third kind.
pub trait Event: sealed::Columns + DeserializeOwned {
    /// The signal that events of this type belong to.
    const SIGNAL: Signal;

    /// Returns the start time; for a log record, the time it was written.
    fn start(&self) -> Timestamp;

    /// Returns the end time; for a log record, the same as [`start`](Self::start).
    fn end(&self) -> Timestamp;

    /// Returns whether the event reports a failure.
    fn is_error(&self) -> bool;

    /// Returns the trace that the event belongs to, if any.
    fn trace_id(&self) -> Option<&str>;

    /// Returns the resource and scope, which many events share and which a chunk stores once.
    fn resource_scope(&self) -> Option<&Arc<ResourceScope>>;

    /// Sets the resource and scope, for an event read from a chunk.
    fn set_resource_scope(&mut self, resource_scope: Option<Arc<ResourceScope>>);

    /// Returns what was cut from the event itself.
    fn truncations(&self) -> &[Truncation];

    /// Returns what is unusual about the event.
    fn notes(&self) -> &[Note];

    /// Adds something unusual about the event.
    fn add_note(&mut self, note: Note);

    /// Returns whether the event was sent with a time.
    fn has_time(&self) -> bool {
        true
    }

    /// Sets the time of an event that was sent without one.
    fn set_time_of_receipt(&mut self, _now: Timestamp) {}

    /// Returns whether a part of the event, or of its resource and scope, was cut.
    fn is_cut(&self) -> bool {
        let shared = self.resource_scope().map(|shared| &shared.truncations);
        !self.truncations().is_empty() || shared.is_some_and(|cut| !cut.is_empty())
    }

    /// Returns the event by its concrete type, for code that treats the two differently.
    fn by_signal(&self) -> EventRef<'_>;
}

/// Either kind of event, borrowed.
#[derive(Debug, Clone, Copy)]
pub enum EventRef<'a> {
    /// Event of the signal `traces`.
    Span(&'a Span),
    /// Event of the signal `logs`.
    Log(&'a LogRecord),
}

/// A part of an event that was cut or dropped because it exceeded a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Truncation {
    /// Field, such as `message`, or path of an attribute, such as `attributes/prompt` or
    /// `events/0/attributes/exception.stacktrace`.
    pub field: String,
    /// Size before the cut, in bytes; of lists and objects as JSON.
    pub bytes: u64,
}

/// Something unusual about an event that was accepted anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    /// The span was sent with an end before its start. Its duration is 0.
    EndBeforeStart,
    /// The log record was sent without a time. Its time is that of receipt.
    TimeOfReceipt,
    /// Credentials or card numbers were removed from the event, or from its resource and scope.
    Scrubbed,
}

impl Note {
    /// All notes. Each is stored as the bit of its place, so new ones are added at the end.
    pub(crate) const ALL: [Self; 3] = [Self::EndBeforeStart, Self::TimeOfReceipt, Self::Scrubbed];
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

        /// Reads the events of these rows.
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

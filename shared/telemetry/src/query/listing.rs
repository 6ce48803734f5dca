//! The list of traces: one row a trace, also where its spans lie in several
//! batches, or its root in none.

use std::collections::{BTreeMap, HashSet};
use std::str::FromStr;

use jiff::Timestamp;
use thiserror::Error;

use crate::chunk::Position;
use crate::chunk::head::{Entry, Summary};
use crate::event::{Event, Span};
use upblit_base::clock;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// What a trace's entry span must be like.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TraceFilter {
    /// How it ended.
    pub status: Option<StatusFilter>,
    /// At least this long, in milliseconds.
    pub min_duration_ms: Option<f64>,
    /// This text in name, service or trace id, in any case; in lower case here.
    pub text: Option<String>,
}

/// How a span ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    /// It did not fail.
    Ok,
    /// It failed.
    Error,
    /// An HTTP status of this hundred.
    Class(u16),
    /// This HTTP status.
    Code(u16),
}

/// The text names no status.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be ok, error, a class such as 5xx, or a status such as 404")]
pub struct InvalidStatus;

impl FromStr for StatusFilter {
    type Err = InvalidStatus;

    fn from_str(text: &str) -> Result<Self, InvalidStatus> {
        match text.as_bytes() {
            b"ok" => Ok(Self::Ok),
            b"error" => Ok(Self::Error),
            [class @ b'1'..=b'5', b'x', b'x'] => Ok(Self::Class(u16::from(class - b'0'))),
            [b'1'..=b'5', _, _] => text.parse().map(Self::Code).map_err(|_| InvalidStatus),
            _ => Err(InvalidStatus),
        }
    }
}

impl PartialSchema for StatusFilter {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).into()
    }
}

impl ToSchema for StatusFilter {}

impl TraceFilter {
    /// Whether a blob with this summary may hold such traces. Entries that were
    /// left out are anyone's guess; counts and durations never are.
    pub fn may_match(&self, summary: &Summary) -> bool {
        let mut minutes = summary.minutes.values();
        match self.status {
            Some(StatusFilter::Error) if minutes.clone().all(|m| m.all.errors == 0) => {
                return false;
            }
            _ => {}
        }
        self.min_duration_ms.is_none_or(|least| {
            minutes.any(|m| m.all.durations.as_ref().is_some_and(|d| d.max >= least))
        })
    }

    /// Whether a trace with this entry is asked for.
    pub fn matches(&self, entry: &Entry) -> bool {
        let status = match self.status {
            None => true,
            Some(StatusFilter::Ok) => !entry.is_error,
            Some(StatusFilter::Error) => entry.is_error,
            Some(StatusFilter::Class(class)) => entry.status.is_some_and(|s| s / 100 == class),
            Some(StatusFilter::Code(code)) => entry.status == Some(code),
        };
        let duration = self
            .min_duration_ms
            .is_none_or(|least| entry.duration_ms.is_some_and(|duration| duration >= least));
        status && duration && self.text.as_deref().is_none_or(|text| tells(entry, text))
    }

    /// Whether nothing is asked for but the time.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

fn tells(entry: &Entry, text: &str) -> bool {
    let service = entry.service.as_deref().unwrap_or_default();
    [&entry.name, &entry.trace_id, service]
        .iter()
        .any(|part| holds(part, text))
}

/// Whether a text holds another, which is in lower case, in any case.
pub(super) fn holds(text: &str, lower: &str) -> bool {
    text.to_lowercase().contains(lower)
}

impl Entry {
    /// When it started.
    pub fn start(&self) -> Timestamp {
        clock::from_millis(self.start_ms)
    }

    /// When it ended.
    pub fn end(&self) -> Timestamp {
        let seconds = self.duration_ms.unwrap_or_default() / 1000.0;
        let duration = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
        clock::after(self.start(), duration)
    }
}

/// A batch's entries as a list shows them: newest first.
pub fn newest_first(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by(|a, b| (b.start_ms, &b.trace_id).cmp(&(a.start_ms, &a.trace_id)));
    entries
}

/// What the batches around a trace hold of it.
#[derive(Debug, Default)]
pub struct Gathered<'a> {
    by_chunk: BTreeMap<Position, Vec<&'a Span>>,
}

impl<'a> Gathered<'a> {
    /// Adds what one chunk holds of the trace.
    pub fn add(&mut self, chunk: Position, spans: Vec<&'a Span>) {
        if !spans.is_empty() {
            self.by_chunk.insert(chunk, spans);
        }
    }

    /// The one chunk in whose place the trace is listed, wherever the list was cut
    /// into pages: the first that holds its root or, without any, the first of all.
    pub fn home(&self) -> Option<Position> {
        let has_root = |spans: &Vec<&Span>| spans.iter().any(|s| s.parent_span_id.is_none());
        let with_root = self.by_chunk.iter().find(|(_, spans)| has_root(spans));
        with_root
            .or_else(|| self.by_chunk.first_key_value())
            .map(|(chunk, _)| *chunk)
    }

    /// Distinct spans, and how many of them failed.
    pub fn counts(&self) -> (usize, usize) {
        let mut seen = HashSet::new();
        let spans = self.by_chunk.values().flatten();
        let distinct: Vec<_> = spans.filter(|span| seen.insert(&span.span_id)).collect();
        let errors = distinct.iter().filter(|span| span.is_error()).count();
        (distinct.len(), errors)
    }
}

#[cfg(test)]
mod tests;

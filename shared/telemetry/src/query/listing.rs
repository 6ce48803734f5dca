//! The list of traces: one row per trace, even if its spans are in several chunks or its
//! root is missing.

use std::str::FromStr;

use jiff::Timestamp;
use thiserror::Error;

use crate::chunk::summary::{Entry, Summary};
use crate::event::versions::distinct;
use crate::event::{Event, Span};
use upblit_base::clock;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Conditions that the row of a trace must meet; all of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TraceFilter {
    /// Outcome or HTTP status.
    pub status: Option<StatusFilter>,
    /// Shortest duration, in milliseconds.
    pub min_duration_ms: Option<f64>,
    /// Text to find in name, service or trace id, ignoring case. Must be in lower case.
    pub text: Option<String>,
}

/// Condition on the outcome of a trace, or on the HTTP status of its root span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    /// No span of the trace failed.
    Ok,
    /// A span of the trace failed.
    Error,
    /// The HTTP status is in this hundred, 1 to 5.
    Class(u16),
    /// The HTTP status is exactly this.
    Code(u16),
}

/// The text is not a [`StatusFilter`].
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
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^(ok|error|[1-5]xx|[1-5][0-9][0-9])?$"))
            .into()
    }
}

impl ToSchema for StatusFilter {}

/// Summaries round durations to nanoseconds.
const ROUNDING_MS: f64 = 1e-6;

impl TraceFilter {
    /// Whether a chunk with this summary may hold matching traces. Uses only durations, because a
    /// summary may omit its rows, and the failed span of a trace may be in another chunk.
    pub fn may_match(&self, summary: &Summary) -> bool {
        let mut minutes = summary.minutes.values();
        self.min_duration_ms.is_none_or(|least| {
            minutes.any(|m| {
                m.all
                    .durations
                    .as_ref()
                    .is_some_and(|d| d.max_ms() + ROUNDING_MS >= least)
            })
        })
    }

    /// Whether a trace meets the condition that depends on all its spans, of which so many failed.
    pub fn accepts(&self, entry: &Entry, errors: usize) -> bool {
        let is_failed = entry.is_error || errors > 0;
        match self.status {
            Some(StatusFilter::Ok) => !is_failed,
            Some(StatusFilter::Error) => is_failed,
            _ => true,
        }
    }

    /// Whether a row meets all conditions that do not depend on other spans of the trace.
    pub fn matches(&self, entry: &Entry) -> bool {
        let status = match self.status {
            // All spans of the trace decide.
            None | Some(StatusFilter::Ok | StatusFilter::Error) => true,
            Some(StatusFilter::Class(class)) => entry.status.is_some_and(|s| s / 100 == class),
            Some(StatusFilter::Code(code)) => entry.status == Some(code),
        };
        let duration = self
            .min_duration_ms
            .is_none_or(|least| entry.duration_ms.is_some_and(|duration| duration >= least));
        status
            && duration
            && self
                .text
                .as_deref()
                .is_none_or(|text| row_contains(entry, text))
    }

    /// Whether the filter has no condition.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

fn row_contains(entry: &Entry, text: &str) -> bool {
    let service = entry.service.as_deref().unwrap_or_default();
    [&entry.name, &entry.trace_id, service]
        .iter()
        .any(|part| contains_ignoring_case(part, text))
}

/// Whether a text contains another, ignoring case. The other must be in lower case.
pub(super) fn contains_ignoring_case(text: &str, lower: &str) -> bool {
    text.to_lowercase().contains(lower)
}

impl Entry {
    /// Start time of the span.
    pub fn start(&self) -> Timestamp {
        clock::from_millis(self.start_ms)
    }

    /// End time of the span; the start if its duration is unknown.
    pub fn end(&self) -> Timestamp {
        let seconds = self.duration_ms.unwrap_or_default() / 1000.0;
        let duration = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
        clock::after(self.start(), duration)
    }
}

/// Spans of one trace from several chunks.
#[derive(Debug, Default)]
pub struct Gathered<'a> {
    spans: Vec<&'a Span>,
}

impl<'a> Gathered<'a> {
    /// Adds a span, which may be a version of one that was added before.
    pub fn add(&mut self, span: &'a Span) {
        self.spans.push(span);
    }

    /// The span at which the trace is listed, whichever chunks hold it: the earliest root or,
    /// without a root, the earliest span.
    pub fn best(&self) -> Option<&'a Span> {
        let spans = distinct(self.spans.iter().copied());
        let rank = |span: &&'a Span| (!span.is_root(), span.start_ns, &span.span_id);
        spans.into_iter().min_by(|a, b| rank(a).cmp(&rank(b)))
    }

    /// Number of distinct spans, and how many of them failed.
    pub fn counts(&self) -> (usize, usize) {
        let distinct = distinct(self.spans.iter().copied());
        let errors = distinct.iter().filter(|span| span.is_error()).count();
        (distinct.len(), errors)
    }
}

#[cfg(test)]
mod tests;

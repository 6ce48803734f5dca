//! The list of traces: one row per trace, even if its spans are in several chunks or its
//! root is missing.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::Timestamp;
use thiserror::Error;

use super::spans::SpanFilter;
use super::window::TimeWindow;
use crate::chunk::summary::{Entry, Summary, entries};
use crate::event::versions::distinct;
use crate::event::{Event, Span};
use upblit_base::clock;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Conditions on a trace, which must meet all of them. Those other than [`spans`](Self::spans) are
/// about its row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TraceFilter {
    /// Outcome or HTTP status.
    pub status: Option<StatusFilter>,
    /// Shortest duration, in milliseconds.
    pub min_duration_ms: Option<f64>,
    /// Longest duration, in milliseconds.
    pub max_duration_ms: Option<f64>,
    /// What one of its spans must meet.
    pub spans: SpanFilter,
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
    /// The HTTP status begins with this digit, 1 to 5.
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
    /// Returns whether a trace may be listed at a chunk with this summary. Of the conditions on
    /// rows only durations decide, because a summary may omit its rows, and the failed span of a
    /// trace may be in another chunk. With a condition on spans, its row may be in another chunk as
    /// well.
    pub fn may_match(&self, summary: &Summary) -> bool {
        if !self.spans.is_open() {
            return self.spans.may_match(summary);
        }
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

    /// Returns whether the row of a trace with this many failed spans meets all conditions. Only
    /// for a trace with a span that meets those on spans.
    pub fn accepts(&self, entry: &Entry, errors: usize) -> bool {
        let is_failed = entry.is_error || errors > 0;
        let has_outcome = match self.status {
            Some(StatusFilter::Ok) => !is_failed,
            Some(StatusFilter::Error) => is_failed,
            _ => true,
        };
        has_outcome && self.matches(entry)
    }

    /// Returns whether rows must meet conditions.
    pub fn has_conditions_on_rows(&self) -> bool {
        let spans = self.spans.clone();
        *self
            != Self {
                spans,
                ..Self::default()
            }
    }

    /// Returns whether a row meets all conditions that do not depend on other spans of the trace.
    pub fn matches(&self, entry: &Entry) -> bool {
        let status = match self.status {
            // All spans of the trace decide.
            None | Some(StatusFilter::Ok | StatusFilter::Error) => true,
            Some(StatusFilter::Class(class)) => entry.status.is_some_and(|s| s / 100 == class),
            Some(StatusFilter::Code(code)) => entry.status == Some(code),
        };
        let is_long = self
            .min_duration_ms
            .is_none_or(|least| entry.duration_ms.is_some_and(|duration| duration >= least));
        let is_short = self
            .max_duration_ms
            .is_none_or(|most| entry.duration_ms.is_some_and(|duration| duration <= most));
        status
            && is_long
            && is_short
            && self
                .text
                .as_deref()
                .is_none_or(|text| row_contains(entry, text))
    }

    /// Returns whether the filter has no condition.
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

/// Returns whether a text contains another, ignoring case. The other must be in lower case.
pub(super) fn contains_ignoring_case(text: &str, lower: &str) -> bool {
    text.to_lowercase().contains(lower)
}

impl Entry {
    /// Returns the start time of the span.
    pub fn start(&self) -> Timestamp {
        clock::from_millis(self.start_ms)
    }

    /// Returns the end time of the span; the start if its duration is unknown.
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

    /// Returns the span at which the trace is listed, in whichever chunk it is: the earliest root or,
    /// without a root, the earliest span.
    pub fn best(&self) -> Option<&'a Span> {
        let spans = distinct(self.spans.iter().copied());
        let rank = |span: &&'a Span| (!span.is_root(), span.start_ns, &span.span_id);
        spans.into_iter().min_by(|a, b| rank(a).cmp(&rank(b)))
    }

    /// Returns the number of distinct spans, and how many of them failed.
    pub fn counts(&self) -> (usize, usize) {
        let distinct = distinct(self.spans.iter().copied());
        let errors = distinct.iter().filter(|span| span.is_error()).count();
        (distinct.len(), errors)
    }

    /// Returns the start of the earliest span that is in the window and meets the conditions, in
    /// milliseconds. Every version of a span counts.
    pub fn first_match(&self, filter: &SpanFilter, window: TimeWindow) -> Option<i64> {
        first_match(self.spans.iter().copied(), filter, window)
    }
}

/// A trace as a chunk lists it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Its row, from the spans in the chunk.
    pub entry: Entry,
    /// Its place in the list, in milliseconds: the start of the span that the row shows or, with
    /// conditions on spans, of the first span that meets them.
    pub place_ms: i64,
}

impl From<Entry> for Listed {
    fn from(entry: Entry) -> Self {
        let place_ms = entry.start_ms;
        Self { entry, place_ms }
    }
}

/// Returns the traces with a span that is in the window and meets the conditions, newest first.
pub fn matching(spans: &[Span], filter: &SpanFilter, window: TimeWindow) -> Vec<Listed> {
    let mut of_traces = BTreeMap::<&str, Vec<&Span>>::new();
    for span in spans {
        of_traces.entry(&span.trace_id).or_default().push(span);
    }
    let mut listed = Vec::new();
    for spans in of_traces.into_values() {
        if let Some(place_ms) = first_match(spans.iter().copied(), filter, window) {
            let rows = entries(spans).into_iter();
            listed.extend(rows.map(|entry| Listed { entry, place_ms }));
        }
    }
    listed.sort_by_key(|listed| Reverse(listed.place_ms));
    listed
}

fn first_match<'a>(
    spans: impl Iterator<Item = &'a Span>,
    filter: &SpanFilter,
    window: TimeWindow,
) -> Option<i64> {
    let matching = spans.filter(|span| window.contains(span.start()) && filter.matches(span));
    matching.map(|span| span.start().as_millisecond()).min()
}

#[cfg(test)]
mod tests;

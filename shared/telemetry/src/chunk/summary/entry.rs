use foldhash::{HashMap, HashMapExt as _};

use crate::chunk::memory;
use crate::event::versions::distinct;
use crate::event::{Event, Span, SpanKind};

/// Longest name and service of a list row, in bytes. Those of a span may have 64 KiB, and a chunk has
/// thousands of rows.
const MAX_TEXT: usize = 1024;

/// A list row for a trace: its root span or, if the root is not in the chunk, the
/// earliest span of the trace that is.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Id of the trace.
    pub trace_id: String,
    /// Display name of the span, cut to 1,024 bytes.
    pub name: String,
    /// Service that recorded the span, cut to 1,024 bytes.
    pub service: Option<String>,
    /// Role of the span in the trace.
    pub kind: Option<SpanKind>,
    /// Start time, in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// Duration in milliseconds, if known.
    pub duration_ms: Option<f64>,
    /// HTTP status of the response, 100 to 599.
    pub status: Option<u16>,
    /// Whether the span failed.
    pub is_error: bool,
    /// Whether the span is the root of the trace.
    pub is_root: bool,
}

impl Entry {
    /// Returns the memory of the row, in bytes.
    pub fn memory(&self) -> usize {
        memory::of_entry(self)
    }

    /// Creates the row of a span.
    pub fn of(span: &Span) -> Self {
        Self {
            trace_id: span.trace_id.clone(),
            name: cut(&span.display_name()),
            service: span.service().map(cut),
            kind: span.kind,
            start_ms: span.start().as_millisecond(),
            duration_ms: span.duration_ms,
            status: span.status,
            is_error: span.is_error(),
            is_root: span.parent_span_id.is_none(),
        }
    }
}

/// Cuts a text of a list row to at most [`MAX_TEXT`] bytes.
pub(in crate::chunk) fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_TEXT)].to_owned()
}

/// Returns the list row of each trace among these spans, in the order of first appearance. Of the
/// versions of a span, only the best one counts.
pub fn entries<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Vec<Entry> {
    entries_of_distinct(&distinct(spans))
}

/// Like [`entries`], for spans that have no other versions among them.
pub(super) fn entries_of_distinct(spans: &[&Span]) -> Vec<Entry> {
    let mut places = HashMap::<&str, usize>::new();
    let mut best: Vec<&Span> = Vec::new();
    for &span in spans {
        let place = *places.entry(&span.trace_id).or_insert(best.len());
        match best.get_mut(place) {
            None => best.push(span),
            Some(other) if is_better(span, other) => *other = span,
            Some(_) => {}
        }
    }
    best.into_iter().map(Entry::of).collect()
}

/// Returns whether a list row shows `span` rather than `other`: roots come first, then the earliest.
fn is_better(span: &Span, other: &Span) -> bool {
    let rank = |span: &Span| (!span.is_root(), span.start_ns);
    (rank(span), &span.span_id) < (rank(other), &other.span_id)
}

/// Sorts the rows of a chunk for the list: newest first.
pub fn newest_first(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by(|a, b| (b.start_ms, &b.trace_id).cmp(&(a.start_ms, &a.trace_id)));
    entries
}

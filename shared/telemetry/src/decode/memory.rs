//! Bounds the memory of a request while it is decoded. JSON and protocol buffers of many tiny
//! values take a hundred times their size once they are read, so the size of a body does not bound
//! its events.

use std::mem::size_of;

use serde_json::{Map, Value};

use super::Indexed;
use super::envelope::EnvelopeError;
use crate::batch::Signal;
use crate::chunk::of_nodes;
use crate::event::{EventRef, LogRecord, ResourceScope, Span, Truncation};

/// Memory that a decompressed body and its events may take together, in bytes. The process itself,
/// the event of Lambda, the event that is being decoded and the packed chunks take about as much
/// again, which leaves a request below 60 % of the 512 MB that `template.yaml` gives to ingest.
pub const MAX_MEMORY: usize = 160 * 1024 * 1024;

/// Memory of a located part of a body, in bytes: two slices, as the list of slices is converted.
const PART: usize = 48;

/// What is left of the memory for a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget(usize);

impl Budget {
    /// Creates the budget of a request whose body takes this many bytes.
    ///
    /// # Errors
    /// When the body alone takes more.
    pub(super) fn after(body: usize) -> Result<Self, EnvelopeError> {
        let mut budget = Self(MAX_MEMORY);
        budget.take(body)?;
        Ok(budget)
    }

    /// Takes this many bytes.
    ///
    /// # Errors
    /// When fewer are left.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), EnvelopeError> {
        self.0 = self.0.checked_sub(bytes).ok_or(EnvelopeError::TooLarge)?;
        Ok(())
    }

    /// Returns the number of parts that can still be located, each of which takes `more` bytes later.
    pub(super) fn parts(self, more: usize) -> usize {
        self.0 / (PART + more)
    }

    /// Takes the memory of located parts.
    ///
    /// # Errors
    /// When less is left.
    pub(super) fn take_parts(&mut self, count: usize, more: usize) -> Result<(), EnvelopeError> {
        self.take(count.saturating_mul(PART + more))
    }
}

/// Returns the memory of an event of a signal without its parts, in bytes.
pub(super) fn of_each(signal: Signal) -> usize {
    match signal {
        Signal::Traces => size_of::<Indexed<Span>>(),
        Signal::Logs => size_of::<Indexed<LogRecord>>(),
    }
}

/// Returns the memory of the parts of an event outside of the event itself, in bytes. Does not include
/// its resource and scope, which events share.
pub(super) fn of_event(event: EventRef<'_>) -> usize {
    match event {
        EventRef::Span(span) => of_span(span),
        EventRef::Log(record) => of_log_record(record),
    }
}

/// Memory of a shared resource and scope, in bytes.
pub(super) fn of_resource_scope(shared: &ResourceScope) -> usize {
    let texts = [&shared.resource_schema_url, &shared.scope_schema_url];
    let scope = shared.scope.as_ref().map_or(0, |scope| {
        of_text(&scope.name) + of_texts([&scope.version]) + of_map(&scope.attributes)
    });
    allocation(size_of::<ResourceScope>() + 2 * size_of::<usize>())
        + of_map(&shared.resource)
        + of_texts(texts)
        + of_truncations(&shared.truncations)
        + scope
}

fn of_span(span: &Span) -> usize {
    let texts = [
        &span.parent_span_id,
        &span.name,
        &span.method,
        &span.url,
        &span.status_message,
        &span.trace_state,
    ];
    let events = span
        .events
        .iter()
        .map(|event| of_text(&event.name) + of_map(&event.attributes));
    let links = span.links.iter().map(|link| {
        of_text(&link.trace_id)
            + of_text(&link.span_id)
            + of_texts([&link.trace_state])
            + of_map(&link.attributes)
    });
    of_text(&span.trace_id)
        + of_text(&span.span_id)
        + of_texts(texts)
        + of_map(&span.attributes)
        + of_list(&span.events)
        + events.sum::<usize>()
        + of_list(&span.links)
        + links.sum::<usize>()
        + of_truncations(&span.truncations)
        + of_list(&span.notes)
}

fn of_log_record(record: &LogRecord) -> usize {
    let texts = [
        &record.kind,
        &record.trace_id,
        &record.span_id,
        &record.severity_text,
    ];
    of_text(&record.level)
        + of_text(&record.message)
        + of_texts(texts)
        + of_map(&record.attributes)
        + of_truncations(&record.truncations)
        + of_list(&record.notes)
}

fn of_truncations(truncations: &Vec<Truncation>) -> usize {
    let fields = truncations.iter().map(|cut| of_text(&cut.field));
    of_list(truncations) + fields.sum::<usize>()
}

fn of_map(map: &Map<String, Value>) -> usize {
    let entries = map
        .iter()
        .map(|(name, value)| of_text(name) + of_value(value));
    of_nodes(map.len()) + entries.sum::<usize>()
}

/// Memory of a value beyond that of its slot. Recurses at most 128 levels, the deepest JSON that is
/// accepted.
fn of_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => of_text(text),
        Value::Array(values) => of_list(values) + values.iter().map(of_value).sum::<usize>(),
        Value::Object(map) => of_map(map),
    }
}

fn of_texts<const N: usize>(texts: [&Option<String>; N]) -> usize {
    texts.into_iter().flatten().map(of_text).sum()
}

fn of_text(text: &String) -> usize {
    allocation(text.capacity())
}

fn of_list<T>(list: &Vec<T>) -> usize {
    allocation(list.capacity() * size_of::<T>())
}

/// Memory of an allocation: the allocator adds a header and rounds up.
fn allocation(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        _ => (bytes + 8).next_multiple_of(16).max(32),
    }
}

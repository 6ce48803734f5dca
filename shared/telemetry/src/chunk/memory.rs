//! Estimates of the memory that events take once they are decoded. They depend on the events
//! alone, not on the stored form or on the layout of a type, because they decide how a batch is
//! divided into chunks: a retry must have the same chunks in every release. They are never too small,
//! because readers keep within a memory budget by them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::summary::Entry;
use crate::event::{Event, EventRef, LogRecord, ResourceScope, Span, Truncation};

/// Memory of a span without its texts and parts, in bytes.
pub(super) const SPAN: usize = 640;
/// Memory of a log record without its texts, in bytes.
pub(super) const LOG_RECORD: usize = 512;
/// Memory of a resource and scope without its texts and attributes, in bytes.
const RESOURCE_SCOPE: usize = 640;
/// Memory of an event or link of a span without its texts, in bytes. Includes the unused
/// room of lists, which may have room for twice as many.
const SPAN_EVENT: usize = 128;
const LINK: usize = 256;
/// Memory of a truncation without its text, in bytes.
const TRUNCATION: usize = 64;
/// Memory of a value in a list, in bytes.
const VALUE: usize = 32;
/// Smallest number of values that a list has room for, unless it is empty.
const SHORTEST_LIST: usize = 4;
/// Memory of a node of a map, in bytes. A node has room for eleven entries, and has at least five if
/// there are other nodes.
pub(super) const NODE: usize = 680;
const MAX_IN_NODE: usize = 11;
const MIN_IN_NODE: usize = 5;
/// The least memory of an entry of a map without its texts, in bytes.
pub(super) const ENTRY: usize = NODE / MAX_IN_NODE;
/// Memory of a list row without its texts, in bytes.
const LIST_ROW: usize = 128;

/// Memory of events with their resources and scopes, in bytes.
pub(super) fn of_events<E: Event>(events: &[&E]) -> usize {
    let mut last = None;
    let bytes = events.iter().map(|event| {
        let shared = event.resource_scope().map(Arc::as_ptr);
        let is_new = shared != last;
        last = shared;
        let resource_scope = event.resource_scope().filter(|_| is_new);
        of_event(event.by_signal()) + resource_scope.map_or(0, |r| of_resource_scope(r))
    });
    bytes.sum()
}

/// Returns the memory of an event with its resource and scope, in bytes. Events may share a resource and
/// scope.
pub fn of_one<E: Event>(event: &E) -> usize {
    of_events(&[event])
}

/// Memory of a resource and scope, in bytes.
pub(super) fn of_resource_scope(resource_scope: &ResourceScope) -> usize {
    let urls = [
        &resource_scope.resource_schema_url,
        &resource_scope.scope_schema_url,
    ];
    let scope = resource_scope.scope.as_ref().map_or(0, |scope| {
        of_text(&scope.name) + of_texts([&scope.version]) + of_attributes(&scope.attributes)
    });
    RESOURCE_SCOPE
        + of_attributes(&resource_scope.resource)
        + of_texts(urls)
        + of_truncations(&resource_scope.truncations)
        + scope
}

fn of_event(event: EventRef<'_>) -> usize {
    match event {
        EventRef::Span(span) => SPAN + of_attributes(&span.attributes) + of_span(span),
        EventRef::Log(record) => {
            LOG_RECORD + of_attributes(&record.attributes) + of_log_record(record)
        }
    }
}

/// Memory of the texts, events and links of a span, in bytes.
pub(super) fn of_span(span: &Span) -> usize {
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
        .map(|event| SPAN_EVENT + of_text(&event.name) + of_attributes(&event.attributes));
    let links = span.links.iter().map(|link| {
        let texts = of_text(&link.trace_id) + of_text(&link.span_id);
        LINK + texts + of_texts([&link.trace_state]) + of_attributes(&link.attributes)
    });
    of_text(&span.trace_id)
        + of_text(&span.span_id)
        + of_texts(texts)
        + events.sum::<usize>()
        + links.sum::<usize>()
        + of_truncations(&span.truncations)
}

/// Memory of the texts of a log record, in bytes.
pub(super) fn of_log_record(record: &LogRecord) -> usize {
    let texts = [
        &record.kind,
        &record.trace_id,
        &record.span_id,
        &record.severity_text,
    ];
    of_text(&record.level)
        + of_text(&record.message)
        + of_texts(texts)
        + of_truncations(&record.truncations)
}

/// Memory of a list row, in bytes.
pub(super) fn of_entry(entry: &Entry) -> usize {
    LIST_ROW + of_text(&entry.trace_id) + of_text(&entry.name) + of_texts([&entry.service])
}

fn of_truncations(truncations: &[Truncation]) -> usize {
    let each = truncations
        .iter()
        .map(|truncation| TRUNCATION + of_text(&truncation.field));
    each.sum()
}

fn of_texts<const N: usize>(texts: [&Option<String>; N]) -> usize {
    let each = texts.into_iter().flatten().map(|text| of_text(text));
    each.sum()
}

/// Memory of a text, which the allocator rounds up.
pub(super) fn of_text(text: &str) -> usize {
    match text.len() {
        0 => 0,
        bytes => (bytes + 8).next_multiple_of(16).max(32),
    }
}

/// Memory of attributes, in bytes.
pub(super) fn of_attributes(attributes: &Map<String, Value>) -> usize {
    let each = attributes
        .iter()
        .map(|(key, value)| of_text(key) + of_value(value));
    of_nodes(attributes.len()) + each.sum::<usize>()
}

/// Memory of the nodes of a map with this many entries, in bytes. At least [`ENTRY`] for each.
pub(crate) fn of_nodes(entries: usize) -> usize {
    match entries {
        0 => 0,
        1..=MAX_IN_NODE => NODE,
        _ => NODE * (1 + entries / MIN_IN_NODE),
    }
}

/// Memory of a value beyond that of its slot, in bytes. Recurses at most 128 levels, the deepest
/// JSON that is accepted.
pub(super) fn of_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => of_text(text),
        Value::Array(values) if values.is_empty() => 0,
        Value::Array(values) => {
            // Lists double their room as they grow.
            let room = values.len().next_power_of_two().max(SHORTEST_LIST);
            16 + VALUE * room + values.iter().map(of_value).sum::<usize>()
        }
        Value::Object(map) => of_attributes(map),
    }
}

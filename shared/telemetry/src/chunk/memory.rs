//! Estimates of the memory that events take once they are decoded. They depend on the events
//! alone, not on the stored form or on the layout of a type, because they decide how a batch is
//! divided into chunks: a retry must have the same chunks in every release.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::summary::Entry;
use crate::event::{Event, EventRef, LogRecord, ResourceScope, Span};

/// Memory of a span without its texts and parts, in bytes.
pub(super) const SPAN: usize = 640;
/// Memory of a log record without its texts, in bytes.
pub(super) const LOG_RECORD: usize = 512;
/// Memory of an event or link of a span without its texts, in bytes.
const PART: usize = 128;
/// Memory of a value in a list, in bytes.
const VALUE: usize = 32;
/// Memory of a map, in bytes. It allocates room for eleven entries at once.
const MAP: usize = 640;
/// Memory of an entry of a map without its texts, in bytes.
pub(super) const ENTRY: usize = 112;

/// Memory of events with their resources and scopes, in bytes.
pub(super) fn of_events<E: Event>(events: &[&E]) -> usize {
    let mut last = None;
    let each = events.iter().map(|event| {
        let shared = event.resource_scope().map(Arc::as_ptr);
        let is_new = shared != last;
        last = shared;
        let resource_scope = event.resource_scope().filter(|_| is_new);
        of_event(event.by_signal()) + resource_scope.map_or(0, |r| of_resource_scope(r))
    });
    each.sum()
}

/// Memory of a resource and scope, in bytes.
pub(super) fn of_resource_scope(resource_scope: &ResourceScope) -> usize {
    let scope = resource_scope.scope.as_ref();
    MAP + of_attributes(&resource_scope.resource)
        + scope.map_or(0, |scope| {
            MAP + scope.name.len() + of_attributes(&scope.attributes)
        })
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
        Some(&span.trace_id),
        Some(&span.span_id),
        span.parent_span_id.as_ref(),
        span.name.as_ref(),
        span.method.as_ref(),
        span.url.as_ref(),
        span.status_message.as_ref(),
        span.trace_state.as_ref(),
    ];
    let events = span
        .events
        .iter()
        .map(|event| PART + event.name.len() + of_attributes(&event.attributes));
    let links = span.links.iter().map(|link| {
        PART + link.trace_id.len() + link.span_id.len() + of_attributes(&link.attributes)
    });
    of_texts(&texts) + events.sum::<usize>() + links.sum::<usize>()
}

/// Memory of the texts of a log record, in bytes.
pub(super) fn of_log_record(record: &LogRecord) -> usize {
    let texts = [
        Some(&record.level),
        Some(&record.message),
        record.kind.as_ref(),
        record.trace_id.as_ref(),
        record.span_id.as_ref(),
        record.severity_text.as_ref(),
    ];
    of_texts(&texts)
}

/// Memory of a list row, in bytes.
pub(super) fn of_entry(entry: &Entry) -> usize {
    let texts = [
        Some(&entry.trace_id),
        Some(&entry.name),
        entry.service.as_ref(),
    ];
    PART + of_texts(&texts)
}

fn of_texts(texts: &[Option<&String>]) -> usize {
    texts.iter().flatten().map(|text| text.len()).sum()
}

fn of_attributes(attributes: &Map<String, Value>) -> usize {
    let each = attributes
        .iter()
        .map(|(key, value)| ENTRY + key.len() + of_value(value));
    each.sum()
}

/// Memory of a value beyond that of its slot, in bytes. Recurses at most 128 levels, the deepest
/// JSON that is accepted.
pub(super) fn of_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => {
            let inner = values.iter().map(|value| VALUE + of_value(value));
            inner.sum()
        }
        Value::Object(map) if map.is_empty() => 0,
        Value::Object(map) => of_attributes(map).max(MAP),
    }
}

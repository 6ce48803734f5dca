//! Estimates of the memory that events take once they are decoded. They do not depend on the
//! stored form, so they may decide how a batch is divided into chunks.

use serde_json::{Map, Value};

use crate::event::{EventRef, LogRecord, Span};

/// A map allocates room for eleven entries at once.
const MAP: usize = 640;
/// An entry of a map, apart from its texts.
pub(super) const ENTRY: usize = 112;

/// Memory of an event, in bytes. Resource and scope are shared and not included.
pub(super) fn of_event(event: EventRef<'_>) -> usize {
    match event {
        EventRef::Span(span) => of_attributes(&span.attributes) + of_span(span),
        EventRef::Log(record) => of_attributes(&record.attributes) + of_log_record(record),
    }
}

/// Memory of a span without its attributes, in bytes.
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
        .map(|event| size_of_val(event) + event.name.len() + of_attributes(&event.attributes));
    let links = span.links.iter().map(|link| {
        size_of_val(link)
            + link.trace_id.len()
            + link.span_id.len()
            + of_attributes(&link.attributes)
    });
    size_of::<Span>() + of_texts(&texts) + events.sum::<usize>() + links.sum::<usize>()
}

/// Memory of a log record without its attributes, in bytes.
pub(super) fn of_log_record(record: &LogRecord) -> usize {
    let texts = [
        Some(&record.level),
        Some(&record.message),
        record.kind.as_ref(),
        record.trace_id.as_ref(),
        record.span_id.as_ref(),
        record.severity_text.as_ref(),
    ];
    size_of::<LogRecord>() + of_texts(&texts)
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

/// Memory of a value beyond that of its place, in bytes. As deep as JSON may be, which is 128.
pub(super) fn of_value(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => {
            let inner = values
                .iter()
                .map(|value| size_of::<Value>() + of_value(value));
            inner.sum()
        }
        Value::Object(map) if map.is_empty() => 0,
        Value::Object(map) => of_attributes(map).max(MAP),
    }
}

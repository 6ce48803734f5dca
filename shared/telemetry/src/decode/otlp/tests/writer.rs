//! Writes requests as OTLP's JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;

use super::*;

pub(super) fn request(request: &ExportTraceServiceRequest) -> Value {
    let resources = request.resource_spans.iter().map(|group| {
        let scopes = group.scope_spans.iter().map(|scope| {
            json!({
                "scope": scope.scope.as_ref().map(|scope| json!({
                    "name": scope.name, "version": scope.version,
                    "attributes": pairs(&scope.attributes),
                    "droppedAttributesCount": scope.dropped_attributes_count,
                })),
                "schemaUrl": scope.schema_url,
                "spans": scope.spans.iter().map(span).collect::<Value>(),
            })
        });
        json!({
            "resource": group.resource.as_ref().map(|resource| json!({
                "attributes": pairs(&resource.attributes),
                "droppedAttributesCount": resource.dropped_attributes_count,
            })),
            "schemaUrl": group.schema_url,
            "scopeSpans": scopes.collect::<Value>(),
        })
    });
    json!({ "resourceSpans": resources.collect::<Value>() })
}

fn span(span: &SpanMessage) -> Value {
    let events = span.events.iter().map(|event| {
        json!({
            "timeUnixNano": event.time_unix_nano, "name": event.name,
            "attributes": pairs(&event.attributes),
            "droppedAttributesCount": event.dropped_attributes_count,
        })
    });
    let links = span.links.iter().map(|link| {
        json!({
            "traceId": HEXLOWER.encode(&link.trace_id), "spanId": HEXLOWER.encode(&link.span_id),
            "attributes": pairs(&link.attributes),
            "traceState": link.trace_state, "flags": link.flags,
            "droppedAttributesCount": link.dropped_attributes_count,
        })
    });
    json!({
        "traceId": HEXLOWER.encode(&span.trace_id), "spanId": HEXLOWER.encode(&span.span_id),
        "parentSpanId": HEXLOWER.encode(&span.parent_span_id), "name": span.name, "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano.to_string(),
        "endTimeUnixNano": span.end_time_unix_nano,
        "status": span.status.as_ref().map(|status| json!({
            "code": status.code, "message": status.message,
        })),
        "attributes": pairs(&span.attributes),
        "traceState": span.trace_state, "flags": span.flags,
        "droppedAttributesCount": span.dropped_attributes_count,
        "droppedEventsCount": span.dropped_events_count,
        "droppedLinksCount": span.dropped_links_count,
        "events": events.collect::<Value>(), "links": links.collect::<Value>(),
    })
}

fn pairs(pairs: &[KeyValue]) -> Value {
    let pair = |pair: &KeyValue| json!({ "key": pair.key, "value": pair.value.as_ref().map(any) });
    pairs.iter().map(pair).collect()
}

fn any(value: &AnyValue) -> Value {
    match &value.value {
        None | Some(Any::StringValueStrindex(_)) => json!({}),
        Some(Any::StringValue(text)) => json!({ "stringValue": text }),
        Some(Any::BoolValue(boolean)) => json!({ "boolValue": boolean }),
        Some(Any::IntValue(integer)) => json!({ "intValue": integer.to_string() }),
        Some(Any::DoubleValue(double)) if double.is_nan() => json!({ "doubleValue": "NaN" }),
        Some(Any::DoubleValue(double)) => json!({ "doubleValue": double }),
        Some(Any::BytesValue(bytes)) => json!({ "bytesValue": STANDARD.encode(bytes) }),
        Some(Any::ArrayValue(array)) => {
            let values: Value = array.values.iter().map(any).collect();
            json!({ "arrayValue": { "values": values } })
        }
        Some(Any::KvlistValue(list)) => {
            json!({ "kvlistValue": { "values": pairs(&list.values) } })
        }
    }
}

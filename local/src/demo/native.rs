//! Encodes the events of the web service in Upblit's own JSON.

use serde_json::{Map, Value, json};

use super::telemetry::{Log, Service, Span};
use super::time;

/// A batch for `POST /ingest/traces` with the spans of the web service; `None` without any.
pub(super) fn traces(spans: &[Span]) -> Option<Value> {
    let spans: Vec<_> = spans
        .iter()
        .filter(|span| uses_native_json(span.service))
        .map(trace)
        .collect();
    (!spans.is_empty()).then(|| json!({ "traces": spans }))
}

/// A batch for `POST /ingest/logs` with the logs of the web service; `None` without any.
pub(super) fn logs(logs: &[Log]) -> Option<Value> {
    let logs: Vec<_> = logs
        .iter()
        .filter(|log| uses_native_json(log.service))
        .map(line)
        .collect();
    (!logs.is_empty()).then(|| json!({ "logs": logs }))
}

/// Whether a service sends Upblit's own JSON. The others send OTLP.
pub(super) fn uses_native_json(service: Service) -> bool {
    service == Service::Web
}

fn trace(span: &Span) -> Value {
    let mut event = json!({
        "timestamp": time::rfc3339(span.end_ns),
        "traceId": time::trace_id(span.trace_id),
        "spanId": time::span_id(span.span_id),
        "parentSpanId": span.parent.map(time::span_id),
        "durationMs": span.duration_ms(),
        "requestMethod": span.http.as_ref().map(|http| http.method),
        "requestURL": span.http.as_ref().map(|http| &http.path),
        "responseStatus": span.http.as_ref().map(|http| http.status),
        "service.name": span.service.name(),
    });
    extend(&mut event, &span.attributes);
    event
}

fn line(log: &Log) -> Value {
    let mut event = json!({
        "timestamp": time::rfc3339(log.at_ns),
        "traceId": time::trace_id(log.trace_id),
        "level": log.level.name(),
        "type": "request",
        "message": log.message,
        "service.name": log.service.name(),
    });
    extend(&mut event, &log.attributes);
    event
}

fn extend(event: &mut Value, attributes: &Map<String, Value>) {
    if let Value::Object(fields) = event {
        fields.extend(attributes.clone());
    }
}

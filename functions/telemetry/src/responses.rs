//! Spans and log records as they appear in responses.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::base::clock;
use shared::telemetry::event::{Event, LogRecord, ResourceScope, Scope, Span, SpanKind, SpanLink};
use utoipa::ToSchema;

/// A span of a trace.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Span)]
pub(crate) struct SpanResponse<'a> {
    span_id: &'a str,
    parent_span_id: Option<&'a str>,
    depth: usize,
    name: String,
    kind: Option<SpanKind>,
    service: Option<&'a str>,
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    start_time: Timestamp,
    start_offset_ms: f64,
    duration_ms: Option<f64>,
    method: Option<&'a str>,
    url: Option<&'a str>,
    status: Option<u16>,
    is_error: bool,
    status_message: Option<&'a str>,
    attributes: &'a Map<String, Value>,
    events: Vec<SpanEventResponse<'a>>,
    links: &'a [SpanLink],
    resource: Option<&'a Map<String, Value>>,
    scope: Option<&'a Scope>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SpanEvent)]
struct SpanEventResponse<'a> {
    name: &'a str,
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    timestamp: Timestamp,
    attributes: &'a Map<String, Value>,
}

/// A log record.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LogRecord)]
pub(crate) struct LogRecordResponse<'a> {
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    timestamp: Timestamp,
    level: &'a str,
    message: &'a str,
    r#type: Option<&'a str>,
    trace_id: Option<&'a str>,
    span_id: Option<&'a str>,
    service: Option<&'a str>,
    attributes: &'a Map<String, Value>,
    resource: Option<&'a Map<String, Value>>,
    scope: Option<&'a Scope>,
}

impl<'a> SpanResponse<'a> {
    /// Converts a span with `depth` ancestors in a trace that began at `trace_start`.
    pub(crate) fn of(span: &'a Span, depth: usize, trace_start: Timestamp) -> Self {
        let resource_scope = span.resource_scope.as_deref();
        Self {
            span_id: &span.span_id,
            parent_span_id: span.parent_span_id.as_deref(),
            depth,
            name: span.display_name(),
            kind: span.kind,
            service: span.service(),
            start_time: span.start(),
            start_offset_ms: milliseconds(trace_start, span.start()),
            duration_ms: span.duration_ms,
            method: span.method.as_deref(),
            url: span.url.as_deref(),
            status: span.status,
            is_error: span.is_error(),
            status_message: span.status_message.as_deref(),
            attributes: &span.attributes,
            events: span.events.iter().map(SpanEventResponse::of).collect(),
            links: &span.links,
            resource: resource_scope.map(|resource_scope| &resource_scope.resource),
            scope: scope(resource_scope),
        }
    }
}

impl<'a> SpanEventResponse<'a> {
    fn of(event: &'a shared::telemetry::event::SpanEvent) -> Self {
        Self {
            name: &event.name,
            timestamp: event.time(),
            attributes: &event.attributes,
        }
    }
}

impl<'a> LogRecordResponse<'a> {
    /// Converts a log record.
    pub(crate) fn of(record: &'a LogRecord) -> Self {
        let resource_scope = record.resource_scope.as_deref();
        Self {
            timestamp: record.start(),
            level: &record.level,
            message: &record.message,
            r#type: record.kind.as_deref(),
            trace_id: record.trace_id.as_deref(),
            span_id: record.span_id.as_deref(),
            service: record.service(),
            attributes: &record.attributes,
            resource: resource_scope.map(|resource_scope| &resource_scope.resource),
            scope: scope(resource_scope),
        }
    }
}

/// Milliseconds between two times, with fractions.
pub(crate) fn milliseconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() * 1000.0
}

fn scope(resource_scope: Option<&ResourceScope>) -> Option<&Scope> {
    resource_scope.and_then(|resource_scope| resource_scope.scope.as_ref())
}

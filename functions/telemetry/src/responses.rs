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
    /// Id of the span.
    span_id: &'a str,
    /// Id of the parent span. Null for a root span.
    parent_span_id: Option<&'a str>,
    /// Number of ancestors of the span in this response.
    depth: usize,
    /// Name of the span, or its HTTP method and path.
    name: String,
    /// Role of the span. Null if it was sent without one.
    kind: Option<SpanKind>,
    /// `service.name` of the resource or the span, if any.
    service: Option<&'a str>,
    /// When the span started.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    start_time: Timestamp,
    /// Time from the start of the trace to the start of the span, in milliseconds.
    start_offset_ms: f64,
    /// Duration in milliseconds. Null if it was sent without one.
    duration_ms: Option<f64>,
    /// HTTP method of the request, if any.
    method: Option<&'a str>,
    /// URL or path of the request, if any.
    url: Option<&'a str>,
    /// HTTP status of the response, if any.
    status: Option<u16>,
    /// Whether the span failed.
    is_error: bool,
    /// Message of a failed span, if any.
    status_message: Option<&'a str>,
    /// Attributes of the span.
    attributes: &'a Map<String, Value>,
    /// Events during the span, such as exceptions.
    events: Vec<SpanEventResponse<'a>>,
    /// Links to spans of other traces.
    links: &'a [SpanLink],
    /// Attributes of the resource (OpenTelemetry) that sent the span. Null for the native protocol.
    resource: Option<&'a Map<String, Value>>,
    /// Instrumentation library that recorded the span. Null if unknown.
    scope: Option<&'a Scope>,
}

/// An event during a span, such as an exception (OpenTelemetry).
#[derive(Serialize, ToSchema)]
#[schema(as = SpanEvent)]
struct SpanEventResponse<'a> {
    /// Name of the event, such as `exception`.
    name: &'a str,
    /// When the event happened.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    timestamp: Timestamp,
    /// Attributes of the event.
    attributes: &'a Map<String, Value>,
}

/// A log record.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LogRecord)]
pub(crate) struct LogRecordResponse<'a> {
    /// When the event happened, as sent by the SDK.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    timestamp: Timestamp,
    /// Level in lower case, such as `warn`.
    level: &'a str,
    /// Text of the record.
    message: &'a str,
    /// Type of the record, chosen by the SDK. Null if it was sent without one.
    r#type: Option<&'a str>,
    /// Id of the trace that the record belongs to, if any.
    trace_id: Option<&'a str>,
    /// Id of the span that the record belongs to, if any.
    span_id: Option<&'a str>,
    /// `service.name` of the resource or the record, if any.
    service: Option<&'a str>,
    /// Attributes of the record.
    attributes: &'a Map<String, Value>,
    /// Attributes of the resource (OpenTelemetry) that sent the record. Null for the native
    /// protocol.
    resource: Option<&'a Map<String, Value>>,
    /// Instrumentation library that sent the record. Null if unknown.
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

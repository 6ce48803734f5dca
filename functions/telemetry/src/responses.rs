//! Spans and log records as they appear in responses.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use shared::base::clock;
use shared::telemetry::event::{
    Event, LogRecord, Note, ResourceScope, Scope, SpanEvent, SpanKind, SpanLink, SpanOutcome,
    Truncation,
};
use shared::telemetry::query::trace::TreeSpan;
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
    /// When the span started. With nanoseconds if it is not a whole millisecond.
    #[serde(serialize_with = "clock::serialize_rfc3339_exact")]
    start_time: Timestamp,
    /// Time from the start of the trace to the start of the span, in milliseconds, corrected by
    /// `clockSkewMs`.
    start_offset_ms: f64,
    /// Milliseconds by which the clock of the span's service was behind, estimated because the span
    /// or one above it started before its parent. Null if it did not. `startTime` is as sent.
    clock_skew_ms: Option<f64>,
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
    /// Outcome as the program reports it. Null if it reports none.
    outcome: Option<SpanOutcome>,
    /// Message of a failed span, if any.
    status_message: Option<&'a str>,
    /// Attributes of the span.
    attributes: &'a Map<String, Value>,
    /// Events during the span, such as exceptions.
    events: Vec<SpanEventResponse<'a>>,
    /// Links to other spans.
    links: Vec<SpanLinkResponse<'a>>,
    /// W3C trace state, if any.
    trace_state: Option<&'a str>,
    /// W3C trace flags, and those that OTLP adds. Null if there are none.
    flags: Option<u32>,
    /// Number of attributes that the SDK dropped.
    dropped_attributes: u32,
    /// Number of events that the SDK dropped.
    dropped_events: u32,
    /// Number of links that the SDK dropped.
    dropped_links: u32,
    /// Attributes of the resource (OpenTelemetry) that sent the span. Null for the native protocol.
    resource: Option<&'a Map<String, Value>>,
    /// Instrumentation library that recorded the span. Null if unknown.
    scope: Option<&'a Scope>,
    #[serde(flatten)]
    fidelity: Fidelity<'a>,
}

/// Schemas of the fields of an event, and how it differs from what was sent.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Fidelity<'a> {
    /// URL of the schema of the resource's attributes. Null if unknown.
    resource_schema_url: Option<&'a str>,
    /// URL of the schema of the attributes of scope and event. Null if unknown.
    scope_schema_url: Option<&'a str>,
    /// Number of attributes of the resource that the SDK dropped.
    resource_dropped_attributes: u32,
    /// Parts that were cut because they exceeded a limit, with their original sizes.
    truncated: Vec<&'a Truncation>,
    /// What is unusual about the event.
    notes: &'a [Note],
}

impl<'a> Fidelity<'a> {
    fn of(
        resource_scope: Option<&'a ResourceScope>,
        truncations: &'a [Truncation],
        notes: &'a [Note],
    ) -> Self {
        let shared = resource_scope.map_or(&[][..], |shared| &shared.truncations);
        Self {
            resource_schema_url: resource_scope
                .and_then(|shared| shared.resource_schema_url.as_deref()),
            scope_schema_url: resource_scope.and_then(|shared| shared.scope_schema_url.as_deref()),
            resource_dropped_attributes: resource_scope
                .map_or(0, |shared| shared.resource_dropped_attributes),
            truncated: truncations.iter().chain(shared).collect(),
            notes,
        }
    }
}

/// A link to a span of this or another trace.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SpanLink)]
struct SpanLinkResponse<'a> {
    /// Trace of the linked span.
    trace_id: &'a str,
    /// Id of the linked span.
    span_id: &'a str,
    /// Attributes that describe the link.
    attributes: &'a Map<String, Value>,
    /// W3C trace state of the linked span, if any.
    trace_state: Option<&'a str>,
    /// W3C trace flags, and those that OTLP adds. Null if there are none.
    flags: Option<u32>,
    /// Number of attributes that the SDK dropped.
    dropped_attributes: u32,
}

/// An event during a span, such as an exception (OpenTelemetry).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SpanEvent)]
struct SpanEventResponse<'a> {
    /// Name of the event, such as `exception`.
    name: &'a str,
    /// When the event happened. With nanoseconds if it is not a whole millisecond.
    #[serde(serialize_with = "clock::serialize_rfc3339_exact")]
    timestamp: Timestamp,
    /// Attributes of the event.
    attributes: &'a Map<String, Value>,
    /// Number of attributes that the SDK dropped.
    dropped_attributes: u32,
}

/// A log record.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = LogRecord)]
pub(crate) struct LogRecordResponse<'a> {
    /// When the event happened, as sent by the SDK. With nanoseconds if it is not a whole
    /// millisecond.
    #[serde(serialize_with = "clock::serialize_rfc3339_exact")]
    timestamp: Timestamp,
    /// When a collector observed the record. Null if unknown.
    #[serde(serialize_with = "clock::serialize_rfc3339_exact_option")]
    observed_time: Option<Timestamp>,
    /// Name of the severity: `trace`, `debug`, `info`, `warn`, `error` or `fatal`. Another text in lower
    /// case if the program writes one of unknown severity.
    level: &'a str,
    /// Severity number, 1 to 24; 17 and more are errors (OpenTelemetry). Null if unknown.
    severity_number: Option<u8>,
    /// Severity as the program writes it. Null if that is the level.
    severity_text: Option<&'a str>,
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
    /// W3C trace flags, and those that OTLP adds. Null if there are none.
    flags: Option<u32>,
    /// Number of attributes that the SDK dropped.
    dropped_attributes: u32,
    #[serde(flatten)]
    fidelity: Fidelity<'a>,
}

impl<'a> SpanResponse<'a> {
    /// Converts a span of a trace that starts at `trace_start`.
    pub(crate) fn of(in_tree: &'a TreeSpan, trace_start: Timestamp) -> Self {
        let span = &in_tree.span;
        let skew = SignedDuration::from_nanos(in_tree.skew_ns);
        let resource_scope = span.resource_scope.as_deref();
        Self {
            span_id: &span.span_id,
            parent_span_id: span.parent_span_id.as_deref(),
            depth: in_tree.depth,
            name: span.display_name(),
            kind: span.kind,
            service: span.service(),
            start_time: span.start(),
            start_offset_ms: milliseconds(trace_start, in_tree.start()),
            clock_skew_ms: (!skew.is_zero()).then(|| skew.as_secs_f64() * 1_000.0),
            duration_ms: span.duration_ms,
            method: span.method.as_deref(),
            url: span.url.as_deref(),
            status: span.status,
            is_error: span.is_error(),
            outcome: span.outcome,
            status_message: span.status_message.as_deref(),
            attributes: &span.attributes,
            events: span.events.iter().map(SpanEventResponse::of).collect(),
            links: span.links.iter().map(SpanLinkResponse::of).collect(),
            trace_state: span.trace_state.as_deref(),
            flags: span.flags,
            dropped_attributes: span.dropped.attributes,
            dropped_events: span.dropped.events,
            dropped_links: span.dropped.links,
            resource: resource_scope.map(|resource_scope| &resource_scope.resource),
            scope: scope(resource_scope),
            fidelity: Fidelity::of(resource_scope, &span.truncations, &span.notes),
        }
    }
}

impl<'a> SpanEventResponse<'a> {
    fn of(event: &'a SpanEvent) -> Self {
        Self {
            name: &event.name,
            timestamp: event.time(),
            attributes: &event.attributes,
            dropped_attributes: event.dropped_attributes,
        }
    }
}

impl<'a> SpanLinkResponse<'a> {
    fn of(link: &'a SpanLink) -> Self {
        Self {
            trace_id: &link.trace_id,
            span_id: &link.span_id,
            attributes: &link.attributes,
            trace_state: link.trace_state.as_deref(),
            flags: link.flags,
            dropped_attributes: link.dropped_attributes,
        }
    }
}

impl<'a> LogRecordResponse<'a> {
    /// Converts a log record.
    pub(crate) fn of(record: &'a LogRecord) -> Self {
        let resource_scope = record.resource_scope.as_deref();
        Self {
            timestamp: record.start(),
            observed_time: record.observed_time(),
            level: &record.level,
            severity_number: record.severity(),
            severity_text: record.severity_text.as_deref(),
            message: &record.message,
            r#type: record.kind.as_deref(),
            trace_id: record.trace_id.as_deref(),
            span_id: record.span_id.as_deref(),
            service: record.service(),
            attributes: &record.attributes,
            resource: resource_scope.map(|resource_scope| &resource_scope.resource),
            scope: scope(resource_scope),
            flags: record.flags,
            dropped_attributes: record.dropped_attributes,
            fidelity: Fidelity::of(resource_scope, &record.truncations, &record.notes),
        }
    }
}

/// Returns the milliseconds between two times, with fractions.
pub(crate) fn milliseconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() * 1000.0
}

fn scope(resource_scope: Option<&ResourceScope>) -> Option<&Scope> {
    resource_scope.and_then(|resource_scope| resource_scope.scope.as_ref())
}

//! Types that describe the bodies of ingest in the OpenAPI document. Bodies are not decoded
//! into them, but event by event, so that a malformed event affects no other. A test checks
//! that both agree.

#![expect(dead_code, reason = "described, not used")]

use jiff::Timestamp;
use utoipa::ToSchema;

/// Compression of a request body. Empty is the same as absent.
#[derive(ToSchema)]
#[schema(value_type = String, pattern = "^(identity|gzip|deflate|zstd)?$")]
pub(crate) struct ContentEncodingHeader(String);

/// A batch of spans.
#[derive(ToSchema)]
pub(crate) struct TraceBatch {
    /// Time of sending, in RFC 3339, used for spans without a time. Any other value counts as
    /// none.
    #[schema(value_type = Value, required = false, example = "2026-01-31T12:00:00.000Z")]
    timestamp: (),
    /// The spans, at most 10,000.
    #[schema(max_items = 10_000)]
    traces: Vec<TraceEvent>,
}

/// A span. Other fields are kept as attributes. It must have
/// ended within the last 24 hours and start at most 5 minutes in the future.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct TraceEvent {
    /// Start time. Default: the time of the batch.
    timestamp: Option<Timestamp>,
    /// HTTP method of the request.
    #[schema(example = "GET")]
    request_method: Option<String>,
    /// URL or path of the request.
    #[schema(rename = "requestURL", example = "/cart")]
    request_url: Option<String>,
    /// HTTP status of the response.
    #[schema(minimum = 100, maximum = 599, example = 200)]
    response_status: Option<u16>,
    /// Id of the trace; any text.
    #[schema(max_length = 128, example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: String,
    /// Id of the span; any text.
    #[schema(max_length = 128, example = "00f067aa0ba902b7")]
    span_id: String,
    /// Id of the parent span. Null, empty or absent for a root span.
    #[schema(max_length = 128)]
    parent_span_id: Option<String>,
    /// Duration in milliseconds, up to 7 days.
    #[schema(minimum = 0, example = 12.5)]
    duration_ms: Option<f64>,
}

/// A batch of log records.
#[derive(ToSchema)]
pub(crate) struct LogBatch {
    /// Time of sending, in RFC 3339, used for records without a time. Any other value counts as
    /// none.
    #[schema(value_type = Value, required = false, example = "2026-01-31T12:00:00.000Z")]
    timestamp: (),
    /// The log records, at most 10,000.
    #[schema(max_items = 10_000)]
    logs: Vec<LogEvent>,
}

/// A log record. Other fields are kept as attributes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct LogEvent {
    /// When the record was written. Default: `clientTimestamp`, then the time of the batch.
    timestamp: Option<Timestamp>,
    /// Severity, such as `info` or `error`. Any text.
    #[schema(example = "error")]
    level: Option<String>,
    /// Type of the record, chosen by the SDK.
    #[schema(example = "app")]
    r#type: Option<String>,
    /// Text of the log record.
    #[schema(example = "the bank did not answer within 3 s")]
    message: Option<String>,
    /// Id of the trace that the record belongs to; any text.
    #[schema(max_length = 128, example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: Option<String>,
    /// When the record was written, by the client's clock.
    client_timestamp: Option<Timestamp>,
}

/// `ExportTraceServiceRequest` of OTLP 1.11, in its JSON encoding.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ExportTraces {
    /// Spans by resource and scope.
    #[schema(value_type = Option<Vec<Object>>)]
    resource_spans: Vec<()>,
}

/// `ExportLogsServiceRequest` of OTLP 1.11, in its JSON encoding.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ExportLogs {
    /// Log records by resource and scope.
    #[schema(value_type = Option<Vec<Object>>)]
    resource_logs: Vec<()>,
}

/// `ExportTraceServiceResponse` or `ExportLogsServiceResponse`; empty if all events were stored.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Exported {
    partial_success: Option<PartialSuccess>,
}

/// The number of rejected events, and the reasons for the first of them.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PartialSuccess {
    /// Number of rejected spans, as a string (ProtoJSON of int64).
    #[schema(example = "1")]
    rejected_spans: Option<String>,
    /// Number of rejected log records, as a string.
    rejected_log_records: Option<String>,
    /// Reasons of the first rejections.
    error_message: Option<String>,
}

//! How ingest's bodies look, for the description of the API. They are read event by
//! event and not as these types, so that one bad event costs one event; a test holds
//! the two together.

#![expect(dead_code, reason = "described, not used")]

use jiff::Timestamp;
use utoipa::ToSchema;

/// A batch of spans.
#[derive(ToSchema)]
pub(crate) struct TraceBatch {
    /// When the batch is sent. Events without a time take it.
    timestamp: Option<Timestamp>,
    /// At most 10,000.
    #[schema(max_items = 10_000)]
    traces: Vec<TraceEvent>,
}

/// A span: 24 hours back to 5 minutes ahead. Fields that are not named here are kept
/// as attributes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct TraceEvent {
    /// When it started.
    timestamp: Option<Timestamp>,
    #[schema(example = "GET")]
    request_method: Option<String>,
    #[schema(rename = "requestURL", example = "/cart")]
    request_url: Option<String>,
    #[schema(minimum = 100, maximum = 599, example = 200)]
    response_status: Option<u16>,
    /// Any text.
    #[schema(max_length = 128, example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: String,
    #[schema(max_length = 128, example = "00f067aa0ba902b7")]
    span_id: String,
    /// Null, empty or left out for a root.
    #[schema(max_length = 128)]
    parent_span_id: Option<String>,
    #[schema(minimum = 0, example = 12.5)]
    duration_ms: Option<f64>,
}

/// A batch of log records.
#[derive(ToSchema)]
pub(crate) struct LogBatch {
    /// When the batch is sent. Events without a time take it.
    timestamp: Option<Timestamp>,
    /// At most 10,000.
    #[schema(max_items = 10_000)]
    logs: Vec<LogEvent>,
}

/// A log record. Fields that are not named here are kept as attributes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct LogEvent {
    /// When it was written.
    timestamp: Option<Timestamp>,
    #[schema(example = "error")]
    level: Option<String>,
    #[schema(example = "app")]
    r#type: Option<String>,
    #[schema(example = "the bank did not answer within 3 s")]
    message: Option<String>,
    #[schema(max_length = 128, example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: Option<String>,
    client_timestamp: Option<Timestamp>,
}

/// `ExportTraceServiceRequest` of OTLP 1.11, in the JSON of protobuf.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ExportTraces {
    #[schema(value_type = Vec<Object>)]
    resource_spans: Vec<()>,
}

/// `ExportLogsServiceRequest` of OTLP 1.11, in the JSON of protobuf.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct ExportLogs {
    #[schema(value_type = Vec<Object>)]
    resource_logs: Vec<()>,
}

/// `ExportTraceServiceResponse` or `ExportLogsServiceResponse`; empty when all was stored.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Exported {
    partial_success: Option<PartialSuccess>,
}

/// What was left out, and why.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct PartialSuccess {
    #[schema(example = "1")]
    rejected_spans: Option<String>,
    rejected_log_records: Option<String>,
    error_message: Option<String>,
}

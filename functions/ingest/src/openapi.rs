//! How ingest's bodies look, for the description of the API. They are read event by
//! event and not as these types, so that one bad event costs one event; a test holds
//! the two together.

#![expect(dead_code, reason = "described, not used")]

use jiff::Timestamp;
use shared::telemetry::decode::Report;
use utoipa::ToSchema;

/// A batch of spans.
#[derive(ToSchema)]
struct TraceBatch {
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
struct TraceEvent {
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
struct LogBatch {
    /// When the batch is sent. Events without a time take it.
    timestamp: Option<Timestamp>,
    /// At most 10,000.
    #[schema(max_items = 10_000)]
    logs: Vec<LogEvent>,
}

/// A log record. Fields that are not named here are kept as attributes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct LogEvent {
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
struct ExportTraces {
    #[schema(value_type = Vec<Object>)]
    resource_spans: Vec<()>,
}

/// `ExportLogsServiceRequest` of OTLP 1.11, in the JSON of protobuf.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct ExportLogs {
    #[schema(value_type = Vec<Object>)]
    resource_logs: Vec<()>,
}

/// `ExportTraceServiceResponse` or `ExportLogsServiceResponse`; empty when all was stored.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Exported {
    partial_success: Option<PartialSuccess>,
}

/// What was left out, and why.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct PartialSuccess {
    #[schema(example = "1")]
    rejected_spans: Option<String>,
    rejected_log_records: Option<String>,
    error_message: Option<String>,
}

#[utoipa::path(
    post, path = "/ingest/traces", operation_id = "ingestTraces",
    summary = "Send spans",
    description = "Answered when they are durable. A bad event is left out and told, and costs no other. The same bytes again are stored once.",
    params(("Content-Encoding" = Option<String>, Header, description = "gzip, deflate or zstd.")),
    request_body = TraceBatch,
    responses((status = 200, body = Report), (status = 400), (status = 401), (status = 403), (status = 413), (status = 415), (status = 429)),
    security(("apiKey" = []))
)]
fn traces() {}

#[utoipa::path(
    post, path = "/ingest/logs", operation_id = "ingestLogs",
    summary = "Send log records",
    description = "As spans.",
    params(("Content-Encoding" = Option<String>, Header, description = "gzip, deflate or zstd.")),
    request_body = LogBatch,
    responses((status = 200, body = Report), (status = 400), (status = 401), (status = 403), (status = 413), (status = 415), (status = 429)),
    security(("apiKey" = []))
)]
fn logs() {}

#[utoipa::path(
    post, path = "/v1/traces", operation_id = "exportTraces",
    summary = "Send spans by OpenTelemetry's protocol",
    description = "OTLP 1.11 over HTTP. Answers and errors are in the encoding of the request.",
    params(("Content-Encoding" = Option<String>, Header, description = "gzip, deflate or zstd.")),
    request_body(content(
        (ExportTraces = "application/json", example = json!({ "resourceSpans": [] })),
        (Vec<u8> = "application/x-protobuf")
    )),
    responses((status = 200, content((Exported = "application/json"), (Vec<u8> = "application/x-protobuf"))), (status = 400), (status = 401), (status = 403), (status = 413), (status = 415), (status = 429)),
    security(("apiKey" = []))
)]
fn otlp_traces() {}

#[utoipa::path(
    post, path = "/v1/logs", operation_id = "exportLogs",
    summary = "Send log records by OpenTelemetry's protocol",
    description = "OTLP 1.11 over HTTP. Answers and errors are in the encoding of the request.",
    params(("Content-Encoding" = Option<String>, Header, description = "gzip, deflate or zstd.")),
    request_body(content(
        (ExportLogs = "application/json", example = json!({ "resourceLogs": [] })),
        (Vec<u8> = "application/x-protobuf")
    )),
    responses((status = 200, content((Exported = "application/json"), (Vec<u8> = "application/x-protobuf"))), (status = 400), (status = 401), (status = 403), (status = 413), (status = 415), (status = 429)),
    security(("apiKey" = []))
)]
fn otlp_logs() {}

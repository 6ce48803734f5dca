//! The routes of ingest.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use shared::telemetry::decode::Report;
use shared::web::error::Error;
use shared::web::source::ClientAddress;

use crate::batch::{Route, receive};
use crate::metrics;
use crate::openapi::{
    ContentEncodingHeader, ExportLogs, ExportMetrics, ExportTraces, Exported, LogBatch, TraceBatch,
};

#[utoipa::path(
    post, path = "/ingest/traces", operation_id = "ingestTraces",
    summary = "Send spans",
    description = "Responds when the events are durable. A malformed event is rejected and reported, and the others are accepted. Sending the same body again stores it once. A compressed body has at most 4 MiB, and 64 MiB decompressed. An uncompressed body has at most 6 MiB, or about 5.5 MB of ordinary JSON because of a limit of Lambda. The number of events is not limited, but a batch that takes more than 160 MiB of memory once it is decoded is refused.",
    params(("Content-Encoding" = inline(Option<ContentEncodingHeader>), Header, description = "Compression of the body: none (the default), gzip, zstd or deflate (also called zlib).")),
    request_body = TraceBatch,
    responses((status = 200, body = Report), (status = 400), (status = 401), (status = 403), (status = 413), (status = 415), (status = 429)),
    security(("apiKey" = []))
)]
pub(crate) async fn traces(
    State(state): State<crate::State>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    receive(&state, address, &headers, body, Route::NATIVE_TRACES).await
}

#[utoipa::path(
    post, path = "/ingest/logs", operation_id = "ingestLogs",
    summary = "Send log records",
    description = "Sends log records. Responds when they are durable, and accepts the same encodings and limits as POST /ingest/traces.",
    params(("Content-Encoding" = inline(Option<ContentEncodingHeader>), Header, description = "Compression of the body: none (the default), gzip, zstd or deflate (also called zlib).")),
    request_body = LogBatch,
    responses((status = 200, body = Report), (status = 400), (status = 401), (status = 403), (status = 413), (status = 415), (status = 429)),
    security(("apiKey" = []))
)]
pub(crate) async fn logs(
    State(state): State<crate::State>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    receive(&state, address, &headers, body, Route::NATIVE_LOGS).await
}

#[utoipa::path(
    post, path = "/v1/traces", operation_id = "exportTraces",
    summary = "Send spans over OpenTelemetry's protocol",
    description = "OTLP 1.11 over HTTP. Responses, including errors, use the encoding of the request.",
    params(("Content-Encoding" = inline(Option<ContentEncodingHeader>), Header, description = "Compression of the body: none (the default), gzip, zstd or deflate (also called zlib).")),
    request_body(content(
        (ExportTraces = "application/json", example = json!({ "resourceSpans": [] })),
        (Vec<u8> = "application/x-protobuf")
    )),
    responses((status = 200, content((Exported = "application/json"), (Vec<u8> = "application/x-protobuf"))), (status = 400), (status = 401), (status = 403), (status = 413), (status = 415), (status = 429)),
    security(("apiKey" = []))
)]
pub(crate) async fn otlp_traces(
    State(state): State<crate::State>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    receive(&state, address, &headers, body, Route::OTLP_TRACES).await
}

#[utoipa::path(
    post, path = "/v1/logs", operation_id = "exportLogs",
    summary = "Send log records over OpenTelemetry's protocol",
    description = "OTLP 1.11 over HTTP. Responses, including errors, use the encoding of the request.",
    params(("Content-Encoding" = inline(Option<ContentEncodingHeader>), Header, description = "Compression of the body: none (the default), gzip, zstd or deflate (also called zlib).")),
    request_body(content(
        (ExportLogs = "application/json", example = json!({ "resourceLogs": [] })),
        (Vec<u8> = "application/x-protobuf")
    )),
    responses((status = 200, content((Exported = "application/json"), (Vec<u8> = "application/x-protobuf"))), (status = 400), (status = 401), (status = 403), (status = 413), (status = 415), (status = 429)),
    security(("apiKey" = []))
)]
pub(crate) async fn otlp_logs(
    State(state): State<crate::State>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    receive(&state, address, &headers, body, Route::OTLP_LOGS).await
}

#[utoipa::path(
    post, path = "/v1/metrics", operation_id = "exportMetrics",
    summary = "Reject metrics over OpenTelemetry's protocol",
    description = "Metrics are not stored. Rejects every data point with a reason, in a response with status 200, so that SDKs with default settings do not log an error every minute. A request counts against the key's quota.",
    params(("Content-Encoding" = inline(Option<ContentEncodingHeader>), Header, description = "Compression of the body: none (the default), gzip, zstd or deflate (also called zlib).")),
    request_body(content(
        (ExportMetrics = "application/json", example = json!({ "resourceMetrics": [] })),
        (Vec<u8> = "application/x-protobuf")
    )),
    responses((status = 200, content((Exported = "application/json"), (Vec<u8> = "application/x-protobuf"))), (status = 400), (status = 401), (status = 403), (status = 413), (status = 415), (status = 429)),
    security(("apiKey" = []))
)]
pub(crate) async fn otlp_metrics(
    State(state): State<crate::State>,
    address: ClientAddress,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    metrics::reject(&state, address, &headers, body).await
}

//! Error bodies of OTLP: a `google.rpc.Status` in the encoding of the request (OTLP 1.11,
//! "OTLP/HTTP Response", "Failures").

use axum::extract::Request;
use http::StatusCode;
use serde::Serialize;

use crate::body;
use upblit_telemetry::decode::otlp::OtlpEncoding;

/// Path prefix of the OTLP routes, without leading slashes.
const PATHS: &str = "v1/";

/// `google.rpc.Status` without `details`.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// Returns the encoding of errors for an OTLP request: JSON unless the request is protobuf.
/// `None` for other requests.
pub(super) fn encoding_of(request: &Request) -> Option<OtlpEncoding> {
    let path = request.uri().path().trim_start_matches('/');
    let is_otlp = path.starts_with(PATHS);
    let requested = body::media_type(request.headers()).and_then(OtlpEncoding::of_media_type);
    is_otlp.then(|| requested.unwrap_or(OtlpEncoding::Json))
}

/// Encodes an error. The message includes the request id, since exporters log only the
/// message.
pub(super) fn encode(
    status: StatusCode,
    detail: &str,
    request_id: &str,
    encoding: OtlpEncoding,
) -> Vec<u8> {
    let status = Status {
        code: grpc_code(status),
        message: format!("{detail} (request {request_id})"),
    };
    match encoding {
        OtlpEncoding::Protobuf => prost::Message::encode_to_vec(&status),
        OtlpEncoding::Json => serde_json::to_vec(&status).unwrap_or_default(),
    }
}

/// Returns the `google.rpc.Code` that corresponds to an HTTP status.
fn grpc_code(status: StatusCode) -> i32 {
    match status {
        StatusCode::BAD_REQUEST
        | StatusCode::PAYLOAD_TOO_LARGE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE => 3, // INVALID_ARGUMENT
        StatusCode::NOT_FOUND => 5,              // NOT_FOUND
        StatusCode::FORBIDDEN => 7,              // PERMISSION_DENIED
        StatusCode::TOO_MANY_REQUESTS => 8,      // RESOURCE_EXHAUSTED
        StatusCode::CONFLICT => 9,               // FAILED_PRECONDITION
        StatusCode::METHOD_NOT_ALLOWED => 12,    // UNIMPLEMENTED
        StatusCode::INTERNAL_SERVER_ERROR => 13, // INTERNAL
        StatusCode::SERVICE_UNAVAILABLE => 14,   // UNAVAILABLE
        StatusCode::UNAUTHORIZED => 16,          // UNAUTHENTICATED
        _ => 2,                                  // UNKNOWN
    }
}

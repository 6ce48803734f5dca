//! The differences between the two protocols over HTTP: media types and responses.

use axum::response::{IntoResponse, Json, Response};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use shared::telemetry::batch::Signal;
use shared::telemetry::decode::otlp::{self, OtlpEncoding};
use shared::telemetry::decode::{Format, Report};
use shared::web::body;
use shared::web::error::Error;

/// Determines the format of a request from its headers.
pub(crate) type Negotiate = fn(&HeaderMap) -> Result<Format, Error>;

/// Accepts the media types of Upblit's own protocol: JSON; none or `text/plain`, as browsers'
/// beacons send; and `application/octet-stream`, with which gateways leave compressed bytes
/// unchanged.
pub(crate) fn native(headers: &HeaderMap) -> Result<Format, Error> {
    const READ: [&str; 4] = [
        "",
        "application/json",
        "application/octet-stream",
        "text/plain",
    ];
    let media_type = body::media_type(headers).unwrap_or_default();
    let is_read = READ
        .iter()
        .any(|read| media_type.eq_ignore_ascii_case(read));
    is_read.then_some(Format::Native).ok_or_else(body::not_json)
}

/// Accepts the two media types of OTLP 1.11. The response has the media type of the request.
pub(crate) fn otlp(headers: &HeaderMap) -> Result<Format, Error> {
    otlp_encoding(headers).map(Format::Otlp)
}

/// Returns the encoding that the media type of a request states.
///
/// # Errors
/// When it is not one of OTLP.
pub(crate) fn otlp_encoding(headers: &HeaderMap) -> Result<OtlpEncoding, Error> {
    let encoding = body::media_type(headers).and_then(OtlpEncoding::of_media_type);
    encoding.ok_or_else(|| {
        let problem = "the Content-Type must be application/x-protobuf or application/json";
        Error::UnsupportedMedia(problem.to_owned())
    })
}

/// Returns the response to a batch, which contains its report.
pub(crate) fn response(report: Report, signal: Signal, format: Format) -> Response {
    match format {
        Format::Native => Json(report).into_response(),
        Format::Otlp(encoding) => {
            let body = otlp::response(&report, signal, encoding);
            ([(CONTENT_TYPE, encoding.media_type())], body).into_response()
        }
    }
}

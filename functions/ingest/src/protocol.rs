//! What tells the two protocols apart over HTTP: media types, and how a batch is
//! answered. All else is the same for both.

use axum::response::{IntoResponse, Json, Response};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use shared::telemetry::batch::Signal;
use shared::telemetry::decode::otlp::{self, Encoding};
use shared::telemetry::decode::{Format, Report};
use shared::web::body;
use shared::web::error::Error;

/// Finds a route's format in the request's headers.
pub(crate) type Negotiate = fn(&HeaderMap) -> Result<Format, Error>;

/// Upblit's own protocol. Absent and `text/plain` are fine: browsers' beacons send
/// nothing else. So is `application/octet-stream`: as that, a gateway leaves
/// compressed bytes alone.
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

/// OpenTelemetry's protocol. Nothing else is in OTLP 1.11, and the encoding of
/// the answer depends on it.
pub(crate) fn otlp(headers: &HeaderMap) -> Result<Format, Error> {
    let encoding = body::media_type(headers).and_then(Encoding::of_media_type);
    encoding.map(Format::Otlp).ok_or_else(|| {
        let problem = "the Content-Type must be application/x-protobuf or application/json";
        Error::UnsupportedMedia(problem.to_owned())
    })
}

/// The answer to a batch that was stored.
pub(crate) fn answer(report: Report, signal: Signal, format: Format) -> Response {
    match format {
        Format::Native => Json(report).into_response(),
        Format::Otlp(encoding) => {
            let body = otlp::answer(&report, signal, encoding);
            ([(CONTENT_TYPE, encoding.media_type())], body).into_response()
        }
    }
}

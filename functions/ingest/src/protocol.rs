//! What tells the two protocols apart: media types, how events are decoded, and
//! how a batch is answered. All else is the same for both.

use axum::response::{IntoResponse, Json, Response};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use shared::identity::api_key::Scope;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::head::Summarize;
use shared::telemetry::decode::native;
use shared::telemetry::decode::otlp::{self, Encoding};
use shared::telemetry::decode::{Decoded, EnvelopeError, Report};
use shared::telemetry::event::{LogRecord, Span};
use shared::telemetry::inflate::Payload;
use shared::web::body;
use shared::web::error::Error;

/// How a batch is written.
#[derive(Clone, Copy)]
pub(crate) enum Protocol {
    /// Upblit's own JSON.
    Native,
    /// OpenTelemetry's.
    Otlp(Encoding),
}

/// Tells a route's protocol from the request's headers.
pub(crate) type Negotiate = fn(&HeaderMap) -> Result<Protocol, Error>;

/// An event that both protocols have.
pub(crate) trait Ingested: Summarize {
    /// What a key must be allowed to do.
    const SCOPE: Scope;

    /// # Errors
    /// When the batch cannot be read at all.
    fn decode(body: &[u8], protocol: Protocol) -> Result<Decoded<Self>, EnvelopeError>;
}

impl Ingested for Span {
    const SCOPE: Scope = Scope::IngestTraces;

    fn decode(body: &[u8], protocol: Protocol) -> Result<Decoded<Self>, EnvelopeError> {
        match protocol {
            Protocol::Native => native::decode_traces(body),
            Protocol::Otlp(encoding) => otlp::decode_traces(body, encoding),
        }
    }
}

impl Ingested for LogRecord {
    const SCOPE: Scope = Scope::IngestLogs;

    fn decode(body: &[u8], protocol: Protocol) -> Result<Decoded<Self>, EnvelopeError> {
        match protocol {
            Protocol::Native => native::decode_logs(body),
            Protocol::Otlp(encoding) => otlp::decode_logs(body, encoding),
        }
    }
}

impl Protocol {
    /// Absent and `text/plain` are fine: browsers' beacons send nothing else. So is
    /// `application/octet-stream`: as that, a gateway leaves compressed bytes alone.
    pub(crate) fn native(headers: &HeaderMap) -> Result<Self, Error> {
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
        is_read.then_some(Self::Native).ok_or_else(body::not_json)
    }

    /// Nothing else is in OTLP 1.11, and the answer's encoding hangs on it.
    pub(crate) fn otlp(headers: &HeaderMap) -> Result<Self, Error> {
        let encoding = body::media_type(headers).and_then(Encoding::of_media_type);
        encoding.map(Self::Otlp).ok_or_else(|| {
            let problem = "the Content-Type must be application/x-protobuf or application/json";
            Error::UnsupportedMedia(problem.to_owned())
        })
    }

    /// What bodies are once they are decompressed.
    pub(crate) fn payload(self) -> Payload {
        match self {
            Self::Otlp(Encoding::Protobuf) => Payload::Protobuf,
            Self::Native | Self::Otlp(Encoding::Json) => Payload::Json,
        }
    }

    /// The answer to a batch that was stored.
    pub(crate) fn answer(self, report: Report, signal: Signal) -> Response {
        match self {
            Self::Native => Json(report).into_response(),
            Self::Otlp(encoding) => {
                let body = otlp::answer(&report, signal, encoding);
                ([(CONTENT_TYPE, encoding.media_type())], body).into_response()
            }
        }
    }
}

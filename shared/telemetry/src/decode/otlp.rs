//! OpenTelemetry's protocol over HTTP: OTLP 1.11, `ExportTraceServiceRequest`
//! and `ExportLogsServiceRequest`, as protobuf or as JSON.
//!
//! A request is never decoded as a whole. Its messages are first found as
//! slices of the body, and counted; then each is decoded and converted by
//! itself. So one bad event costs one event, and millions of empty ones cost
//! nothing. Both encodings become the same messages, and go through the same
//! conversion.

mod answer;
mod hex;
mod ids;
mod json;
mod log_records;
mod origins;
mod spans;
mod tree;
mod values;
mod wire;

use std::borrow::Cow;
use std::sync::Arc;

use super::bounds::Bounds;
use super::envelope::EnvelopeError;
use super::layout::{Layout, Reason};
use crate::decode::{Decoded, Indexed, MAX_ORIGINS_BYTES};
use crate::event::{LogRecord, Origin, Span};
pub use answer::answer;
use origins::{Origins, Source};
use tree::{Message, Names, Raw};

/// Largest message that is decoded: a span, a log record, a resource, a scope.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;

/// How messages are written; answers are written as their requests were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Protocol buffers.
    Protobuf,
    /// OTLP's JSON: ids in hexadecimal, 64-bit integers as strings.
    Json,
}

impl Encoding {
    /// The encoding of this media type (OTLP 1.11, "OTLP/HTTP Request").
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        [Self::Protobuf, Self::Json]
            .into_iter()
            .find(|encoding| media_type.eq_ignore_ascii_case(encoding.media_type()))
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// Decodes the spans of an `ExportTraceServiceRequest`.
///
/// # Errors
/// When what surrounds the spans cannot be read, or is too much.
pub(crate) fn decode_traces(
    body: &[u8],
    encoding: Encoding,
) -> Result<Decoded<Span>, EnvelopeError> {
    decode(body, encoding, &spans::FORM)
}

/// Decodes the records of an `ExportLogsServiceRequest`.
///
/// # Errors
/// When what surrounds the records cannot be read, or is too much.
pub(crate) fn decode_logs(
    body: &[u8],
    encoding: Encoding,
) -> Result<Decoded<LogRecord>, EnvelopeError> {
    decode(body, encoding, &log_records::FORM)
}

/// How events are exported: as messages in a request.
struct Form<M, E> {
    /// What the request calls its parts.
    names: Names,
    /// The message's field that the time is judged by.
    time_field: &'static str,
    convert: Convert<M, E>,
}

type Convert<M, E> = fn(M, Option<Arc<Origin>>, &mut Bounds) -> Result<E, Reason>;

fn decode<M: Message, E>(
    body: &[u8],
    encoding: Encoding,
    form: &Form<M, E>,
) -> Result<Decoded<E>, EnvelopeError> {
    let text: Cow<'_, str>;
    let request = match encoding {
        Encoding::Protobuf => Raw::Protobuf(body),
        Encoding::Json => {
            // Bytes that are not UTF-8 cost the characters they stand in, not the batch.
            text = String::from_utf8_lossy(body);
            Raw::Json(&text)
        }
    };
    let mut decoded = Decoded::new(Layout::new(form.time_field));
    let mut origins = Origins::default();
    let mut index = 0;
    for group in tree::read(request, &form.names)? {
        decoded.layout.array(index, group.pointer(&form.names));
        let source = origins.of(&group, &form.names);
        if origins.bytes() > MAX_ORIGINS_BYTES {
            return Err(EnvelopeError::OriginsTooLarge);
        }
        for raw in &group.events {
            match &source {
                Ok(source) => match read(index, *raw, source, form) {
                    Ok(event) => decoded.events.push(event),
                    Err(reason) => decoded.reject(index, reason),
                },
                Err(error) => decoded.report.reject(index, error.clone()),
            }
            index += 1;
        }
    }
    Ok(decoded)
}

fn read<M: Message, E>(
    index: usize,
    raw: Raw<'_>,
    source: &Source,
    form: &Form<M, E>,
) -> Result<Indexed<E>, Reason> {
    let mut bounds = Bounds::of_event();
    let event = (form.convert)(raw.decode()?, source.origin.clone(), &mut bounds)?;
    Ok(Indexed {
        index,
        event,
        is_cut: bounds.is_cut() || source.is_cut,
    })
}

#[cfg(test)]
mod tests;

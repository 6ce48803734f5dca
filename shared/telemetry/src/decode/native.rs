//! Upblit's own JSON: `{"timestamp","traces":[…]}` and `{"timestamp","logs":[…]}`.
//!
//! SDKs in use keep a whole batch and retry it forever on any response other than 2xx.
//! Only a malformed envelope is therefore an error; a malformed event is dropped and
//! reported. `docs/api.md` has the rules for events.

mod fields;

use jiff::Timestamp;

use super::bounds::{MAX_DURATION_MS, MAX_TEXT_BYTES, MAX_WORD_BYTES};
use super::envelope::{self, EnvelopeError, LayerError, Shape};
use super::layout::{EventError, Layout};
use crate::decode::{Decoded, Indexed, MAX_EVENTS};
use crate::event::{Event, LogRecord, Span};
use fields::Fields;

/// Longest id in Upblit's own JSON, in bytes.
pub const MAX_ID_BYTES: usize = 128;

/// Decodes a batch of spans.
///
/// # Errors
/// When the envelope is not JSON, has no `traces` array, or has more than [`MAX_EVENTS`].
pub(crate) fn decode_traces(body: &[u8]) -> Result<Decoded<Span>, EnvelopeError> {
    decode(body, span)
}

/// Decodes a batch of log records.
///
/// # Errors
/// When the envelope is not JSON, has no `logs` array, or has more than [`MAX_EVENTS`].
pub(crate) fn decode_logs(body: &[u8]) -> Result<Decoded<LogRecord>, EnvelopeError> {
    decode(body, log_record)
}

type Read<E> = fn(&mut Fields, Option<Timestamp>) -> Result<E, EventError>;

fn decode<E: Event>(body: &[u8], read: Read<E>) -> Result<Decoded<E>, EnvelopeError> {
    // Invalid UTF-8 affects only the characters concerned, not the batch.
    let text = String::from_utf8_lossy(body);
    let shape = Shape {
        array: E::SIGNAL.as_str(),
        is_required: true,
        sibling: "timestamp",
    };
    let batch = envelope::parse(&text, &shape, MAX_EVENTS).map_err(|error| match error {
        LayerError::TooMany => EnvelopeError::TooManyEvents,
        LayerError::Malformed(problem) => EnvelopeError::malformed(&problem),
    })?;
    // An unreadable time counts as missing, since events have their own.
    let sent_at = batch
        .sibling
        .and_then(|raw| serde_json::from_str::<&str>(raw).ok())
        .and_then(|time| time.parse().ok());
    let mut layout = Layout::new("timestamp");
    layout.array(0, format!("/{}", E::SIGNAL.as_str()));
    let mut decoded = Decoded::new(layout);
    decoded.report.sent_at = sent_at;
    for (index, raw) in batch.items.iter().enumerate() {
        match decode_event(raw, sent_at, read) {
            Ok((event, is_cut)) => decoded.events.push(Indexed {
                index,
                event,
                is_cut,
            }),
            Err(reason) => decoded.reject(index, reason),
        }
    }
    Ok(decoded)
}

/// Decodes one event; the flag says whether anything was truncated.
fn decode_event<E>(
    raw: &str,
    sent_at: Option<Timestamp>,
    read: Read<E>,
) -> Result<(E, bool), EventError> {
    let object = envelope::object(raw)?;
    let mut fields = Fields::new(object);
    let event = read(&mut fields, sent_at)?;
    Ok((event, fields.is_cut()))
}

fn span(fields: &mut Fields, sent_at: Option<Timestamp>) -> Result<Span, EventError> {
    Ok(Span {
        trace_id: fields.required_id("traceId", MAX_ID_BYTES)?,
        span_id: fields.required_id("spanId", MAX_ID_BYTES)?,
        parent_span_id: fields.optional_id("parentSpanId", MAX_ID_BYTES)?,
        start_ns: fields.time("timestamp", sent_at)?,
        duration_ms: fields.number("durationMs", 0.0..=MAX_DURATION_MS)?,
        method: fields.text("requestMethod", MAX_WORD_BYTES)?,
        url: fields.text("requestURL", MAX_TEXT_BYTES)?,
        status: fields.integer("responseStatus", 100..=599)?,
        attributes: fields.attributes(),
        ..Span::default()
    })
}

fn log_record(fields: &mut Fields, sent_at: Option<Timestamp>) -> Result<LogRecord, EventError> {
    let client_time = fields.lenient_time("clientTimestamp");
    Ok(LogRecord {
        time_ns: fields.time("timestamp", client_time.or(sent_at))?,
        level: fields
            .required_text("level", MAX_WORD_BYTES)?
            .to_lowercase(),
        message: fields.required_text("message", MAX_TEXT_BYTES)?,
        kind: fields.text("type", MAX_WORD_BYTES)?,
        trace_id: fields.optional_id("traceId", MAX_ID_BYTES)?,
        attributes: fields.attributes(),
        ..LogRecord::default()
    })
}

#[cfg(test)]
mod tests;

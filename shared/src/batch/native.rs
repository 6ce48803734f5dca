//! Upblit's own JSON: `{"timestamp","traces":[…]}` and `{"timestamp","logs":[…]}`.
//!
//! The SDKs in the field put a whole batch back in their queue on any answer
//! that is not 2xx, and try for ever. So only an envelope that cannot be read
//! at all is an error; a bad event is dropped and reported. Events are read
//! liberally, and what is cut or refused is told: README, "Ingest", has the rules.

mod envelope;
mod fields;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::event::{Event, LogRecord, Span};
use super::{Decoded, Indexed, Report, Signal};
pub use envelope::EnvelopeError;
use fields::{Cut, Fields, Reason};

use crate::error::FieldError;

/// Longest id, in bytes.
const MAX_ID_BYTES: usize = 128;

/// Longest method, level or type; longer ones are cut.
const MAX_WORD_BYTES: usize = 128;

/// Longest span: the window that events are accepted in.
const MAX_DURATION_MS: f64 = 7.0 * 24.0 * 60.0 * 60.0 * 1000.0;

/// Decodes a batch of spans.
///
/// # Errors
/// When the envelope is not JSON, has no `traces` array, or has too many.
pub fn decode_traces(body: &[u8]) -> Result<Decoded<Span>, EnvelopeError> {
    decode(body, span)
}

/// Decodes a batch of log records.
///
/// # Errors
/// When the envelope is not JSON, has no `logs` array, or has too many.
pub fn decode_logs(body: &[u8]) -> Result<Decoded<LogRecord>, EnvelopeError> {
    decode(body, log_record)
}

type Read<E> = fn(&mut Fields, Option<Timestamp>) -> Result<E, Reason>;

fn decode<E: Event>(body: &[u8], read: Read<E>) -> Result<Decoded<E>, EnvelopeError> {
    // Bytes that are not UTF-8 cost the characters they stand in, not the batch.
    let text = String::from_utf8_lossy(body);
    let envelope = envelope::parse(&text, E::SIGNAL)?;
    let mut decoded = Decoded {
        events: Vec::new(),
        report: Report {
            sent_at: envelope.sent_at,
            ..Report::default()
        },
    };
    for (index, raw) in envelope.events.iter().enumerate() {
        match decode_event(raw.get(), envelope.sent_at, read) {
            Ok((event, Cut(is_cut))) => decoded.events.push(Indexed {
                index,
                event,
                is_cut,
            }),
            Err(Reason { field, reason }) => {
                let pointer = pointer(E::SIGNAL, index, &field);
                decoded.report.reject(index, FieldError { pointer, reason });
            }
        }
    }
    Ok(decoded)
}

fn decode_event<E>(
    raw: &str,
    sent_at: Option<Timestamp>,
    read: Read<E>,
) -> Result<(E, Cut), Reason> {
    let object: Map<String, Value> = serde_json::from_str(raw).map_err(|error| {
        let is_object = raw.trim_start().starts_with('{');
        Reason::of_event(if is_object {
            error.to_string()
        } else {
            "must be an object".into()
        })
    })?;
    let mut fields = Fields::new(object);
    let event = read(&mut fields, sent_at)?;
    Ok((event, fields.cut()))
}

fn pointer(signal: Signal, index: usize, field: &str) -> String {
    let event = format!("/{}/{index}", signal.as_str());
    if field.is_empty() {
        event
    } else {
        format!("{event}/{field}")
    }
}

fn span(fields: &mut Fields, sent_at: Option<Timestamp>) -> Result<Span, Reason> {
    Ok(Span {
        trace_id: fields.required_id("traceId", MAX_ID_BYTES)?,
        span_id: fields.required_id("spanId", MAX_ID_BYTES)?,
        parent_span_id: fields.optional_id("parentSpanId", MAX_ID_BYTES)?,
        start_ns: fields.time("timestamp", sent_at)?,
        duration_ms: fields.number("durationMs", 0.0..=MAX_DURATION_MS)?,
        method: fields.text("requestMethod", MAX_WORD_BYTES)?,
        url: fields.text("requestURL", fields::MAX_TEXT_BYTES)?,
        status: fields.integer("responseStatus", 100..=599)?,
        attributes: fields.attributes(),
        ..Span::default()
    })
}

fn log_record(fields: &mut Fields, sent_at: Option<Timestamp>) -> Result<LogRecord, Reason> {
    let client_time = fields.lenient_time("clientTimestamp");
    Ok(LogRecord {
        time_ns: fields.time("timestamp", client_time.or(sent_at))?,
        level: fields
            .required_text("level", MAX_WORD_BYTES)?
            .to_lowercase(),
        message: fields.required_text("message", fields::MAX_TEXT_BYTES)?,
        kind: fields.text("type", MAX_WORD_BYTES)?,
        trace_id: fields.optional_id("traceId", MAX_ID_BYTES)?,
        attributes: fields.attributes(),
        ..LogRecord::default()
    })
}

#[cfg(test)]
mod tests;

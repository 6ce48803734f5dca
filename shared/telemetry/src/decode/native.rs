//! Upblit's own JSON: `{"timestamp","traces":[…]}` and `{"timestamp","logs":[…]}`.
//!
//! SDKs in use keep a whole batch and retry it forever on any response other than 2xx.
//! Only a malformed envelope is therefore an error; a malformed event is dropped and
//! reported. `docs/api.md` has the rules for events.

mod fields;
mod time;

use crate::reject_reason::RejectReason;
use jiff::Timestamp;
use serde_json::Value;
use upblit_base::FieldError;

use super::bounds::{Bounds, MAX_DURATION_DAYS, MAX_DURATION_MS};
use super::envelope::{self, EnvelopeError, Layer, LayerError, Shape};
use super::layout::{EventError, Layout};
use super::memory::{self, Budget};
use crate::batch::Signal;
use crate::decode::{Decoded, Indexed};
use crate::event::{Event, LogRecord, Note, Span, nanoseconds};
use fields::Fields;

/// Longest id in Upblit's own JSON, in bytes.
pub const MAX_ID_BYTES: usize = 128;

/// The located events of a batch, and its time of sending.
pub(super) type Batch<'a> = Layer<&'a str>;

/// Locates and counts the events of a batch, without decoding them.
///
/// # Errors
/// When the envelope is not JSON, has no array for the signal, or has more events than the budget
/// allows.
pub(super) fn locate<'a>(
    text: &'a str,
    signal: Signal,
    budget: &mut Budget,
) -> Result<Batch<'a>, EnvelopeError> {
    let shape = Shape {
        array: signal.as_str(),
        is_required: true,
        sibling: "timestamp",
        schema: "",
    };
    let each = memory::of_each(signal);
    let batch = envelope::parse(text, &shape, budget.parts(each)).map_err(|error| match error {
        LayerError::TooMany => EnvelopeError::TooLarge,
        LayerError::Malformed(problem) => EnvelopeError::malformed(&problem),
    })?;
    budget.take_parts(batch.items.len(), each)?;
    Ok(batch)
}

/// Decodes the spans of a batch.
///
/// # Errors
/// When they exceed the budget.
pub(super) fn spans(batch: &Batch<'_>, budget: Budget) -> Result<Decoded<Span>, EnvelopeError> {
    decode(batch, budget, span)
}

/// Decodes the log records of a batch.
///
/// # Errors
/// When they exceed the budget.
pub(super) fn log_records(
    batch: &Batch<'_>,
    budget: Budget,
) -> Result<Decoded<LogRecord>, EnvelopeError> {
    decode(batch, budget, log_record)
}

/// Reads an event from its fields and the time at which the batch was sent, in nanoseconds.
type Read<E> = fn(Fields, Option<i64>) -> Result<E, EventError>;

fn decode<E: Event>(
    batch: &Batch<'_>,
    mut budget: Budget,
    read: Read<E>,
) -> Result<Decoded<E>, EnvelopeError> {
    // An unreadable time counts as missing, since events have their own.
    let sent_ns = batch
        .sibling
        .and_then(|raw| serde_json::from_str(raw).ok())
        .and_then(|value: Value| time::read(&value).ok());
    let mut layout = Layout::new("timestamp");
    layout.array(0, format!("/{}", E::SIGNAL.as_str()));
    let mut decoded = Decoded::new(layout);
    decoded.report.sent_at =
        sent_ns.and_then(|nanos| Timestamp::from_nanosecond(nanos.into()).ok());
    for (index, raw) in batch.items.iter().enumerate() {
        match fields(raw).and_then(|fields| read(fields, sent_ns)) {
            Ok(event) => {
                budget.take(memory::of_event(event.by_signal()))?;
                decoded.events.push(Indexed { index, event });
            }
            Err(reason) => decoded.reject(index, reason),
        }
    }
    reject_misnamed(batch, &mut decoded);
    Ok(decoded)
}

/// Rejects the events of a field with another name, such as the logs of a request to store traces.
/// They are described once, after the others.
fn reject_misnamed<E: Event>(batch: &Batch<'_>, decoded: &mut Decoded<E>) {
    let Some(name) = &batch.misnamed else {
        return;
    };
    let array = E::SIGNAL.as_str();
    let error = FieldError {
        pointer: format!("/{name}"),
        reason: format!("was not read; events of this request belong in {array:?}"),
    };
    let report = &mut decoded.report;
    report.reject_group(
        RejectReason::Malformed,
        batch.misnamed_items,
        batch.items.len(),
        error,
    );
}

fn fields(raw: &str) -> Result<Fields, EventError> {
    let (object, is_cut) = envelope::object(raw)?;
    let mut bounds = Bounds::default();
    if is_cut {
        bounds.cut("", raw.len());
    }
    Ok(Fields::new(object, bounds))
}

fn span(mut fields: Fields, sent_ns: Option<i64>) -> Result<Span, EventError> {
    let mut span = Span {
        trace_id: fields.required_id("traceId", MAX_ID_BYTES)?,
        span_id: fields.required_id("spanId", MAX_ID_BYTES)?,
        parent_span_id: fields.optional_id("parentSpanId", MAX_ID_BYTES)?,
        ..Span::default()
    };
    (span.start_ns, span.duration_ms) = times(&mut fields, sent_ns)?;
    span = Span {
        method: fields.word("requestMethod")?,
        url: fields.text("requestURL")?,
        status: fields.integer("responseStatus", 100..=599)?,
        attributes: fields.attributes(),
        ..span
    };
    (span.truncations, span.notes) = fields.fit(&mut span);
    Ok(span)
}

/// Reads the start in nanoseconds and the duration in milliseconds. SDKs set `timestamp` when a span
/// ends. Without `startTime`, the start is the end less the duration.
fn times(fields: &mut Fields, sent_ns: Option<i64>) -> Result<(i64, Option<f64>), EventError> {
    let duration_ms = fields.number("durationMs", 0.0..=MAX_DURATION_MS)?;
    let end_ns = fields.time("timestamp")?;
    if let Some(start_ns) = fields.time("startTime")? {
        let until_end = end_ns.map(|end_ns| end_ns.saturating_sub(start_ns));
        let duration_ms = match (duration_ms, until_end) {
            (None, Some(nanos)) => Some(milliseconds(fields, nanos)?),
            _ => duration_ms,
        };
        return Ok((start_ns, duration_ms));
    }
    let missing = "is missing, and so is the envelope's timestamp";
    let end_ns = end_ns.or(sent_ns);
    let end_ns = end_ns.ok_or_else(|| EventError::new("timestamp", missing))?;
    let duration_ns = nanoseconds(duration_ms.unwrap_or_default());
    let start_ns = end_ns.checked_sub_unsigned(duration_ns);
    let start_ns = start_ns.ok_or_else(|| EventError::new("timestamp", "is out of range"))?;
    Ok((start_ns, duration_ms))
}

/// Converts the time from `startTime` to `timestamp` to milliseconds. A negative time becomes 0, with a
/// note.
fn milliseconds(fields: &mut Fields, nanos: i64) -> Result<f64, EventError> {
    if nanos < 0 {
        fields.note(Note::EndBeforeStart);
    }
    #[expect(clippy::cast_precision_loss, reason = "exact below 104 days")]
    let milliseconds = nanos.max(0) as f64 / 1e6;
    if milliseconds > MAX_DURATION_MS {
        let problem = format!("is more than {MAX_DURATION_DAYS} days before timestamp");
        return Err(EventError::new("startTime", problem));
    }
    Ok(milliseconds)
}

fn log_record(mut fields: Fields, sent_ns: Option<i64>) -> Result<LogRecord, EventError> {
    let client_ns = fields.lenient_time("clientTimestamp");
    let time_ns = fields.time("timestamp")?.or(client_ns).or(sent_ns);
    if time_ns.is_none() {
        fields.note(Note::TimeOfReceipt);
    }
    let mut record = LogRecord {
        time_ns: time_ns.unwrap_or_default(),
        message: fields.required_json_text("message")?,
        kind: fields.word("type")?,
        trace_id: fields.optional_id("traceId", MAX_ID_BYTES)?,
        ..LogRecord::default()
    };
    record.set_severity(None, fields.required_word("level")?);
    record.attributes = fields.attributes();
    (record.truncations, record.notes) = fields.fit(&mut record);
    Ok(record)
}

#[cfg(test)]
mod tests;

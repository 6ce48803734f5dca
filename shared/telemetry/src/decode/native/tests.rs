use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::decode::outline::whole;
use crate::decode::{Format, Reception, Report};
use upblit_base::clock;

mod envelopes;
mod properties;
mod texts;
mod values;

const SENT: &str = "2026-01-31T12:00:00.000Z";
const SENT_NS: i64 = 1_769_860_800_000_000_000;

fn decode_traces(body: &[u8]) -> Result<Decoded<Span>, EnvelopeError> {
    whole::spans(body, Format::Native)
}

fn decode_logs(body: &[u8]) -> Result<Decoded<LogRecord>, EnvelopeError> {
    whole::logs(body, Format::Native)
}

fn span(changes: &Value) -> Value {
    let mut span = json!({
        "timestamp": SENT, "requestMethod": "GET", "requestURL": "/cart", "responseStatus": 200,
        "traceId": "t", "spanId": "s", "parentSpanId": null, "durationMs": 12.5,
    });
    merge(&mut span, changes);
    span
}

fn log(changes: &Value) -> Value {
    let mut log = json!({
        "traceId": null, "level": "INFO", "type": "app", "message": "hello",
        "timestamp": SENT, "clientTimestamp": SENT,
    });
    merge(&mut log, changes);
    log
}

/// Applies a JSON merge patch (RFC 7396), except that null is a value.
fn merge(event: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        event[name] = value.clone();
    }
}

/// Removes a field of an event.
fn without(mut event: Value, field: &str) -> Value {
    event.as_object_mut().unwrap().remove(field).unwrap();
    event
}

fn traces(events: &[Value]) -> Decoded<Span> {
    let body = json!({ "timestamp": SENT, "traces": events });
    decode_traces(body.to_string().as_bytes()).unwrap()
}

fn logs(events: &[Value]) -> Decoded<LogRecord> {
    let body = json!({ "timestamp": SENT, "logs": events });
    decode_logs(body.to_string().as_bytes()).unwrap()
}

/// Describes a batch that is received at the time of sending.
fn received() -> Reception {
    Reception {
        now: clock::from_millis(SENT_NS / 1_000_000),
        retention: std::time::Duration::from_secs(30 * 24 * 60 * 60),
    }
}

#[track_caller]
fn one<E: std::fmt::Debug>(decoded: Decoded<E>) -> Indexed<E> {
    assert_eq!(decoded.report.errors, []);
    let [event] = <[_; 1]>::try_from(decoded.events).unwrap();
    event
}

#[track_caller]
fn accepted(event: Value) -> Span {
    one(traces(&[event])).event
}

/// Returns the pointer and reason of the only event, which is refused.
#[track_caller]
fn refused<E: std::fmt::Debug>(decoded: Decoded<E>) -> (String, String) {
    assert_eq!((decoded.events.len(), decoded.report.rejected), (0, 1));
    let error = decoded.report.errors[0].error.clone();
    (error.pointer, error.reason)
}

#[track_caller]
fn assert_refused(event: Value, pointer: &str, reason: &str) {
    let refusal = refused(traces(std::slice::from_ref(&event)));
    assert_eq!(refusal, (pointer.to_owned(), reason.to_owned()), "{event}");
}

/// Builds a body of one event, given as text.
fn body(event: &str) -> Vec<u8> {
    format!(r#"{{"timestamp":"{SENT}","traces":[{event}]}}"#).into_bytes()
}

/// Decodes a span with one field given as text.
fn raw(field: &str, value: &str) -> Decoded<Span> {
    let event = span(&json!({ field: "PLACEHOLDER" })).to_string();
    decode_traces(&body(&event.replace("\"PLACEHOLDER\"", value))).unwrap()
}

fn malformed(body: &[u8]) -> String {
    match decode_traces(body) {
        Err(EnvelopeError::Malformed(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

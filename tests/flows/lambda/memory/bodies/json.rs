//! Bodies in JSON.

use shared::base::clock::{Clock, rfc3339};
use shared::telemetry::inflate::MAX_INFLATED_BYTES;

/// Repeats `unit` between `head` and `tail`, up to the largest size of a body.
pub(super) fn fill(head: &[u8], unit: &[u8], tail: &[u8]) -> Vec<u8> {
    let room = MAX_INFLATED_BYTES - head.len() - tail.len();
    [head, &unit.repeat(room / unit.len()), tail].concat()
}

pub(super) fn array(name: &str, item: &str) -> Vec<u8> {
    let (head, unit) = (format!("{{\"{name}\":["), format!("{item},"));
    fill(
        head.as_bytes(),
        unit.as_bytes(),
        format!("{item}]}}").as_bytes(),
    )
}

pub(super) const SPAN: &str = r#""traceId":"a","spanId":"b""#;

/// One span with a repeated part.
pub(super) fn one_span(head: &str, unit: &str, tail: &str) -> Vec<u8> {
    let head = format!(r#"{{"timestamp":"{{NOW}}","traces":[{{{SPAN},{head}"#);
    fill(
        head.replace("{NOW}", &now()).as_bytes(),
        unit.as_bytes(),
        format!("{tail}}}]}}").as_bytes(),
    )
}

pub(super) fn one_span_of(fields: String) -> Vec<u8> {
    format!(
        r#"{{"timestamp":"{}","traces":[{{{SPAN},{fields}}}]}}"#,
        now()
    )
    .into_bytes()
}

pub(super) fn now() -> String {
    rfc3339(Clock::system().now())
}

/// As many equal spans as fit.
pub(super) fn spans(fields: &str) -> Vec<u8> {
    let item = format!("{{{SPAN},{fields}}}");
    let head = format!(r#"{{"timestamp":"{}","traces":["#, now());
    fill(
        head.as_bytes(),
        format!("{item},").as_bytes(),
        format!("{item}]}}").as_bytes(),
    )
}

/// Spans that differ, as many as fit.
pub(super) fn each_span(fields: impl Fn(usize) -> String) -> Vec<u8> {
    let mut body = format!(r#"{{"timestamp":"{}","traces":[{{}}"#, now());
    for index in 0.. {
        let span = format!(",{{{SPAN},{}}}", fields(index));
        if body.len() + span.len() + 2 > MAX_INFLATED_BYTES {
            break;
        }
        body.push_str(&span);
    }
    body.push_str("]}");
    body.into_bytes()
}

/// An attribute with a list of about 250 KiB of items.
pub(super) fn list(item: &str) -> String {
    format!("\"x\":[{}0]", item.repeat((250 << 10) / item.len()))
}

pub(super) fn attributes() -> String {
    wide(250 << 10)
}

pub(super) fn wide(bytes: usize) -> String {
    let mut fields = String::new();
    let mut index = 0;
    while fields.len() < bytes {
        fields.push_str(&format!("\"{index:x}\":\"\","));
        index += 1;
    }
    fields.push_str("\"x\":0");
    fields
}

pub(super) const JSON_SPAN: &str = r#""traceId":"01010101010101010101010101010101","spanId":"0101010101010101","startTimeUnixNano":"NOW""#;

pub(super) fn json_span(name: &str, item: &str) -> Vec<u8> {
    let head = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{},"{name}":["#,
        JSON_SPAN.replace("NOW", &nanos().to_string())
    );
    fill(
        head.as_bytes(),
        format!("{item},").as_bytes(),
        format!("{item}]}}]}}]}}]}}").as_bytes(),
    )
}

pub(super) fn json_spans(name: &str, item: &str) -> Vec<u8> {
    let items = format!("{item},").repeat((250 << 10) / item.len());
    let span = format!(
        r#"{{{},"{name}":[{items}{item}]}}"#,
        JSON_SPAN.replace("NOW", &nanos().to_string())
    );
    fill(
        br#"{"resourceSpans":[{"scopeSpans":[{"spans":["#,
        format!("{span},").as_bytes(),
        format!("{span}]}}]}}]}}").as_bytes(),
    )
}

pub(super) fn nanos() -> u64 {
    Clock::system().now().as_nanosecond() as u64
}

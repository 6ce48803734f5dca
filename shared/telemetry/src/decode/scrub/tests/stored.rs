//! What is stored of a batch does not depend on the secrets in it.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::protobuf;
use crate::batch::Signal;
use crate::chunk::{PackedChunk, frame};
use crate::decode::otlp::OtlpEncoding;
use crate::decode::{Format, Reception, Report};
use crate::intake::Batch;

const NOW: &str = "2026-01-31T12:00:00Z";
const NANOS: &str = "1769860800000000000";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A batch as sent.
type Sent = (Signal, Format, Vec<u8>);

/// Makes a batch with a secret, which needs no escapes in JSON and addresses.
type Make = fn(&str) -> Sent;

fn native_spans(secret: &str) -> Sent {
    let body = json!({ "traces": [{
        "timestamp": NOW, "traceId": "t", "spanId": "s", "parentSpanId": null,
        "requestMethod": "GET", "requestURL": format!("/cart?token={secret}&page=2"),
        "responseStatus": 200, "durationMs": 1,
        "password": secret, "headers": { "Cookie": [secret] },
        "query": format!("api_key={secret}"),
    }] });
    (Signal::Traces, Format::Native, body.to_string().into())
}

fn native_records(secret: &str) -> Sent {
    let message = json!({ "user": "ada", "password": secret });
    let in_text = format!("postgres://ada:{secret}@db.test/shop failed, secret={secret}");
    let messages = [message.clone(), message.to_string().into(), in_text.into()];
    let records = messages.map(
        |message| json!({ "timestamp": NOW, "level": "info", "type": "app", "message": message }),
    );
    let body = json!({ "logs": records });
    (Signal::Logs, Format::Native, body.to_string().into())
}

fn attribute(name: &str, value: Value) -> Value {
    json!({ "key": name, "value": value })
}

fn text(name: &str, text: &str) -> Value {
    attribute(name, json!({ "stringValue": text }))
}

fn otlp_spans(secret: &str) -> Value {
    let list = json!({ "arrayValue": { "values": [{ "stringValue": secret }] } });
    let nested = json!({ "kvlistValue": { "values": [text("apiKey", secret)] } });
    let span = json!({
        "traceId": TRACE, "spanId": "00f067aa0ba902b7", "name": "GET /cart", "kind": 3,
        "startTimeUnixNano": NANOS, "endTimeUnixNano": NANOS,
        "attributes": [
            text("url.full", &format!("https://u:{secret}@a.test/?sig={secret}")),
            attribute("http.request.header.authorization", list),
            attribute("config", nested),
        ],
        "events": [
            { "name": "login", "timeUnixNano": NANOS, "attributes": [text("db.password", secret)] },
        ],
        "links": [{ "traceId": TRACE, "spanId": "00f067aa0ba902b8",
            "attributes": [text("cookie", secret)] }],
        "status": { "code": 2, "message": format!("refused: password={secret}") },
    });
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            text("service.name", "shop"),
            text("deployment.token", secret),
        ] },
        "scopeSpans": [{
            "scope": { "name": "http", "attributes": [text("secret", secret)] },
            "spans": [span],
        }],
    }] })
}

fn otlp_records(secret: &str) -> Value {
    let body = json!({ "kvlistValue": { "values": [text("client_secret", secret)] } });
    json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [
        { "timeUnixNano": NANOS, "body": body },
        { "timeUnixNano": NANOS, "body": { "stringValue": format!("GET /?token={secret}") },
          "attributes": [text("passwd", secret)] },
    ] }] }] })
}

fn json_spans(secret: &str) -> Sent {
    let body = otlp_spans(secret).to_string().into();
    (Signal::Traces, Format::Otlp(OtlpEncoding::Json), body)
}

fn json_records(secret: &str) -> Sent {
    let body = otlp_records(secret).to_string().into();
    (Signal::Logs, Format::Otlp(OtlpEncoding::Json), body)
}

fn protobuf_spans(secret: &str) -> Sent {
    let body = protobuf::spans(&otlp_spans(secret));
    (Signal::Traces, Format::Otlp(OtlpEncoding::Protobuf), body)
}

fn protobuf_records(secret: &str) -> Sent {
    let body = protobuf::log_records(&otlp_records(secret));
    (Signal::Logs, Format::Otlp(OtlpEncoding::Protobuf), body)
}

/// Every way in which events arrive.
const BATCHES: [Make; 6] = [
    native_spans,
    native_records,
    json_spans,
    json_records,
    protobuf_spans,
    protobuf_records,
];

fn packed((signal, format, body): Sent, is_scrubbed: bool) -> (PackedChunk, Report) {
    let application = "Labcdefghij".parse().unwrap();
    let batch = Batch::new(&body, signal, format, application).unwrap();
    let mut events = batch.locate().unwrap().decode().unwrap();
    if is_scrubbed {
        events = events.scrubbed();
    }
    let at = Reception {
        now: NOW.parse().unwrap(),
        retention: Duration::from_secs(24 * 60 * 60),
    };
    let (mut chunks, report) = events.pack(at).unwrap();
    assert_eq!((chunks.len(), report.rejected), (1, 0), "{report:?}");
    (chunks.remove(0), report)
}

/// The columns of a chunk, inflated.
fn content(chunk: &PackedChunk) -> Vec<u8> {
    let (_, mut reader) = frame::open(&chunk.events).unwrap();
    // The dictionary, and the memory that the events take.
    reader.byte().unwrap();
    reader.small(1 << 20).unwrap();
    frame::content(&mut reader, 1 << 20).unwrap()
}

fn has(bytes: &[u8], secret: &str) -> bool {
    let mut windows = bytes.windows(secret.len());
    windows.any(|window| window == secret.as_bytes())
}

proptest! {
    /// Equal bytes for different secrets mean that no column, count, size or filter depends on them.
    #[test]
    fn chunk_and_summary_are_the_same_whatever_the_secrets_are(
        one in "[A-Za-z0-9_.~-]{8,40}",
        other in "[A-Za-z0-9_.~-]{8,40}",
    ) {
        for make in BATCHES {
            let (chunk, report) = packed(make(&one), true);
            let (of_other, _) = packed(make(&other), true);
            prop_assert_eq!(&chunk.events, &of_other.events);
            prop_assert_eq!(&chunk.summary, &of_other.summary);
            prop_assert!(!has(&content(&chunk), &one));
            prop_assert_eq!(report.scrubbed, chunk.count);
        }
    }
}

#[test]
fn an_application_that_turns_it_off_gets_what_was_sent() {
    let secret = "correct-horse-battery-staple";
    for make in BATCHES {
        let (chunk, report) = packed(make(secret), false);
        assert!(has(&content(&chunk), secret));
        assert_eq!(report.scrubbed, 0);
    }
}

#[test]
fn events_without_secrets_are_stored_as_they_were_sent() {
    let spans = json!({ "traces": [{
        "timestamp": NOW, "traceId": "t", "spanId": "s", "parentSpanId": null,
        "requestMethod": "GET", "requestURL": "/cart?page=2", "responseStatus": 200,
        "durationMs": 1, "llm.token_count": 5, "order": "4242424242424241",
    }] });
    let records = json!({ "logs": [{
        "timestamp": NOW, "level": "info", "type": "app",
        "message": "mail to ada@a.test, total=5",
    }] });
    for (signal, body) in [(Signal::Traces, spans), (Signal::Logs, records)] {
        let sent = (signal, Format::Native, body.to_string().into_bytes());
        let (scrubbed, report) = packed(sent.clone(), true);
        let (as_sent, _) = packed(sent, false);
        assert_eq!(scrubbed, as_sent);
        assert_eq!(report.scrubbed, 0);
    }
}

//! Bodies of ordinary events, as SDKs and Collectors send them, whose ids and values differ.

use serde_json::json;

use super::Kind;
use super::json::{nanos, now};
use super::protobuf::{any, field, pair};

/// Number of different events in a body. They are repeated, so that the body compresses a hundredfold,
/// as the worst ones do.
const DISTINCT: usize = 100;

/// A body of at least this many bytes.
pub fn ordinary(kind: Kind, bytes: usize) -> Vec<u8> {
    let at = |index: usize| index % DISTINCT;
    match kind {
        Kind::NativeTraces => native("traces", bytes, |index| native_span(at(index))),
        Kind::NativeLogs => native("logs", bytes, |index| native_log_record(at(index))),
        Kind::JsonTraces => json_of(["resourceSpans", "scopeSpans", "spans"], bytes, |index| {
            json_span(at(index))
        }),
        Kind::JsonLogs => json_of(
            ["resourceLogs", "scopeLogs", "logRecords"],
            bytes,
            |index| json_log_record(at(index)),
        ),
        Kind::ProtobufTraces => protobuf_of(bytes, |index| protobuf_span(at(index))),
        Kind::ProtobufLogs => protobuf_of(bytes, |index| protobuf_log_record(at(index))),
    }
}

/// A body of at least this many bytes, of events with a text of 16 KB each. That many bytes of smaller
/// events exceed the memory for a batch.
pub fn ordinary_large(kind: Kind, bytes: usize) -> Vec<u8> {
    // As many as fit into the window of a compressor.
    let events: Vec<Vec<u8>> = (0..20).map(|index| large(kind, index, 160)).collect();
    let at = |index: usize| events[index % events.len()].clone();
    let text = |index: usize| String::from_utf8(at(index)).unwrap();
    match kind {
        Kind::NativeTraces => native("traces", bytes, text),
        Kind::NativeLogs => native("logs", bytes, text),
        Kind::JsonTraces => json_of(["resourceSpans", "scopeSpans", "spans"], bytes, text),
        Kind::JsonLogs => json_of(["resourceLogs", "scopeLogs", "logRecords"], bytes, text),
        Kind::ProtobufTraces | Kind::ProtobufLogs => protobuf_of(bytes, at),
    }
}

/// The default batch of a Collector: 8,192 different log records of 2 KB.
pub fn collector_batch(kind: Kind) -> Vec<u8> {
    const RECORDS: usize = 8_192;
    match kind {
        Kind::ProtobufLogs => protobuf_of(RECORDS * 2_048, |index| large(kind, index, 20)),
        Kind::JsonLogs => {
            let names = ["resourceLogs", "scopeLogs", "logRecords"];
            json_of(names, RECORDS * 2_048, |index| {
                String::from_utf8(large(kind, index, 20)).unwrap()
            })
        }
        _ => panic!("a Collector sends OTLP"),
    }
}

/// A stack trace with a number of lines of about 100 bytes.
fn stack_trace(index: usize, lines: usize) -> String {
    let lines = (0..lines).map(|line| {
        let (id, part) = (id(index * 160 + line) >> 80, line * 7 % 13);
        format!("at shop.orders.Step{part}.run(Step{part}.java:{line}) request {id:012x}")
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// An event with a stack trace.
fn large(kind: Kind, index: usize, lines: usize) -> Vec<u8> {
    let text = stack_trace(index, lines);
    let within = |event: String, before: &str, more: &str| {
        event
            .replacen(before, &format!("{more}{before}"), 1)
            .into_bytes()
    };
    let attribute =
        format!(r#"{{"key":"exception.stacktrace","value":{{"stringValue":"{text}"}}}},"#);
    let first = r#"{"key":"http.request.method""#;
    match kind {
        Kind::NativeTraces => {
            let field = format!(r#""exception.stacktrace":"{text}","#);
            within(native_span(index), "\"http.route\"", &field)
        }
        Kind::NativeLogs => within(native_log_record(index), "order ", &text),
        Kind::JsonTraces => within(json_span(index), first, &attribute),
        Kind::JsonLogs => within(json_log_record(index), "order ", &text),
        Kind::ProtobufTraces => {
            let pair = pair(b"exception.stacktrace", &any(1, text.as_bytes()));
            [protobuf_span(index), field(9, &pair)].concat()
        }
        Kind::ProtobufLogs => [
            protobuf_log_record(index),
            field(5, &any(1, text.as_bytes())),
        ]
        .concat(),
    }
}

/// An id without a pattern.
fn id(index: usize) -> u128 {
    (index as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

fn trace_id(index: usize) -> String {
    format!("{:032x}", id(index / 10))
}

fn span_id(index: usize) -> String {
    format!("{:016x}", id(index) >> 64)
}

/// Events of at least this many bytes together, joined by commas.
fn joined(bytes: usize, event: impl Fn(usize) -> String) -> String {
    let mut events = event(0);
    for index in 1.. {
        if events.len() >= bytes {
            break;
        }
        events.push(',');
        events.push_str(&event(index));
    }
    events
}

fn native(name: &str, bytes: usize, event: impl Fn(usize) -> String) -> Vec<u8> {
    let events = joined(bytes, event);
    format!(r#"{{"timestamp":"{}","{name}":[{events}]}}"#, now()).into_bytes()
}

fn native_span(index: usize) -> String {
    json!({
        "traceId": trace_id(index), "spanId": span_id(index), "parentSpanId": span_id(index / 10),
        "durationMs": 12.5, "requestMethod": "GET", "requestURL": format!("/cart/{}", index % 50),
        "responseStatus": 200, "service.name": "shop", "customer.id": index % 1000,
        "http.route": "/cart/{id}", "server.address": "shop.example.com", "thread.name": "worker-3",
    })
    .to_string()
}

fn native_log_record(index: usize) -> String {
    json!({
        "level": "info", "message": format!("order {index} was paid by customer {}", index % 1000),
        "type": "app", "traceId": trace_id(index), "service.name": "shop", "customer.id": index % 1000,
        "thread.name": "worker-3", "code.function": "pay",
    })
    .to_string()
}

fn json_of(names: [&str; 3], bytes: usize, event: impl Fn(usize) -> String) -> Vec<u8> {
    let [resources, scopes, name] = names;
    let resource =
        json!({"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]});
    let events = joined(bytes, event);
    format!(r#"{{"{resources}":[{{"resource":{resource},"{scopes}":[{{"scope":{{"name":"http"}},"{name}":[{events}]}}]}}]}}"#)
        .into_bytes()
}

fn json_attributes(index: usize) -> serde_json::Value {
    json!([
        {"key": "http.request.method", "value": {"stringValue": "GET"}},
        {"key": "url.path", "value": {"stringValue": format!("/cart/{}", index % 50)}},
        {"key": "http.response.status_code", "value": {"intValue": "200"}},
        {"key": "customer.id", "value": {"intValue": (index % 1000).to_string()}},
        {"key": "http.route", "value": {"stringValue": "/cart/{id}"}},
        {"key": "thread.name", "value": {"stringValue": "worker-3"}},
    ])
}

fn json_span(index: usize) -> String {
    json!({
        "traceId": trace_id(index), "spanId": span_id(index), "parentSpanId": span_id(index / 10),
        "name": "GET /cart/{id}", "kind": 2, "startTimeUnixNano": nanos().to_string(),
        "endTimeUnixNano": (nanos() + 1_000_000).to_string(), "attributes": json_attributes(index),
        "status": {},
    })
    .to_string()
}

fn json_log_record(index: usize) -> String {
    json!({
        "timeUnixNano": nanos().to_string(), "severityNumber": 9, "severityText": "INFO",
        "body": {"stringValue": format!("order {index} was paid by customer {}", index % 1000)},
        "attributes": json_attributes(index), "traceId": trace_id(index), "spanId": span_id(index),
    })
    .to_string()
}

fn protobuf_of(bytes: usize, event: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let mut events = Vec::new();
    for index in 0.. {
        if events.len() >= bytes {
            break;
        }
        events.extend(field(2, &event(index)));
    }
    let resource = field(1, &field(1, &pair(b"service.name", &any(1, b"shop"))));
    let scope = field(1, &field(1, b"http"));
    field(1, &[resource, field(2, &[scope, events].concat())].concat())
}

fn time(number: u8, nanos: u64) -> Vec<u8> {
    [&[number << 3 | 1][..], &nanos.to_le_bytes()].concat()
}

fn protobuf_attributes(number: usize, index: usize) -> Vec<u8> {
    let path = format!("/cart/{}", index % 50);
    let customer = (index % 1000).to_string();
    let texts = [
        ("http.request.method", "GET"),
        ("url.path", &path),
        ("customer.id", &customer),
        ("http.route", "/cart/{id}"),
        ("thread.name", "worker-3"),
        ("server.address", "shop.example.com"),
    ];
    let fields =
        texts.map(|(key, value)| field(number, &pair(key.as_bytes(), &any(1, value.as_bytes()))));
    fields.concat()
}

fn protobuf_span(index: usize) -> Vec<u8> {
    [
        field(1, &id(index / 10).to_be_bytes()),
        field(2, &id(index).to_be_bytes()[..8]),
        field(4, &id(index / 10).to_be_bytes()[..8]),
        field(5, b"GET /cart/{id}"),
        vec![6 << 3, 2],
        time(7, nanos()),
        time(8, nanos() + 1_000_000),
        protobuf_attributes(9, index),
    ]
    .concat()
}

fn protobuf_log_record(index: usize) -> Vec<u8> {
    let message = format!("order {index} was paid by customer {}", index % 1000);
    [
        time(1, nanos()),
        vec![2 << 3, 9],
        field(3, b"INFO"),
        field(5, &any(1, message.as_bytes())),
        protobuf_attributes(6, index),
        field(9, &id(index / 10).to_be_bytes()),
        field(10, &id(index).to_be_bytes()[..8]),
    ]
    .concat()
}

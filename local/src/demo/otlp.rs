//! Encodes the events of all services but web as OTLP/JSON, as OpenTelemetry SDKs do.

use serde_json::{Map, Value, json};

use super::native;
use super::telemetry::{Http, Kind, Level, Log, Outcome, Service, Span};
use super::time;

/// A body for `POST /v1/traces`; `None` without spans of these services.
pub(super) fn traces(spans: &[Span]) -> Option<Value> {
    let groups = groups(|service| {
        let of_service = spans.iter().filter(|span| span.service == service);
        ("scopeSpans", "spans", of_service.map(span).collect())
    });
    (!groups.is_empty()).then(|| json!({ "resourceSpans": groups }))
}

/// A body for `POST /v1/logs`; `None` without logs of these services.
pub(super) fn logs(logs: &[Log]) -> Option<Value> {
    let groups = groups(|service| {
        let of_service = logs.iter().filter(|log| log.service == service);
        ("scopeLogs", "logRecords", of_service.map(record).collect())
    });
    (!groups.is_empty()).then(|| json!({ "resourceLogs": groups }))
}

/// One resource for each OTLP service with events. `events_of` returns the names of the
/// scope array and the event array, and the events.
fn groups(events_of: impl Fn(Service) -> (&'static str, &'static str, Vec<Value>)) -> Vec<Value> {
    let mut groups = Vec::new();
    for service in Service::ALL {
        let (scopes, name, events) = events_of(service);
        if native::uses_native_json(service) || events.is_empty() {
            continue;
        }
        let scope = json!({"name": format!("shop.{}", service.name()), "version": "2.4.1"});
        groups.push(json!({
            "resource": { "attributes": key_values(&resource(service)) },
            scopes: [{ "scope": scope, name: events }],
        }));
    }
    groups
}

fn resource(service: Service) -> Map<String, Value> {
    let mut resource = Map::new();
    for (name, value) in [
        ("service.name", service.name().to_owned()),
        ("service.namespace", "shop".to_owned()),
        ("service.instance.id", format!("{}-1", service.name())),
        ("deployment.environment.name", "demo".to_owned()),
        ("telemetry.sdk.language", "rust".to_owned()),
    ] {
        resource.insert(name.to_owned(), value.into());
    }
    resource
}

fn span(span: &Span) -> Value {
    let mut attributes = span.attributes.clone();
    if let Some(http) = &span.http {
        add_http(&mut attributes, http);
    }
    json!({
        "traceId": time::trace_id(span.trace_id),
        "spanId": time::span_id(span.span_id),
        "parentSpanId": span.parent.map(time::span_id).unwrap_or_default(),
        "name": span.name,
        "kind": kind(span.kind),
        "startTimeUnixNano": span.start_ns.to_string(),
        "endTimeUnixNano": span.end_ns.to_string(),
        "attributes": key_values(&attributes),
        "events": exception(span),
        "status": status(span.outcome),
    })
}

fn add_http(attributes: &mut Map<String, Value>, http: &Http) {
    let fields = [
        ("http.request.method", json!(http.method)),
        ("url.path", json!(http.path)),
        ("http.response.status_code", json!(http.status)),
    ];
    attributes.extend(fields.map(|(name, value)| (name.to_owned(), value)));
}

fn exception(span: &Span) -> Vec<Value> {
    let Outcome::Failed(message) = span.outcome else {
        return Vec::new();
    };
    let (kind, text) = message.split_once(": ").unwrap_or(("Error", message));
    let mut attributes = Map::new();
    attributes.insert("exception.type".to_owned(), kind.into());
    attributes.insert("exception.message".to_owned(), text.into());
    vec![json!({
        "name": "exception",
        "timeUnixNano": span.end_ns.to_string(),
        "attributes": key_values(&attributes),
    })]
}

fn status(outcome: Outcome) -> Value {
    match outcome {
        Outcome::Ok => json!({}),
        Outcome::ChildFailed => json!({"code": 2}),
        Outcome::Failed(message) => json!({"code": 2, "message": message}),
    }
}

fn kind(kind: Kind) -> u8 {
    match kind {
        Kind::Internal => 1,
        Kind::Server => 2,
        Kind::Client => 3,
        Kind::Producer => 4,
        Kind::Consumer => 5,
    }
}

fn record(log: &Log) -> Value {
    json!({
        "timeUnixNano": log.at_ns.to_string(),
        "severityNumber": severity(log.level),
        "severityText": log.level.name(),
        "body": { "stringValue": log.message },
        "attributes": key_values(&log.attributes),
        "traceId": time::trace_id(log.trace_id),
        "spanId": time::span_id(log.span_id),
    })
}

fn severity(level: Level) -> u8 {
    match level {
        Level::Debug => 5,
        Level::Info => 9,
        Level::Warn => 13,
        Level::Error => 17,
    }
}

fn key_values(attributes: &Map<String, Value>) -> Vec<Value> {
    let pair = |(key, value): (&String, &Value)| json!({"key": key, "value": any_value(value)});
    attributes.iter().map(pair).collect()
}

fn any_value(value: &Value) -> Value {
    match value {
        Value::Bool(value) => json!({ "boolValue": value }),
        Value::Number(number) if number.is_f64() => json!({ "doubleValue": number }),
        // The protobuf JSON mapping writes 64-bit integers as strings.
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::String(text) => json!({ "stringValue": text }),
        other => json!({ "stringValue": other.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::traffic::Traffic;

    #[test]
    fn each_span_is_sent_in_exactly_one_encoding() {
        let events = Traffic::new(1).slice(180_003_600);
        let is_native = |span: &&Span| native::uses_native_json(span.service);
        let count = |request: Option<Value>, array: &str| -> usize {
            let request = request.unwrap();
            let groups = request["resourceSpans"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let of_groups = groups.iter().map(|group| &group["scopeSpans"][0]["spans"]);
            let arrays = of_groups.chain([&request[array]]);
            arrays.filter_map(Value::as_array).map(Vec::len).sum()
        };
        let web_spans = events.spans.iter().filter(is_native).count();
        assert!(web_spans > 0 && web_spans < events.spans.len());
        assert_eq!(count(native::traces(&events.spans), "traces"), web_spans);
        assert_eq!(
            count(traces(&events.spans), "none"),
            events.spans.len() - web_spans
        );
    }

    #[test]
    fn no_events_make_no_request() {
        assert_eq!(traces(&[]), None);
        assert_eq!(logs(&[]), None);
        assert_eq!(native::logs(&[]), None);
    }

    #[test]
    fn integers_are_encoded_as_strings() {
        assert_eq!(any_value(&json!(7)), json!({"intValue": "7"}));
        assert_eq!(any_value(&json!(0.5)), json!({"doubleValue": 0.5}));
    }
}

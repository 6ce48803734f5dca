//! Encodes spans of the standard telemetry as an OpenTelemetry SDK sends them.

use jiff::{SignedDuration, Timestamp};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use serde_json::Value;

use crate::Fields;

/// Attributes that describe the process, which an SDK sends once for all spans.
const OF_RESOURCE: [&str; 9] = [
    "service.name",
    "service.version",
    "service.namespace",
    "service.instance.id",
    "deployment.environment.name",
    "cloud.region",
    "host.name",
    "telemetry.sdk.language",
    "telemetry.sdk.version",
];

/// Fields of Upblit's own JSON that are attributes in OTLP.
const RENAMED: [(&str, &str); 3] = [
    ("requestMethod", "http.request.method"),
    ("requestURL", "url.full"),
    ("responseStatus", "http.response.status_code"),
];

/// Returns an export request with these spans. Its resource has the attributes of the first span.
pub(crate) fn request(spans: impl Iterator<Item = Fields>) -> Vec<u8> {
    let mut spans = spans.peekable();
    let resource = spans.peek().map(|first| Resource {
        attributes: OF_RESOURCE
            .iter()
            .filter_map(|key| pair(key, first.get(*key)?))
            .collect(),
        ..Resource::default()
    });
    let scope = InstrumentationScope {
        name: "@opentelemetry/instrumentation-http".to_owned(),
        version: "0.207.0".to_owned(),
        ..InstrumentationScope::default()
    };
    let scope_spans = ScopeSpans {
        scope: Some(scope),
        spans: spans.map(|fields| span(&fields)).collect(),
        ..ScopeSpans::default()
    };
    let resource_spans = ResourceSpans {
        resource,
        scope_spans: vec![scope_spans],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![resource_spans],
    }
    .encode_to_vec()
}

fn span(fields: &Fields) -> Span {
    let text = |key: &str| fields.get(key).and_then(Value::as_str).unwrap_or_default();
    let span_id = hex(text("spanId"));
    let parent_span_id = hex(text("parentSpanId"));
    let end: Timestamp = text("timestamp").parse().unwrap_or_default();
    let duration = fields
        .get("durationMs")
        .and_then(Value::as_f64)
        .unwrap_or_default();
    let start = end - SignedDuration::from_secs_f64(duration / 1_000.0);
    // SPAN_KIND_SERVER for the root, SPAN_KIND_CLIENT for the calls below it.
    let kind = if parent_span_id.is_empty() { 2 } else { 3 };
    let has_failed = fields.get("responseStatus").and_then(Value::as_u64) >= Some(500);
    Span {
        trace_id: hex(text("traceId")),
        parent_span_id,
        name: format!("{} {}", text("requestMethod"), text("http.route")),
        kind,
        start_time_unix_nano: nanoseconds(start) - below_a_millisecond(&span_id[4..]),
        end_time_unix_nano: nanoseconds(end) + below_a_millisecond(&span_id[..4]),
        span_id,
        attributes: attributes(fields),
        status: has_failed.then(|| Status {
            code: 2,
            ..Status::default()
        }),
        ..Span::default()
    }
}

fn attributes(fields: &Fields) -> Vec<KeyValue> {
    let renamed = RENAMED
        .iter()
        .filter_map(|(field, key)| pair(key, fields.get(*field)?));
    // Names of the semantic conventions' attributes contain dots, those of Upblit's fields do not.
    let own = fields.iter().filter(|(key, _)| {
        key.contains('.') && !OF_RESOURCE.contains(&key.as_str()) && !key.starts_with("otel.")
    });
    renamed
        .chain(own.filter_map(|(key, value)| pair(key, value)))
        .collect()
}

fn pair(key: &str, value: &Value) -> Option<KeyValue> {
    let value = match value {
        Value::String(text) => Any::StringValue(text.clone()),
        number => Any::IntValue(number.as_i64()?),
    };
    Some(KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    })
}

/// Nanoseconds below a millisecond, which vary between spans as those of real clocks do.
fn below_a_millisecond(seed: &[u8]) -> u64 {
    let number = seed
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    number % 1_000_000
}

fn nanoseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_nanosecond()).unwrap_or_default()
}

fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.filter_map(byte).collect()
}

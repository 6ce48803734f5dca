//! Makes protobuf messages of the OTLP JSON in these tests.

use data_encoding::HEXLOWER;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;
use serde_json::Value;

fn list<T>(json: &Value, convert: impl Fn(&Value) -> T) -> Vec<T> {
    json.as_array().into_iter().flatten().map(convert).collect()
}

fn text(json: &Value) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

fn bytes(json: &Value) -> Vec<u8> {
    HEXLOWER.decode(text(json).as_bytes()).unwrap()
}

fn nanos(json: &Value) -> u64 {
    text(json).parse().unwrap_or_default()
}

fn any(json: &Value) -> AnyValue {
    let value = if let Some(text) = json["stringValue"].as_str() {
        Any::StringValue(text.to_owned())
    } else if let Some(list_of) = json.get("arrayValue") {
        let values = list(&list_of["values"], any);
        Any::ArrayValue(ArrayValue { values })
    } else {
        let values = attributes(&json["kvlistValue"]["values"]);
        Any::KvlistValue(KeyValueList { values })
    };
    AnyValue { value: Some(value) }
}

fn attributes(json: &Value) -> Vec<KeyValue> {
    list(json, |pair| KeyValue {
        key: text(&pair["key"]),
        value: Some(any(&pair["value"])),
        ..KeyValue::default()
    })
}

fn span(json: &Value) -> Span {
    Span {
        trace_id: bytes(&json["traceId"]),
        span_id: bytes(&json["spanId"]),
        name: text(&json["name"]),
        start_time_unix_nano: nanos(&json["startTimeUnixNano"]),
        end_time_unix_nano: nanos(&json["endTimeUnixNano"]),
        attributes: attributes(&json["attributes"]),
        events: list(&json["events"], |event| Event {
            name: text(&event["name"]),
            attributes: attributes(&event["attributes"]),
            ..Event::default()
        }),
        links: list(&json["links"], |link| Link {
            trace_id: bytes(&link["traceId"]),
            span_id: bytes(&link["spanId"]),
            attributes: attributes(&link["attributes"]),
            ..Link::default()
        }),
        status: Some(Status {
            code: 2,
            message: text(&json["status"]["message"]),
        }),
        ..Span::default()
    }
}

/// An export of spans.
pub(super) fn spans(json: &Value) -> Vec<u8> {
    let resource_spans = list(&json["resourceSpans"], |resource| ResourceSpans {
        resource: Some(Resource {
            attributes: attributes(&resource["resource"]["attributes"]),
            ..Resource::default()
        }),
        scope_spans: list(&resource["scopeSpans"], |scope| ScopeSpans {
            scope: Some(InstrumentationScope {
                attributes: attributes(&scope["scope"]["attributes"]),
                ..InstrumentationScope::default()
            }),
            spans: list(&scope["spans"], span),
            ..ScopeSpans::default()
        }),
        ..ResourceSpans::default()
    });
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

/// An export of log records.
pub(super) fn log_records(json: &Value) -> Vec<u8> {
    let resource_logs = list(&json["resourceLogs"], |resource| ResourceLogs {
        scope_logs: list(&resource["scopeLogs"], |scope| ScopeLogs {
            log_records: list(&scope["logRecords"], |record| LogRecord {
                time_unix_nano: nanos(&record["timeUnixNano"]),
                body: Some(any(&record["body"])),
                attributes: attributes(&record["attributes"]),
                ..LogRecord::default()
            }),
            ..ScopeLogs::default()
        }),
        ..ResourceLogs::default()
    });
    ExportLogsServiceRequest { resource_logs }.encode_to_vec()
}

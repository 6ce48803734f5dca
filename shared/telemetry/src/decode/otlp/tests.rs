use data_encoding::HEXLOWER;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord as LogMessage, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event as EventMessage, Link};
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span as SpanMessage, Status,
};
use prost::Message as _;
use serde_json::{Value, json};

use super::*;
use crate::decode::Format;
use crate::decode::outline::whole;

mod json_messages;
mod log_records;
mod metrics;
mod properties;
mod requests;
mod responses;
mod spans;
mod writer;

fn decode_traces(body: &[u8], encoding: OtlpEncoding) -> Result<Decoded<Span>, EnvelopeError> {
    whole::spans(body, Format::Otlp(encoding))
}

fn decode_logs(body: &[u8], encoding: OtlpEncoding) -> Result<Decoded<LogRecord>, EnvelopeError> {
    whole::logs(body, Format::Otlp(encoding))
}

/// 2026-01-31T12:00:00Z
const START: u64 = 1_769_860_800_000_000_000;
const START_NS: i64 = 1_769_860_800_000_000_000;

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID: &str = "00f067aa0ba902b7";

/// Builds a span with only the required fields.
fn span() -> SpanMessage {
    SpanMessage {
        trace_id: HEXLOWER.decode(TRACE_ID.as_bytes()).unwrap(),
        span_id: HEXLOWER.decode(SPAN_ID.as_bytes()).unwrap(),
        start_time_unix_nano: START,
        ..SpanMessage::default()
    }
}

fn log() -> LogMessage {
    LogMessage {
        time_unix_nano: START,
        ..LogMessage::default()
    }
}

fn wrapped(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn text(text: &str) -> AnyValue {
    wrapped(Any::StringValue(text.to_owned()))
}

fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(value),
        ..KeyValue::default()
    }
}

fn texts(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    pairs
        .iter()
        .map(|(key, value)| pair(key, text(value)))
        .collect()
}

/// Builds the spans of a scope with this name and no version.
fn scope_spans(name: &str, spans: Vec<SpanMessage>) -> ScopeSpans {
    ScopeSpans {
        scope: Some(InstrumentationScope {
            name: name.to_owned(),
            ..InstrumentationScope::default()
        }),
        spans,
        ..ScopeSpans::default()
    }
}

/// Builds a resource with these attributes and scopes.
fn resource_spans(attributes: Vec<KeyValue>, scope_spans: Vec<ScopeSpans>) -> ResourceSpans {
    ResourceSpans {
        resource: Some(Resource {
            attributes,
            ..Resource::default()
        }),
        scope_spans,
        ..ResourceSpans::default()
    }
}

/// Builds a request with only these spans.
fn request(spans: Vec<SpanMessage>) -> ExportTraceServiceRequest {
    let scope = ScopeSpans {
        spans,
        ..ScopeSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![scope],
            ..ResourceSpans::default()
        }],
    }
}

fn read_protobuf(request: &ExportTraceServiceRequest) -> Decoded<Span> {
    decode_traces(&request.encode_to_vec(), OtlpEncoding::Protobuf).unwrap()
}

fn read_json(request: &Value) -> Decoded<Span> {
    decode_traces(request.to_string().as_bytes(), OtlpEncoding::Json).unwrap()
}

fn read_log(record: LogMessage) -> Decoded<LogRecord> {
    let scope = ScopeLogs {
        log_records: vec![record],
        ..ScopeLogs::default()
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs: vec![scope],
            ..ResourceLogs::default()
        }],
    };
    decode_logs(&request.encode_to_vec(), OtlpEncoding::Protobuf).unwrap()
}

#[track_caller]
fn one<E: std::fmt::Debug>(decoded: Decoded<E>) -> Indexed<E> {
    assert_eq!(decoded.report.errors, []);
    let [event] = <[_; 1]>::try_from(decoded.events).unwrap();
    event
}

#[track_caller]
fn accepted(message: SpanMessage) -> Indexed<Span> {
    one(read_protobuf(&request(vec![message])))
}

/// Returns the pointer and reason of the only event, which is refused.
#[track_caller]
fn refused<E: std::fmt::Debug>(decoded: Decoded<E>) -> (String, String) {
    assert_eq!((decoded.events.len(), decoded.report.rejected), (0, 1));
    let error = decoded.report.errors[0].error.clone();
    (error.pointer, error.reason)
}

/// Builds a value inside `levels` nested arrays.
fn nested(levels: usize) -> AnyValue {
    (0..levels).fold(text("deep"), |value, _| {
        wrapped(Any::ArrayValue(ArrayValue {
            values: vec![value],
        }))
    })
}

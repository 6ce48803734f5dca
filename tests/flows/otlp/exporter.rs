//! An OpenTelemetry exporter that uses either encoding.

use std::io::Write;

use axum::body::Body;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::Request;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde_json::{Value, json};

use crate::support::{Backend, Response, Sdk};

pub const TRACES: &str = "/v1/traces";
pub const LOGS: &str = "/v1/logs";
pub const METRICS: &str = "/v1/metrics";

/// Trace id of all exported events.
pub const TRACE_ID: &str = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    /// An empty message.
    pub fn nothing(self) -> Vec<u8> {
        match self {
            Self::Protobuf => Vec::new(),
            Self::Json => b"{}".to_vec(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Deflate,
    Zstd,
}

impl Compression {
    pub const ALL: [Self; 4] = [Self::None, Self::Gzip, Self::Deflate, Self::Zstd];

    /// The compressed body and its `Content-Encoding`.
    fn pack(self, body: Vec<u8>) -> (Vec<u8>, Option<&'static str>) {
        let level = flate2::Compression::default();
        match self {
            Self::None => (body, None),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), level);
                encoder.write_all(&body).unwrap();
                (encoder.finish().unwrap(), Some("gzip"))
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(&body).unwrap();
                (encoder.finish().unwrap(), Some("deflate"))
            }
            Self::Zstd => (zstd::encode_all(&*body, 3).unwrap(), Some("zstd")),
        }
    }
}

/// Exports telemetry with the key of an SDK.
pub struct Exporter {
    pub sdk: Sdk,
}

impl Exporter {
    pub fn new(sdk: Sdk) -> Self {
        Self { sdk }
    }

    /// The same exporter, sending to another instance.
    pub fn on(&self, backend: Backend) -> Self {
        let sdk = Sdk {
            backend,
            ..self.sdk.clone()
        };
        Self { sdk }
    }

    pub async fn send(
        &self,
        path: &str,
        encoding: Encoding,
        compression: Compression,
        body: Vec<u8>,
    ) -> Response {
        let (body, packed) = compression.pack(body);
        let mut request = Request::post(path)
            .header("x-api-key", &self.sdk.key)
            .header("content-type", encoding.media_type());
        if let Some(packed) = packed {
            request = request.header("content-encoding", packed);
        }
        let request = request.body(Body::from(body)).unwrap();
        self.sdk.backend.send(request).await
    }

    /// Sends a body without compression, and expects status 200.
    pub async fn export(&self, path: &str, encoding: Encoding, body: Vec<u8>) -> Response {
        let response = self.send(path, encoding, Compression::None, body).await;
        assert_eq!(response.status, 200, "{:?}", response.body);
        response
    }

    /// Spans that start now: the first is the root, the others are its children.
    pub fn spans(
        &self,
        encoding: Encoding,
        count: usize,
        change: impl Fn(usize, &mut Span),
    ) -> Vec<u8> {
        let spans: Vec<Span> = (0..count)
            .map(|index| {
                let mut span = self.span(index);
                change(index, &mut span);
                span
            })
            .collect();
        match encoding {
            Encoding::Protobuf => trace_request(spans).encode_to_vec(),
            Encoding::Json => {
                let spans: Value = spans.iter().map(json_span).collect();
                json!({ "resourceSpans": [{
                    "resource": { "attributes": [json_pair("service.name", "shop")] },
                    "scopeSpans": [{ "scope": { "name": "http", "version": "1.0" }, "spans": spans }],
                }] })
                .to_string()
                .into_bytes()
            }
        }
    }

    /// Log records of errors with the current time.
    pub fn logs(&self, encoding: Encoding, count: usize) -> Vec<u8> {
        match encoding {
            Encoding::Protobuf => {
                let record = |index| LogRecord {
                    time_unix_nano: self.now(),
                    severity_number: 17,
                    body: Some(text(&format!("record {index}"))),
                    trace_id: vec![10; 16],
                    ..LogRecord::default()
                };
                logs_request((0..count).map(record).collect()).encode_to_vec()
            }
            Encoding::Json => {
                let record = |index| {
                    json!({
                        "timeUnixNano": self.now().to_string(), "severityNumber": 17,
                        "body": { "stringValue": format!("record {index}") },
                        "traceId": TRACE_ID.to_uppercase(), "spanId": null,
                    })
                };
                let records: Value = (0..count).map(record).collect();
                json!({ "resourceLogs": [{
                    "resource": { "attributes": [json_pair("service.name", "shop")] },
                    "scopeLogs": [{ "logRecords": records }],
                }] })
                .to_string()
                .into_bytes()
            }
        }
    }

    fn now(&self) -> u64 {
        self.sdk
            .backend
            .clock
            .now()
            .as_nanosecond()
            .try_into()
            .unwrap()
    }

    fn span(&self, index: usize) -> Span {
        let id = |index: usize| (index as u64 + 1).to_be_bytes().to_vec();
        Span {
            trace_id: vec![10; 16],
            span_id: id(index),
            parent_span_id: if index == 0 { vec![] } else { id(0) },
            name: format!("span {index}"),
            kind: 2,
            start_time_unix_nano: self.now() + index as u64,
            end_time_unix_nano: self.now() + 12_500_000,
            attributes: vec![
                pair("http.request.method", "GET"),
                pair("url.path", "/cart"),
                pair("http.status_code", "200"),
            ],
            ..Span::default()
        }
    }
}

fn trace_request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans {
        scope: Some(InstrumentationScope {
            name: "http".to_owned(),
            version: "1.0".to_owned(),
            ..InstrumentationScope::default()
        }),
        spans,
        ..ScopeSpans::default()
    }];
    let resource_spans = vec![ResourceSpans {
        resource: Some(resource()),
        scope_spans,
        ..ResourceSpans::default()
    }];
    ExportTraceServiceRequest { resource_spans }
}

fn logs_request(log_records: Vec<LogRecord>) -> ExportLogsServiceRequest {
    let scope_logs = vec![ScopeLogs {
        log_records,
        ..ScopeLogs::default()
    }];
    let resource_logs = vec![ResourceLogs {
        resource: Some(resource()),
        scope_logs,
        ..ResourceLogs::default()
    }];
    ExportLogsServiceRequest { resource_logs }
}

fn resource() -> Resource {
    Resource {
        attributes: vec![pair("service.name", "shop")],
        ..Resource::default()
    }
}

fn text(text: &str) -> AnyValue {
    let value = Some(Any::StringValue(text.to_owned()));
    AnyValue { value }
}

fn pair(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(text(value)),
        ..KeyValue::default()
    }
}

fn json_pair(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn json_span(span: &Span) -> Value {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02X}")).collect::<String>();
    let attributes = span.attributes.iter().map(|pair| {
        match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(Any::StringValue(text)) => json_pair(&pair.key, text),
            other => panic!("{other:?}"),
        }
    });
    json!({
        "traceId": hex(&span.trace_id), "spanId": hex(&span.span_id),
        "parentSpanId": hex(&span.parent_span_id), "name": span.name, "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano.to_string(),
        "endTimeUnixNano": span.end_time_unix_nano.to_string(),
        "attributes": attributes.collect::<Value>(),
    })
}

//! Reads each message type of OTLP; fields that are not stored are ignored.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use serde_json::Value;

use super::scalars::{base64, boolean, double, enumeration, hexadecimal, integer, text};
use super::{FromJson, Object, message, messages};
use crate::decode::layout::EventError;

impl FromJson for Resource {
    fn from_json(object: &mut Object) -> Result<Self, EventError> {
        Ok(Self {
            attributes: object.take("attributes", messages)?,
            dropped_attributes_count: object.take("droppedAttributesCount", integer)?,
            ..Self::default()
        })
    }
}

impl FromJson for InstrumentationScope {
    fn from_json(object: &mut Object) -> Result<Self, EventError> {
        Ok(Self {
            name: object.take("name", text)?,
            version: object.take("version", text)?,
            attributes: object.take("attributes", messages)?,
            dropped_attributes_count: object.take("droppedAttributesCount", integer)?,
        })
    }
}

impl FromJson for Span {
    fn from_json(object: &mut Object) -> Result<Self, EventError> {
        let kind = |name: &str| SpanKind::from_str_name(&full("SPAN_KIND_", name)).map(i32::from);
        Ok(Self {
            trace_id: object.take("traceId", hexadecimal)?,
            span_id: object.take("spanId", hexadecimal)?,
            parent_span_id: object.take("parentSpanId", hexadecimal)?,
            name: object.take("name", text)?,
            kind: object.take("kind", |value| enumeration(value, kind))?,
            start_time_unix_nano: object.take("startTimeUnixNano", integer)?,
            end_time_unix_nano: object.take("endTimeUnixNano", integer)?,
            attributes: object.take("attributes", messages)?,
            events: object.take("events", messages)?,
            links: object.take("links", messages)?,
            status: object.take_optional("status", message)?,
            trace_state: object.take("traceState", text)?,
            flags: object.take("flags", integer)?,
            dropped_attributes_count: object.take("droppedAttributesCount", integer)?,
            dropped_events_count: object.take("droppedEventsCount", integer)?,
            dropped_links_count: object.take("droppedLinksCount", integer)?,
        })
    }
}

impl FromJson for Event {
    fn from_json(object: &mut Object) -> Result<Self, EventError> {
        Ok(Self {
            time_unix_nano: object.take("timeUnixNano", integer)?,
            name: object.take("name", text)?,
            attributes: object.take("attributes", messages)?,
            dropped_attributes_count: object.take("droppedAttributesCount", integer)?,
        })
    }
}

impl FromJson for Link {
    fn from_json(object: &mut Object) -> Result<Self, EventError> {
        Ok(Self {
            trace_id: object.take("traceId", hexadecimal)?,
            span_id: object.take("spanId", hexadecimal)?,
            attributes: object.take("attributes", messages)?,
            trace_state: object.take("traceState", text)?,
            flags: object.take("flags", integer)?,
            dropped_attributes_count: object.take("droppedAttributesCount", integer)?,
        })
    }
}

impl FromJson for Status {
    fn from_json(object: &mut Object) -> Result<Self, EventError> {
        let code =
            |name: &str| StatusCode::from_str_name(&full("STATUS_CODE_", name)).map(i32::from);
        Ok(Self {
            message: object.take("message", text)?,
            code: object.take("code", |value| enumeration(value, code))?,
        })
    }
}

impl FromJson for LogRecord {
    fn from_json(object: &mut Object) -> Result<Self, EventError> {
        let severity = |name: &str| {
            SeverityNumber::from_str_name(&full("SEVERITY_NUMBER_", name)).map(i32::from)
        };
        Ok(Self {
            time_unix_nano: object.take("timeUnixNano", integer)?,
            observed_time_unix_nano: object.take("observedTimeUnixNano", integer)?,
            severity_number: object.take("severityNumber", |value| enumeration(value, severity))?,
            severity_text: object.take("severityText", text)?,
            body: object.take_optional("body", message)?,
            attributes: object.take("attributes", messages)?,
            trace_id: object.take("traceId", hexadecimal)?,
            span_id: object.take("spanId", hexadecimal)?,
            event_name: object.take("eventName", text)?,
            flags: object.take("flags", integer)?,
            dropped_attributes_count: object.take("droppedAttributesCount", integer)?,
        })
    }
}

/// Returns the name of an enum's value with its prefix, which some writers omit: `SPAN_KIND_SERVER` for
/// `server`.
fn full(prefix: &str, name: &str) -> String {
    let name = name.to_ascii_uppercase();
    if name.starts_with(prefix) {
        name
    } else {
        format!("{prefix}{name}")
    }
}

impl FromJson for KeyValue {
    fn from_json(object: &mut Object) -> Result<Self, EventError> {
        Ok(Self {
            key: object.take("key", text)?,
            value: object.take_optional("value", message)?,
            ..Self::default()
        })
    }
}

/// Reads `intValue`. The JavaScript SDK also writes whole numbers beyond 64 bits here.
fn whole(value: Value) -> Result<Any, EventError> {
    let number = value.as_f64().filter(|number| number.fract() == 0.0);
    match (integer(value), number) {
        (Ok(integer), _) => Ok(Any::IntValue(integer)),
        (Err(_), Some(number)) => Ok(Any::DoubleValue(number)),
        (Err(reason), None) => Err(reason),
    }
}

/// The recursion is limited by `serde_json`, which reads 128 levels.
impl FromJson for AnyValue {
    fn from_json(object: &mut Object) -> Result<Self, EventError> {
        let found = [
            object.take_optional("stringValue", |value| text(value).map(Any::StringValue))?,
            object.take_optional("boolValue", |value| boolean(value).map(Any::BoolValue))?,
            object.take_optional("intValue", whole)?,
            object.take_optional("doubleValue", |value| double(value).map(Any::DoubleValue))?,
            object.take_optional("arrayValue", |value| message(value).map(Any::ArrayValue))?,
            object.take_optional("kvlistValue", |value| message(value).map(Any::KvlistValue))?,
            object.take_optional("bytesValue", |value| base64(value).map(Any::BytesValue))?,
        ];
        let value = found.into_iter().flatten().next();
        Ok(Self { value })
    }
}

impl FromJson for ArrayValue {
    fn from_json(object: &mut Object) -> Result<Self, EventError> {
        let values = object.take("values", messages)?;
        Ok(Self { values })
    }
}

impl FromJson for KeyValueList {
    fn from_json(object: &mut Object) -> Result<Self, EventError> {
        let values = object.take("values", messages)?;
        Ok(Self { values })
    }
}

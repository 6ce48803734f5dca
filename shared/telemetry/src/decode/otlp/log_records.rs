//! Converts `opentelemetry.proto.logs.v1.LogRecord` to [`LogRecord`].

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::logs::v1::LogRecord as Message;
use serde_json::Value;

use super::tree::Names;
use super::{Form, ids, values};
use crate::decode::bounds::{Bounds, MAX_TEXT_BYTES, MAX_WORD_BYTES};
use crate::decode::layout::EventError;
use crate::event::{LogRecord, ResourceScope, level_of_severity};

/// Representation of log records in `ExportLogsServiceRequest`.
pub(super) const FORM: Form<Message, LogRecord> = Form {
    names: Names {
        resources: "resourceLogs",
        scopes: "scopeLogs",
        events: "logRecords",
        not_resources: "resourceSpans",
    },
    time_field: "timeUnixNano",
    convert: log_record,
};

fn log_record(
    message: Message,
    resource_scope: Option<Arc<ResourceScope>>,
    bounds: &mut Bounds,
) -> Result<LogRecord, EventError> {
    Ok(LogRecord {
        time_ns: time(&message)?,
        level: level(message.severity_number, &message.severity_text, bounds),
        message: text(message.body, bounds),
        kind: Some(bounds.text(message.event_name, MAX_WORD_BYTES)).filter(|name| !name.is_empty()),
        trace_id: ids::optional::<16>("traceId", &message.trace_id)?,
        span_id: ids::optional::<8>("spanId", &message.span_id)?,
        observed_ns: ids::time("", message.observed_time_unix_nano)
            .ok()
            .flatten(),
        severity_number: severity_number(message.severity_number),
        severity_text: Some(bounds.text(message.severity_text, MAX_WORD_BYTES))
            .filter(|text| !text.is_empty()),
        flags: Some(message.flags).filter(|flags| *flags > 0),
        dropped_attributes: message.dropped_attributes_count,
        truncations: Vec::new(),
        attributes: values::attributes(message.attributes, bounds),
        resource_scope,
    })
}

/// The time of the record, else the time it was observed. Never the server's time,
/// because a retry must be stored under the same keys.
fn time(message: &Message) -> Result<i64, EventError> {
    if let Some(time) = ids::time("timeUnixNano", message.time_unix_nano)? {
        return Ok(time);
    }
    let observed = ids::time("observedTimeUnixNano", message.observed_time_unix_nano)?;
    let missing = "is missing, and so is observedTimeUnixNano";
    observed.ok_or_else(|| EventError::new("timeUnixNano", missing))
}

/// The severity number, 1 to 24.
fn severity_number(number: i32) -> Option<u8> {
    let number = u8::try_from(number).ok();
    number.filter(|number| (1..=24).contains(number))
}

/// The severity text in lower case, else the level of the severity number.
fn level(number: i32, text: &str, bounds: &mut Bounds) -> String {
    let text = text.trim();
    if text.is_empty() {
        level_of_severity(number).unwrap_or("info").to_owned()
    } else {
        bounds.text(text.to_lowercase(), MAX_WORD_BYTES)
    }
}

/// The body: a string unchanged, any other value as JSON.
fn text(body: Option<AnyValue>, bounds: &mut Bounds) -> String {
    let text = match values::value(body.unwrap_or_default(), bounds) {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    bounds.text(text, MAX_TEXT_BYTES)
}

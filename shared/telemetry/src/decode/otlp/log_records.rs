//! Converts `opentelemetry.proto.logs.v1.LogRecord` to [`LogRecord`].

use std::sync::Arc;

use opentelemetry_proto::tonic::logs::v1::LogRecord as Message;

use super::tree::Names;
use super::{Form, ids, values};
use crate::decode::bounds::{Bounds, MAX_EVENT_BYTES, MAX_WORD_BYTES};
use crate::decode::layout::EventError;
use crate::event::{LogRecord, Note, ResourceScope, severity};

/// Representation of log records in `ExportLogsServiceRequest`.
pub(super) const FORM: Form<Message, LogRecord> = Form {
    names: Names {
        resources: "resourceLogs",
        scopes: "scopeLogs",
        events: "logRecords",
    },
    time_field: "timeUnixNano",
    convert: log_record,
};

fn log_record(
    message: Message,
    resource_scope: Option<Arc<ResourceScope>>,
    mut bounds: Bounds,
) -> Result<LogRecord, EventError> {
    let body = values::value("message", message.body.unwrap_or_default(), &mut bounds);
    let event_name = bounds.text("type", message.event_name, MAX_WORD_BYTES);
    let severity_text = bounds.text("severityText", message.severity_text, MAX_WORD_BYTES);
    let time_ns = ids::time("timeUnixNano", message.time_unix_nano)?;
    let observed_ns = observed(time_ns, message.observed_time_unix_nano)?;
    if time_ns.or(observed_ns).is_none() {
        bounds.note(Note::TimeOfReceipt);
    }
    let mut record = LogRecord {
        time_ns: time_ns.or(observed_ns).unwrap_or_default(),
        message: bounds.json_text("message", body),
        kind: Some(event_name).filter(|name| !name.is_empty()),
        trace_id: ids::optional::<16>("traceId", &message.trace_id)?,
        span_id: ids::optional::<8>("spanId", &message.span_id)?,
        observed_ns,
        flags: Some(message.flags).filter(|flags| *flags > 0),
        dropped_attributes: message.dropped_attributes_count,
        attributes: values::attributes("attributes", message.attributes, &mut bounds),
        resource_scope,
        ..LogRecord::default()
    };
    record.set_severity(severity::of_number(message.severity_number), severity_text);
    (record.truncations, record.notes) = bounds.fit(&mut record, MAX_EVENT_BYTES);
    Ok(record)
}

/// Converts the time at which the record was observed. An unreadable one is an error only if the record
/// has no other time.
fn observed(time_ns: Option<i64>, nanos: u64) -> Result<Option<i64>, EventError> {
    match ids::time("observedTimeUnixNano", nanos) {
        Err(_) if time_ns.is_some() => Ok(None),
        read => read,
    }
}

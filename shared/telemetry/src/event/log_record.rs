use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Event, EventRef, ResourceScope, Truncation, from_nanos, resource_scope};
use crate::batch::Signal;

/// A log record as chunks store it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogRecord {
    /// Time it was written, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Severity in lower case, such as `info` or `error`.
    pub level: String,
    /// Message text; empty if the SDK sent none.
    pub message: String,
    /// Type of the record, chosen by the SDK; `event_name` in OTLP.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Trace that the record belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Span during which it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span_id: Option<String>,
    /// Everything else that the SDK sent.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// Resource and scope. The chunk stores them once for many records.
    #[serde(skip)]
    pub resource_scope: Option<Arc<ResourceScope>>,
    /// Time at which a collector saw the record, in nanoseconds since the Unix epoch.
    #[serde(skip)]
    pub observed_ns: Option<i64>,
    /// Severity number, 1 to 24 (OpenTelemetry logs data model).
    #[serde(skip)]
    pub severity_number: Option<u8>,
    /// Severity as the program writes it.
    #[serde(skip)]
    pub severity_text: Option<String>,
    /// W3C trace flags and OTLP's own; `None` for none.
    #[serde(skip)]
    pub flags: Option<u32>,
    /// Number of attributes that the SDK dropped before it sent the record.
    #[serde(skip)]
    pub dropped_attributes: u32,
    /// Texts that were cut because they exceeded a limit.
    #[serde(skip)]
    pub truncations: Vec<Truncation>,
}

impl LogRecord {
    /// Service that wrote the record: `service.name` of the resource, else of the record itself.
    pub fn service(&self) -> Option<&str> {
        let of_resource = self
            .resource_scope
            .as_deref()
            .and_then(ResourceScope::service);
        of_resource.or_else(|| resource_scope::service(&self.attributes))
    }
}

/// Level for a severity number (OpenTelemetry logs data model, "Severity Fields").
/// `None` for 0 and for numbers above 24.
pub fn level_of_severity(number: i32) -> Option<&'static str> {
    match number {
        1..=4 => Some("trace"),
        5..=8 => Some("debug"),
        9..=12 => Some("info"),
        13..=16 => Some("warn"),
        17..=20 => Some("error"),
        21..=24 => Some("fatal"),
        _ => None,
    }
}

impl Event for LogRecord {
    const SIGNAL: Signal = Signal::Logs;

    fn start(&self) -> Timestamp {
        from_nanos(self.time_ns)
    }

    fn end(&self) -> Timestamp {
        self.start()
    }

    fn is_error(&self) -> bool {
        matches!(self.level.as_str(), "error" | "fatal" | "critical")
    }

    fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }

    fn resource_scope(&self) -> Option<&Arc<ResourceScope>> {
        self.resource_scope.as_ref()
    }

    fn set_resource_scope(&mut self, resource_scope: Option<Arc<ResourceScope>>) {
        self.resource_scope = resource_scope;
    }

    fn by_signal(&self) -> EventRef<'_> {
        EventRef::Log(self)
    }
}

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Event, EventRef, Note, ResourceScope, Truncation, from_nanos, resource_scope, severity,
};
use crate::batch::Signal;

/// A log record as chunks store it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogRecord {
    /// Time it was written, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Name of the severity in lower case, such as `info` or `error`. If the program sent no number and
    /// a text that no known library writes, that text.
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
    /// Severity number as sent, 1 to 24 (OpenTelemetry logs data model).
    #[serde(skip)]
    pub severity_number: Option<u8>,
    /// Severity as the program writes it, if that is not the level.
    #[serde(skip)]
    pub severity_text: Option<String>,
    /// W3C trace flags and OTLP's own; `None` for none.
    #[serde(skip)]
    pub flags: Option<u32>,
    /// Number of attributes that the SDK dropped before it sent the record.
    #[serde(skip)]
    pub dropped_attributes: u32,
    /// Parts that were cut because they exceeded a limit.
    #[serde(skip)]
    pub truncations: Vec<Truncation>,
    /// What is unusual about the record.
    #[serde(skip)]
    pub notes: Vec<Note>,
}

impl LogRecord {
    /// Returns the service that wrote the record: `service.name` of the resource, else of the record.
    pub fn service(&self) -> Option<&str> {
        let of_resource = self
            .resource_scope
            .as_deref()
            .and_then(ResourceScope::service);
        of_resource.or_else(|| resource_scope::service(&self.attributes))
    }

    /// Returns the texts that are searched for words: message, type and service.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> + Clone {
        let others = [self.kind.as_deref(), self.service()];
        std::iter::once(&*self.message).chain(others.into_iter().flatten())
    }

    /// Returns the time at which a collector saw the record.
    pub fn observed_time(&self) -> Option<Timestamp> {
        self.observed_ns.map(from_nanos)
    }

    /// Returns the severity number, 1 to 24: as sent, else that of the text. `None` if neither is known.
    pub fn severity(&self) -> Option<u8> {
        let text = self.severity_text.as_deref().unwrap_or(&self.level);
        self.severity_number.or_else(|| severity::of_text(text))
    }

    /// Sets the level to that of the number or, without one, to that of the text; to `info` if there is
    /// neither. Keeps the number, and the text if it differs from the level.
    pub(crate) fn set_severity(&mut self, number: Option<u8>, text: String) {
        let number_of_text = severity::of_text(&text);
        self.level = match number.or(number_of_text) {
            Some(number) => severity::level(number).to_owned(),
            None if text.trim().is_empty() => UNKNOWN_LEVEL.to_owned(),
            None => severity::level_of_text(&text),
        };
        self.severity_number = number;
        self.severity_text = Some(text).filter(|text| !text.is_empty() && *text != self.level);
    }
}

/// Level of a record that was sent without a severity.
const UNKNOWN_LEVEL: &str = "info";

impl Event for LogRecord {
    const SIGNAL: Signal = Signal::Logs;

    fn start(&self) -> Timestamp {
        from_nanos(self.time_ns)
    }

    fn end(&self) -> Timestamp {
        self.start()
    }

    fn is_error(&self) -> bool {
        self.severity().is_some_and(severity::is_error)
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

    fn truncations(&self) -> &[Truncation] {
        &self.truncations
    }

    fn notes(&self) -> &[Note] {
        &self.notes
    }

    fn add_note(&mut self, note: Note) {
        self.notes.push(note);
    }

    fn has_time(&self) -> bool {
        !self.notes.contains(&Note::TimeOfReceipt)
    }

    fn set_time_of_receipt(&mut self, now: Timestamp) {
        if !self.has_time() {
            self.time_ns = i64::try_from(now.as_nanosecond()).unwrap_or_default();
        }
    }

    fn by_signal(&self) -> EventRef<'_> {
        EventRef::Log(self)
    }
}

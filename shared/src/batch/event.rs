//! One shape for what every front door accepts and the store keeps.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Signal;
use crate::clock;

/// Something that happened at a time and can be stored in a batch.
pub trait Event: Serialize {
    /// What kind of telemetry it is.
    const SIGNAL: Signal;

    /// When it started; for a log record, when it was written.
    fn start(&self) -> Timestamp;

    /// When it ended.
    fn end(&self) -> Timestamp;

    /// The trace it belongs to.
    fn trace_id(&self) -> Option<&str>;
}

/// One operation of a trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// The trace it belongs to; opaque.
    pub trace_id: String,
    /// Unique within the trace; opaque.
    pub span_id: String,
    /// The span that caused it; a root span has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<String>,
    /// When it started, in nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// How long it took, in milliseconds; unknown for some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// HTTP method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Address that was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// HTTP status of the response, 100 to 599.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Everything else the SDK sent.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

impl Span {
    /// What a list shows: method and address.
    pub fn name(&self) -> String {
        let parts = [self.method.as_deref(), self.url.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// Whether it failed: a status of 400 or more.
    pub fn is_error(&self) -> bool {
        self.status.is_some_and(|status| status >= 400)
    }
}

impl Event for Span {
    const SIGNAL: Signal = Signal::Traces;

    fn start(&self) -> Timestamp {
        from_nanos(self.start_ns)
    }

    fn end(&self) -> Timestamp {
        let seconds = self.duration_ms.unwrap_or_default() / 1000.0;
        let duration = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
        clock::after(self.start(), duration)
    }

    fn trace_id(&self) -> Option<&str> {
        Some(&self.trace_id)
    }
}

/// One log line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogRecord {
    /// When it was written, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Severity in lower case: `info`, `error`, …
    pub level: String,
    /// The text.
    pub message: String,
    /// What kind of log it is, in the SDK's words.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The trace it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Everything else the SDK sent.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

impl LogRecord {
    /// Whether it tells of a failure.
    pub fn is_error(&self) -> bool {
        matches!(self.level.as_str(), "error" | "fatal" | "critical")
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

    fn trace_id(&self) -> Option<&str> {
        self.trace_id.as_deref()
    }
}

fn from_nanos(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(nanos.into()).unwrap_or(Timestamp::UNIX_EPOCH)
}

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Event, EventRef, Origin, from_nanos, origin};
use crate::batch::Signal;
use upblit_base::clock;
use utoipa::ToSchema;

/// One operation of a trace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// The trace it belongs to; opaque.
    pub trace_id: String,
    /// Unique within the trace; opaque.
    pub span_id: String,
    /// The span that caused it; a root span has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<String>,
    /// What the SDK calls it; without, see [`Span::display_name`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its role; unknown in Upblit's own JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SpanKind>,
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
    /// How it ended, in the program's own judgement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<SpanOutcome>,
    /// The program's words for a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    /// Everything else the SDK sent.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// What happened during it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<SpanEvent>,
    /// Other spans it has to do with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<SpanLink>,
    /// Where it comes from.
    #[serde(skip)]
    pub origin: Option<Arc<Origin>>,
}

/// A span's role in its trace (OTLP `SpanKind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    /// Within one program.
    Internal,
    /// Answers a request.
    Server,
    /// Makes a request.
    Client,
    /// Hands a message to a broker.
    Producer,
    /// Takes a message from a broker.
    Consumer,
}

/// How a span ended (OTLP `Status.code`); unset is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanOutcome {
    /// Fine, whatever the HTTP status says.
    Ok,
    /// Failed.
    Error,
}

/// Something that happened during a span, such as an exception.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpanEvent {
    /// What happened.
    pub name: String,
    /// When, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Details.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

/// A span of this or another trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpanLink {
    /// Its trace.
    pub trace_id: String,
    /// Its id.
    pub span_id: String,
    /// What they have to do with each other.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

impl Span {
    /// What a list shows: its name, or method and address.
    pub fn display_name(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let parts = [self.method.as_deref(), self.url.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The service it ran in: the resource's, or an attribute of that name.
    pub fn service(&self) -> Option<&str> {
        let of_origin = self.origin.as_deref().and_then(Origin::service);
        of_origin.or_else(|| origin::service(&self.attributes))
    }

    /// Whether it is a request to its service: it starts a trace, or answers
    /// another service. What happens inside is not counted among requests.
    pub fn is_request(&self) -> bool {
        self.parent_span_id.is_none()
            || matches!(self.kind, Some(SpanKind::Server | SpanKind::Consumer))
    }
}

impl SpanEvent {
    /// When it happened.
    pub fn time(&self) -> Timestamp {
        from_nanos(self.time_ns)
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

    /// The program's own judgement, else a status of 400 or more.
    fn is_error(&self) -> bool {
        match self.outcome {
            Some(outcome) => outcome == SpanOutcome::Error,
            None => self.status.is_some_and(|status| status >= 400),
        }
    }

    fn trace_id(&self) -> Option<&str> {
        Some(&self.trace_id)
    }

    fn origin(&self) -> Option<&Arc<Origin>> {
        self.origin.as_ref()
    }

    fn set_origin(&mut self, origin: Option<Arc<Origin>>) {
        self.origin = origin;
    }

    fn by_signal(&self) -> EventRef<'_> {
        EventRef::Span(self)
    }
}

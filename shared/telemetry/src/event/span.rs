use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Event, EventRef, Note, ResourceScope, Truncation, from_nanos, resource_scope, sampling,
};
use crate::batch::Signal;
use upblit_base::clock;
use utoipa::ToSchema;

/// One operation of a trace.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// Trace that the span belongs to; an opaque id.
    pub trace_id: String,
    /// Id of the span, unique within the trace; opaque.
    pub span_id: String,
    /// Parent span; `None` for a root span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<String>,
    /// Name given by the SDK. [`Span::display_name`] covers spans without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Role in the trace. Upblit's own JSON does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SpanKind>,
    /// Start time, in nanoseconds since the Unix epoch.
    pub start_ns: i64,
    /// Duration in milliseconds, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// HTTP method of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// URL or path of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// HTTP status of the response, 100 to 599.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Outcome as reported by the program; takes precedence over the HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<SpanOutcome>,
    /// The program's description of a failure (OTLP `Status.message`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    /// Everything else that the SDK sent.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// Events during the span, such as exceptions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<SpanEvent>,
    /// Links to related spans.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<SpanLink>,
    /// Resource and scope. The chunk stores them once for many spans.
    #[serde(skip)]
    pub resource_scope: Option<Arc<ResourceScope>>,
    /// W3C trace state, as sent.
    #[serde(skip)]
    pub trace_state: Option<String>,
    /// W3C trace flags and OTLP's own; `None` for none.
    #[serde(skip)]
    pub flags: Option<u32>,
    /// What the SDK dropped before it sent the span.
    #[serde(skip)]
    pub dropped: Dropped,
    /// Parts that were cut because they exceeded a limit.
    #[serde(skip)]
    pub truncations: Vec<Truncation>,
    /// What is unusual about the span.
    #[serde(skip)]
    pub notes: Vec<Note>,
}

/// Numbers of parts of a span that its SDK dropped (OTLP `dropped_…_count`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Attributes of the span itself.
    pub attributes: u32,
    /// Events during the span.
    pub events: u32,
    /// Links to other spans.
    pub links: u32,
}

/// A span's role in its trace (OTLP `SpanKind`).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    /// An operation within one program.
    Internal,
    /// Handles a request from outside.
    Server,
    /// Sends a request to another program.
    Client,
    /// Sends a message to a broker.
    Producer,
    /// Receives a message from a broker.
    Consumer,
}

impl SpanKind {
    /// All kinds, in the order of OTLP.
    pub(crate) const ALL: [Self; 5] = [
        Self::Internal,
        Self::Server,
        Self::Client,
        Self::Producer,
        Self::Consumer,
    ];
}

/// Outcome of a span (OTLP `Status.code`); `None` if unset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpanOutcome {
    /// The operation succeeded, even if the HTTP status is 400 or more.
    Ok,
    /// The operation failed.
    Error,
}

/// Event at one moment of a span, such as an exception.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpanEvent {
    /// Name of the event, such as `exception`.
    pub name: String,
    /// Time of the event, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Attributes of the event, such as the exception's message.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// Number of attributes that the SDK dropped before it sent the event.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped_attributes: u32,
}

/// Link to a span of this or another trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SpanLink {
    /// Trace of the linked span.
    pub trace_id: String,
    /// Id of the linked span.
    pub span_id: String,
    /// Attributes that describe the link.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// W3C trace state of the linked span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_state: Option<String>,
    /// W3C trace flags and OTLP's own; absent for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flags: Option<u32>,
    /// Number of attributes that the SDK dropped before it sent the link.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped_attributes: u32,
}

/// Returns whether a count is zero, which is not stored.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde needs"
)]
pub(super) fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Span {
    /// Returns the name for lists: the span's name, else method and URL.
    pub fn display_name(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let parts = [self.method.as_deref(), self.url.as_deref()];
        let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
        parts.collect::<Vec<_>>().join(" ")
    }

    /// Returns the service that recorded the span: `service.name` of the resource, else of the span.
    pub fn service(&self) -> Option<&str> {
        self.service_of_resource()
            .or_else(|| resource_scope::service(&self.attributes))
    }

    /// Returns the service that the span names, if its resource names none.
    pub(crate) fn own_service(&self) -> Option<&str> {
        match self.service_of_resource() {
            Some(_) => None,
            None => resource_scope::service(&self.attributes),
        }
    }

    /// Returns the lowest HTTP status that is a failure if the program reports no outcome.
    fn first_failed_status(&self) -> u16 {
        match self.kind {
            Some(SpanKind::Client) => 400,
            _ => 500,
        }
    }

    fn service_of_resource(&self) -> Option<&str> {
        self.resource_scope.as_deref()?.service()
    }

    /// Returns the number of spans that this one represents: more than one if the SDK sampled and states
    /// its threshold.
    pub fn weight(&self) -> u64 {
        let trace_state = self.trace_state.as_deref();
        trace_state.map_or(1, |state| sampling::weight(state, &self.span_id))
    }

    /// Returns whether the span is the root of its trace.
    pub fn is_root(&self) -> bool {
        self.parent_span_id.is_none()
    }

    /// Returns whether the span is a request to its service: a root span, or one that handles a request
    /// or message. Internal spans and outgoing calls are not, unless they are roots.
    pub(crate) fn is_request(&self) -> bool {
        self.parent_span_id.is_none()
            || matches!(self.kind, Some(SpanKind::Server | SpanKind::Consumer))
    }
}

/// Converts milliseconds to whole nanoseconds, at least 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates"
)]
pub(crate) fn nanoseconds(milliseconds: f64) -> u64 {
    (milliseconds * 1e6).round() as u64
}

impl SpanEvent {
    /// Returns the time of the event.
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
        let nanos = nanoseconds(self.duration_ms.unwrap_or_default());
        clock::after(self.start(), std::time::Duration::from_nanos(nanos))
    }

    /// The reported outcome decides; without one, the HTTP status does (OpenTelemetry semantic
    /// conventions, "HTTP Spans"): a server that responds with 4xx has not failed, but the request of
    /// its client has.
    fn is_error(&self) -> bool {
        match self.outcome {
            Some(outcome) => outcome == SpanOutcome::Error,
            None => self.status >= Some(self.first_failed_status()),
        }
    }

    fn trace_id(&self) -> Option<&str> {
        Some(&self.trace_id)
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

    fn by_signal(&self) -> EventRef<'_> {
        EventRef::Span(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_and_then_the_status_for_the_kind_decide_whether_a_span_failed() {
        let outcomes = [None, Some(SpanOutcome::Ok), Some(SpanOutcome::Error)];
        for (kind, status, failed) in [
            (None, Some(404), [false, false, true]),
            (None, Some(500), [true, false, true]),
            (None, None, [false, false, true]),
            (Some(SpanKind::Server), Some(404), [false, false, true]),
            (Some(SpanKind::Server), Some(499), [false, false, true]),
            (Some(SpanKind::Server), Some(500), [true, false, true]),
            (Some(SpanKind::Client), Some(399), [false, false, true]),
            (Some(SpanKind::Client), Some(400), [true, false, true]),
            (Some(SpanKind::Client), Some(503), [true, false, true]),
            (Some(SpanKind::Internal), Some(404), [false, false, true]),
            (Some(SpanKind::Consumer), Some(503), [true, false, true]),
        ] {
            let is_error = outcomes.map(|outcome| {
                let span = Span {
                    kind,
                    status,
                    outcome,
                    ..Span::default()
                };
                span.is_error()
            });
            assert_eq!(is_error, failed, "{kind:?} {status:?}");
        }
    }
}

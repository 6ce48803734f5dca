//! Converts `opentelemetry.proto.trace.v1.Span` to [`Span`].

use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::Span as Message;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind as Kind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::Value;

use super::tree::Names;
use super::{Form, ids, values};
use crate::decode::bounds::{
    Bounds, MAX_ATTRIBUTE_BYTES, MAX_DURATION_DAYS, MAX_DURATION_MS, MAX_TEXT_BYTES, MAX_WORD_BYTES,
};
use crate::decode::layout::EventError;
use crate::event::{
    Dropped, ResourceScope, Span, SpanEvent, SpanKind, SpanLink, SpanOutcome, http,
};

/// Largest number of events, and of links, of one span (OpenTelemetry's default limits).
const MAX_PARTS: usize = 128;

/// Representation of spans in `ExportTraceServiceRequest`.
pub(super) const FORM: Form<Message, Span> = Form {
    names: Names {
        resources: "resourceSpans",
        scopes: "scopeSpans",
        events: "spans",
        not_resources: "resourceLogs",
    },
    time_field: "startTimeUnixNano",
    convert: span,
};

fn span(
    message: Message,
    resource_scope: Option<Arc<ResourceScope>>,
    bounds: &mut Bounds,
) -> Result<Span, EventError> {
    let start_ns = ids::time("startTimeUnixNano", message.start_time_unix_nano)?;
    let start_ns = start_ns.ok_or_else(|| EventError::new("startTimeUnixNano", "is missing"))?;
    let attributes = values::attributes(message.attributes, bounds);
    let status = message.status.unwrap_or_default();
    Ok(Span {
        trace_id: ids::required::<16>("traceId", &message.trace_id)?,
        span_id: ids::required::<8>("spanId", &message.span_id)?,
        parent_span_id: ids::optional::<8>("parentSpanId", &message.parent_span_id)?,
        name: some_text(message.name, bounds),
        kind: kind(message.kind),
        start_ns,
        duration_ms: duration_ms(start_ns, message.end_time_unix_nano)?,
        method: http::method_of(&attributes)
            .map(|text| bounds.text(text.to_owned(), MAX_WORD_BYTES)),
        url: http::url_of(&attributes).map(str::to_owned),
        status: http::status_of(&attributes),
        outcome: outcome(status.code),
        status_message: some_text(status.message, bounds),
        attributes,
        events: events(message.events, start_ns, bounds),
        links: links(message.links, bounds),
        resource_scope,
        trace_state: some_text(message.trace_state, bounds),
        flags: Some(message.flags).filter(|flags| *flags > 0),
        dropped: Dropped {
            attributes: message.dropped_attributes_count,
            events: message.dropped_events_count,
            links: message.dropped_links_count,
        },
        truncations: Vec::new(),
    })
}

fn some_text(text: String, bounds: &mut Bounds) -> Option<String> {
    let text = Some(text).filter(|text| !text.is_empty())?;
    Some(bounds.text(text, MAX_TEXT_BYTES))
}

fn kind(number: i32) -> Option<SpanKind> {
    Some(match Kind::try_from(number).ok()? {
        Kind::Unspecified => return None,
        Kind::Internal => SpanKind::Internal,
        Kind::Server => SpanKind::Server,
        Kind::Client => SpanKind::Client,
        Kind::Producer => SpanKind::Producer,
        Kind::Consumer => SpanKind::Consumer,
    })
}

fn outcome(code: i32) -> Option<SpanOutcome> {
    match StatusCode::try_from(code).ok()? {
        StatusCode::Unset => None,
        StatusCode::Ok => Some(SpanOutcome::Ok),
        StatusCode::Error => Some(SpanOutcome::Error),
    }
}

/// Milliseconds from start to end; `None` if the span has no end.
fn duration_ms(start_ns: i64, end: u64) -> Result<Option<f64>, EventError> {
    let wrong = |reason: String| EventError::new("endTimeUnixNano", reason);
    let Some(end_ns) = ids::time("endTimeUnixNano", end)? else {
        return Ok(None);
    };
    // Both times are positive, so the difference fits.
    let nanos = u64::try_from(end_ns - start_ns)
        .map_err(|_| wrong("is before startTimeUnixNano".to_owned()))?;
    #[expect(clippy::cast_precision_loss, reason = "exact below 104 days")]
    let duration_ms = nanos as f64 / 1e6;
    if duration_ms > MAX_DURATION_MS {
        let problem = format!("is more than {MAX_DURATION_DAYS} days after startTimeUnixNano");
        return Err(wrong(problem));
    }
    Ok(Some(duration_ms))
}

/// Converts the events of a span. Their names and attributes count towards the span's limit.
fn events(events: Vec<Event>, start_ns: i64, bounds: &mut Bounds) -> Vec<SpanEvent> {
    let events = bounds.first(events, MAX_PARTS);
    let mut kept = Vec::with_capacity(events.len());
    for event in events {
        let name = bounds.text(event.name, MAX_ATTRIBUTE_BYTES);
        if !bounds.take_room(Value::from(name.as_str()).to_string().len()) {
            bounds.mark_cut();
            continue;
        }
        let time_ns = ids::time("", event.time_unix_nano).ok().flatten();
        kept.push(SpanEvent {
            name,
            time_ns: time_ns.unwrap_or(start_ns),
            attributes: values::attributes(event.attributes, bounds),
        });
    }
    kept
}

/// Converts the links of a span; drops those with an invalid id.
fn links(links: Vec<Link>, bounds: &mut Bounds) -> Vec<SpanLink> {
    let links = bounds.first(links, MAX_PARTS);
    let mut kept = Vec::with_capacity(links.len());
    for link in links {
        let ids = (
            ids::required::<16>("", &link.trace_id),
            ids::required::<8>("", &link.span_id),
        );
        let (Ok(trace_id), Ok(span_id)) = ids else {
            bounds.mark_cut();
            continue;
        };
        kept.push(SpanLink {
            trace_id,
            span_id,
            attributes: values::attributes(link.attributes, bounds),
        });
    }
    kept
}

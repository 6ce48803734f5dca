//! Converts `opentelemetry.proto.trace.v1.Span` to [`Span`].

use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::Span as Message;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind as Kind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message as _;

use super::tree::Names;
use super::{Form, ids, values};
use crate::decode::bounds::{
    Bounds, MAX_DURATION_DAYS, MAX_DURATION_MS, MAX_EVENT_BYTES, MAX_WORD_BYTES,
};
use crate::decode::layout::EventError;
use crate::event::{
    Dropped, Note, ResourceScope, Span, SpanEvent, SpanKind, SpanLink, SpanOutcome, http,
};

/// Representation of spans in `ExportTraceServiceRequest`.
pub(super) const FORM: Form<Message, Span> = Form {
    names: Names {
        resources: "resourceSpans",
        scopes: "scopeSpans",
        events: "spans",
    },
    time_field: "startTimeUnixNano",
    convert: span,
};

fn span(
    message: Message,
    resource_scope: Option<Arc<ResourceScope>>,
    mut bounds: Bounds,
) -> Result<Span, EventError> {
    let start_ns = ids::time("startTimeUnixNano", message.start_time_unix_nano)?;
    let start_ns = start_ns.ok_or_else(|| EventError::new("startTimeUnixNano", "is missing"))?;
    let duration_ms = duration_ms(start_ns, message.end_time_unix_nano, &mut bounds)?;
    let status = message.status.unwrap_or_default();
    let mut span = Span {
        trace_id: ids::required::<16>("traceId", &message.trace_id)?,
        span_id: ids::required::<8>("spanId", &message.span_id)?,
        parent_span_id: ids::optional::<8>("parentSpanId", &message.parent_span_id)?,
        name: some_text(message.name),
        kind: kind(message.kind),
        start_ns,
        duration_ms,
        outcome: outcome(status.code),
        status_message: some_text(status.message),
        attributes: values::attributes("attributes", message.attributes, &mut bounds),
        events: events(message.events, start_ns, &mut bounds),
        links: links(message.links, &mut bounds),
        resource_scope,
        trace_state: some_text(message.trace_state),
        flags: Some(message.flags).filter(|flags| *flags > 0),
        dropped: Dropped {
            attributes: message.dropped_attributes_count,
            events: message.dropped_events_count,
            links: message.dropped_links_count,
        },
        ..Span::default()
    };
    (span.truncations, span.notes) = bounds.fit(&mut span, MAX_EVENT_BYTES);
    // Copied from the attributes once these are cut, so that a chunk need not store them again.
    span.method = http::method_of(&span.attributes).map(|text| word(text).to_owned());
    span.url = http::url_of(&span.attributes).map(str::to_owned);
    span.status = http::status_of(&span.attributes);
    Ok(span)
}

fn some_text(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Returns the beginning of a text, of at most [`MAX_WORD_BYTES`].
fn word(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_WORD_BYTES)]
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

/// Returns the milliseconds from start to end; `None` if the span has no end. An end before the start, as
/// after a clock was set back, counts as the start, with a note.
fn duration_ms(start_ns: i64, end: u64, bounds: &mut Bounds) -> Result<Option<f64>, EventError> {
    let Some(end_ns) = ids::time("endTimeUnixNano", end)? else {
        return Ok(None);
    };
    if end_ns < start_ns {
        bounds.note(Note::EndBeforeStart);
    }
    // Both times are positive, so the difference fits.
    let nanos = (end_ns - start_ns).max(0);
    #[expect(clippy::cast_precision_loss, reason = "exact below 104 days")]
    let duration_ms = nanos as f64 / 1e6;
    if duration_ms > MAX_DURATION_MS {
        let problem = format!("is more than {MAX_DURATION_DAYS} days after startTimeUnixNano");
        return Err(EventError::new("endTimeUnixNano", problem));
    }
    Ok(Some(duration_ms))
}

/// Converts the events of a span. One without a readable time takes the start of the span.
fn events(events: Vec<Event>, start_ns: i64, bounds: &mut Bounds) -> Vec<SpanEvent> {
    let converted = events.into_iter().map(|event| SpanEvent {
        name: event.name,
        time_ns: ids::time("", event.time_unix_nano)
            .ok()
            .flatten()
            .unwrap_or(start_ns),
        attributes: values::attributes("events", event.attributes, bounds),
        dropped_attributes: event.dropped_attributes_count,
    });
    converted.collect()
}

/// Converts the links of a span. Those with an invalid id are dropped, and reported as cut.
fn links(links: Vec<Link>, bounds: &mut Bounds) -> Vec<SpanLink> {
    let mut kept = Vec::with_capacity(links.len());
    for (index, link) in links.into_iter().enumerate() {
        let ids = (
            ids::required::<16>("", &link.trace_id),
            ids::required::<8>("", &link.span_id),
        );
        let (Ok(trace_id), Ok(span_id)) = ids else {
            bounds.cut(format!("links/{index}"), link.encoded_len());
            continue;
        };
        kept.push(SpanLink {
            trace_id,
            span_id,
            attributes: values::attributes("links", link.attributes, bounds),
            trace_state: some_text(link.trace_state),
            flags: Some(link.flags).filter(|flags| *flags > 0),
            dropped_attributes: link.dropped_attributes_count,
        });
    }
    kept
}

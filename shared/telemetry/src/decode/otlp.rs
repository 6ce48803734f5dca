//! OTLP 1.11 over HTTP: `ExportTraceServiceRequest` and `ExportLogsServiceRequest`, as
//! protobuf or JSON. The data points of an `ExportMetricsServiceRequest` are only counted.
//!
//! A request is not decoded as a whole. Its messages are first located as slices of the
//! body and counted, then decoded one by one. A malformed event therefore affects no
//! other, and millions of empty ones are refused before they take memory. Both encodings
//! decode to the same messages and share the conversion to events.

mod ids;
mod json;
mod large;
mod log_records;
mod metrics;
mod resource_scopes;
mod response;
mod spans;
mod tree;
mod values;
mod wire;

use std::sync::Arc;

use super::bounds::Bounds;
use super::envelope::EnvelopeError;
use super::layout::{EventError, Layout};
use crate::batch::Signal;
use crate::decode::memory::{self, Budget};
use crate::decode::{Decoded, Indexed};
use crate::event::{Event, LogRecord, ResourceScope, Span};
pub use metrics::{DataPoints, data_points};
use resource_scopes::ResourceScopes;
pub use response::{metrics_response, response};
pub(super) use tree::{Group, Raw};
use tree::{Message, Names};

/// Encoding of OTLP messages. A response has the encoding of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpEncoding {
    /// Binary protocol buffers.
    Protobuf,
    /// OTLP's JSON, with ids in hexadecimal and 64-bit integers as strings.
    Json,
}

impl OtlpEncoding {
    /// Returns the encoding for a media type (OTLP 1.11, "OTLP/HTTP Request"), ignoring case.
    pub fn of_media_type(media_type: &str) -> Option<Self> {
        [Self::Protobuf, Self::Json]
            .into_iter()
            .find(|encoding| media_type.eq_ignore_ascii_case(encoding.media_type()))
    }

    /// Returns the media type for `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// Locates and counts the events of a request, without decoding them.
///
/// # Errors
/// When the structure around the events cannot be read or exceeds a limit.
pub(super) fn locate<'a>(
    request: Raw<'a>,
    signal: Signal,
    budget: &mut Budget,
) -> Result<Vec<Group<'a>>, EnvelopeError> {
    tree::read(request, names(signal), budget, memory::of_each(signal))
}

fn names(signal: Signal) -> &'static Names {
    match signal {
        Signal::Traces => &spans::FORM.names,
        Signal::Logs => &log_records::FORM.names,
    }
}

/// Decodes the spans of an `ExportTraceServiceRequest`.
///
/// # Errors
/// When they exceed the budget.
pub(super) fn spans(groups: &[Group<'_>], budget: Budget) -> Result<Decoded<Span>, EnvelopeError> {
    decode(groups, budget, &spans::FORM)
}

/// Decodes the records of an `ExportLogsServiceRequest`.
///
/// # Errors
/// When they exceed the budget.
pub(super) fn log_records(
    groups: &[Group<'_>],
    budget: Budget,
) -> Result<Decoded<LogRecord>, EnvelopeError> {
    decode(groups, budget, &log_records::FORM)
}

/// How one kind of event is represented in a request.
struct Form<M, E> {
    /// Names of the arrays in the request.
    names: Names,
    /// Field of the message that holds the event's time.
    time_field: &'static str,
    convert: Convert<M, E>,
}

type Convert<M, E> = fn(M, Option<Arc<ResourceScope>>, Bounds) -> Result<E, EventError>;

fn decode<M: Message, E: Event>(
    groups: &[Group<'_>],
    mut budget: Budget,
    form: &Form<M, E>,
) -> Result<Decoded<E>, EnvelopeError> {
    let mut decoded = Decoded::new(Layout::new(form.time_field));
    let mut resource_scopes = ResourceScopes::default();
    let mut index = 0;
    for group in groups {
        decoded.report.misnamed = decoded.report.misnamed.or_else(|| group.misnamed.clone());
        decoded.layout.array(index, group.pointer(&form.names));
        let shared = resource_scopes.of(group, &form.names);
        if let Ok(Some(shared)) = &shared {
            budget.take(memory::of_resource_scope(shared))?;
        }
        for raw in &group.events {
            match &shared {
                Ok(shared) => match read(*raw, shared.clone(), form) {
                    Ok(event) => {
                        budget.take(memory::of_event(event.by_signal()))?;
                        decoded.events.push(Indexed { index, event });
                    }
                    Err(reason) => decoded.reject(index, reason),
                },
                Err(error) => decoded.report.reject(index, || error.clone()),
            }
            index += 1;
        }
    }
    Ok(decoded)
}

fn read<M: Message, E>(
    raw: Raw<'_>,
    shared: Option<Arc<ResourceScope>>,
    form: &Form<M, E>,
) -> Result<E, EventError> {
    let mut bounds = Bounds::default();
    let message = raw.decode("", &mut bounds)?;
    (form.convert)(message, shared, bounds)
}

#[cfg(test)]
mod tests;

//! Decoding: from the inflated body of a request to events, event by event, so
//! that one bad event costs one event.

mod bounds;
mod envelope;
mod layout;
pub(crate) mod native;
pub mod otlp;
mod surrogates;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use upblit_base::FieldError;
use upblit_base::clock;
use utoipa::ToSchema;

use crate::event::Event;
use crate::inflate::Payload;
use crate::reject_reason::RejectReason;
pub use envelope::EnvelopeError;
pub use layout::Layout;
use layout::Reason;
pub use native::MAX_ID_BYTES;
use otlp::Encoding;

/// Most events of one batch.
pub const MAX_EVENTS: usize = 10_000;

/// Most resources and scopes that the events of one batch come from.
pub const MAX_GROUPS: usize = 10_000;

/// Most bytes that all origins of one batch take, as JSON and in memory: each is
/// stored with its events, and a resource with many scopes is many origins.
pub const MAX_ORIGINS_BYTES: usize = 8 * 1024 * 1024;

/// How many rejected events an answer describes.
pub const MAX_REPORTED: usize = 20;

/// Events that ended longer ago are rejected.
pub const MAX_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Events that start later than this from now are rejected.
pub const MAX_AHEAD: Duration = Duration::from_secs(5 * 60);

/// How a batch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Upblit's own JSON.
    Native,
    /// OpenTelemetry's protocol.
    Otlp(Encoding),
}

impl Format {
    /// What bodies are once they are decompressed.
    pub fn payload(self) -> Payload {
        match self {
            Self::Otlp(Encoding::Protobuf) => Payload::Protobuf,
            Self::Native | Self::Otlp(Encoding::Json) => Payload::Json,
        }
    }
}

/// A batch after every event was looked at.
#[derive(Debug)]
pub struct Decoded<E> {
    /// The well-formed events, in the order they came.
    pub events: Vec<Indexed<E>>,
    /// What became of the others.
    pub report: Report,
    /// Where they stand in the body.
    pub layout: Layout,
}

/// An event and its position in the batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Indexed<E> {
    /// Position in the batch, from 0.
    pub index: usize,
    /// The event.
    pub event: E,
    /// Whether a text or attribute was cut to its bound.
    pub is_cut: bool,
}

/// The answer to a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Report {
    /// Events stored.
    pub accepted: usize,
    /// Events dropped.
    pub rejected: usize,
    /// Events stored with a text or attribute cut to its bound.
    pub truncated: usize,
    /// Why events were dropped: the first [`MAX_REPORTED`] of them.
    pub errors: Vec<Rejection>,
    /// How many were dropped for which reason; not part of the answer.
    #[serde(skip)]
    pub rejected_by: BTreeMap<RejectReason, usize>,
    /// When the SDK says it sent the batch; not part of the answer.
    #[serde(skip)]
    pub sent_at: Option<Timestamp>,
    /// When the last well-formed event ended; not part of the answer.
    #[serde(skip)]
    pub latest_end: Option<Timestamp>,
}

/// Why one event was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Rejection {
    /// Position of the event in the batch, from 0.
    pub index: usize,
    /// The field and the reason.
    #[serde(flatten)]
    pub error: FieldError,
    /// The reason in one word; not part of the answer.
    #[serde(skip)]
    pub kind: RejectReason,
}

impl Report {
    /// Counts an event that is dropped because it cannot be read, and describes
    /// it while there is room.
    pub fn reject(&mut self, index: usize, error: FieldError) {
        self.reject_as(RejectReason::Malformed, index, error);
    }

    fn reject_as(&mut self, kind: RejectReason, index: usize, error: FieldError) {
        self.rejected += 1;
        *self.rejected_by.entry(kind).or_default() += 1;
        if self.errors.len() < MAX_REPORTED {
            self.errors.push(Rejection { index, error, kind });
        }
    }
}

impl<E> Decoded<E> {
    pub(crate) fn new(layout: Layout) -> Self {
        Self {
            events: Vec::new(),
            report: Report::default(),
            layout,
        }
    }

    fn reject(&mut self, index: usize, reason: Reason) {
        let error = self.layout.error(index, reason);
        self.report.reject(index, error);
    }
}

impl<E: Event> Decoded<E> {
    /// Drops the events outside the time window; what stays is accepted.
    pub fn within_window(mut self, now: Timestamp) -> Self {
        let mut outsiders = Report::default();
        let ends = self.events.iter().map(|indexed| indexed.event.end());
        self.report.latest_end = ends.max();
        self.events.retain(|Indexed { index, event, .. }| {
            let Some(outside) = outside(event, now) else {
                return true;
            };
            let error = self.layout.time_error(*index, &outside.problem());
            outsiders.reject_as(outside.reason(), *index, error);
            false
        });
        let report = &mut self.report;
        report.rejected += outsiders.rejected;
        report.rejected_by.extend(outsiders.rejected_by);
        report.errors.extend(outsiders.errors);
        report.errors.sort_by_key(|rejection| rejection.index);
        report.errors.truncate(MAX_REPORTED);
        report.accepted = self.events.len();
        report.truncated = self.events.iter().filter(|event| event.is_cut).count();
        self
    }
}

/// How an event can miss the time window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    TooOld,
    TooFarAhead,
}

impl Outside {
    fn reason(self) -> RejectReason {
        match self {
            Self::TooOld => RejectReason::TooOld,
            Self::TooFarAhead => RejectReason::TooFarAhead,
        }
    }

    fn problem(self) -> String {
        match self {
            Self::TooOld => format!("older than {} hours", MAX_AGE.as_secs() / 3600),
            Self::TooFarAhead => {
                let minutes = MAX_AHEAD.as_secs() / 60;
                format!("more than {minutes} minutes ahead of the server's clock")
            }
        }
    }
}

/// How an event misses the time window; `None` when it is inside.
pub(crate) fn outside(event: &impl Event, now: Timestamp) -> Option<Outside> {
    if event.end() < clock::before(now, MAX_AGE) {
        Some(Outside::TooOld)
    } else if event.start() > clock::after(now, MAX_AHEAD) {
        Some(Outside::TooFarAhead)
    } else {
        None
    }
}

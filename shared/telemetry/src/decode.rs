//! Decodes the decompressed body of a request into events, one by one, so that a
//! malformed event affects no other.

mod bounds;
mod envelope;
mod large;
mod layout;
mod memory;
pub(crate) mod native;
pub mod otlp;
pub(crate) mod outline;
mod scrub;
mod surrogates;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use upblit_base::FieldError;
use upblit_base::clock;
use utoipa::ToSchema;

use crate::chunk::hour_of;
use crate::event::{Event, Note};
use crate::inflate::Payload;
use crate::reject_reason::RejectReason;
pub use envelope::EnvelopeError;
use layout::EventError;
pub use layout::Layout;
pub use memory::MAX_MEMORY;
pub use native::MAX_ID_BYTES;
use otlp::OtlpEncoding;

/// Number of rejected events that a response describes.
pub(crate) const MAX_REPORTED: usize = 20;

/// Why nothing of a batch is kept.
const QUOTA_EXCEEDED: &str = "quota-exceeded: the write units of this day (UTC) are used up, of \
                              the application or of all those of the user who created it";

/// Events that ended longer ago than this are rejected, and so are events beyond the retention of the
/// application if that is shorter.
pub const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Longest time between the start of an accepted event and its receipt: that of a span of maximum
/// duration that ended [`MAX_AGE`] ago.
pub const MAX_PAST: Duration = MAX_AGE.saturating_add(bounds::MAX_DURATION);

/// Events that start further in the future than this are rejected.
pub const MAX_AHEAD: Duration = Duration::from_secs(5 * 60);

/// Maximum number of different hours in which the events of one request start. Each hour takes
/// several writes.
pub const MAX_HOURS: usize = 24;

/// Protocol and encoding of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Upblit's own JSON.
    Native,
    /// OTLP in either encoding.
    Otlp(OtlpEncoding),
}

impl Format {
    /// Returns the kind of data that a body of this format holds once decompressed.
    pub fn payload(self) -> Payload {
        match self {
            Self::Otlp(OtlpEncoding::Protobuf) => Payload::Protobuf,
            Self::Native | Self::Otlp(OtlpEncoding::Json) => Payload::Json,
        }
    }
}

/// A batch whose events have been decoded.
#[derive(Debug)]
pub(crate) struct Decoded<E> {
    /// Well-formed events, in the order of the body.
    pub events: Vec<Indexed<E>>,
    /// Counts, and the reasons why events were rejected.
    pub report: Report,
    /// Positions of the events in the body.
    pub layout: Layout,
}

/// An event and its position in the batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Indexed<E> {
    /// Position in the batch, from 0.
    pub index: usize,
    /// The decoded event.
    pub event: E,
}

/// The response to a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Report {
    /// Number of events stored.
    pub accepted: usize,
    /// Number of events dropped.
    pub rejected: usize,
    /// Number of events stored of which a part was cut to the limits.
    pub truncated: usize,
    /// Reasons why events were dropped, for the first 20 of them.
    pub errors: Vec<Rejection>,
    /// Number of dropped events by reason; not part of the response.
    #[serde(skip)]
    pub rejected_by: BTreeMap<RejectReason, usize>,
    /// Time of sending according to the SDK; not part of the response.
    #[serde(skip)]
    pub sent_at: Option<Timestamp>,
    /// End of the last well-formed event; not part of the response.
    #[serde(skip)]
    pub latest_end: Option<Timestamp>,
    /// Number of events stored of which something was scrubbed; not part of the response.
    #[serde(skip)]
    pub(crate) scrubbed: usize,
    /// The first parts that were cut, and their original sizes; not part of the response.
    #[serde(skip)]
    pub(crate) cuts: Vec<FieldError>,
    /// A field that was not read and may have events; not part of the response.
    #[serde(skip)]
    pub(crate) misnamed: Option<FieldError>,
}

/// Why one event was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Rejection {
    /// Position of the event in the batch, from 0.
    pub index: usize,
    /// Pointer to the field, and what is wrong with it.
    #[serde(flatten)]
    pub error: FieldError,
    /// Reason to count the event under; not part of the response.
    #[serde(skip)]
    pub kind: RejectReason,
}

impl Report {
    /// Creates the report of a batch of which nothing is kept, because a day's quota is used up.
    pub fn over_quota(events: usize) -> Self {
        let mut report = Self::default();
        let error = FieldError {
            pointer: String::new(),
            reason: QUOTA_EXCEEDED.to_owned(),
        };
        report.reject_group(RejectReason::QuotaExceeded, events, 0, error);
        report
    }

    /// Counts a malformed event, and describes it if it is among the first [`MAX_REPORTED`].
    pub(crate) fn reject(&mut self, index: usize, error: impl FnOnce() -> FieldError) {
        self.reject_as(RejectReason::Malformed, index, error);
    }

    /// Counts rejected events that one error describes.
    fn reject_group(&mut self, kind: RejectReason, count: usize, index: usize, error: FieldError) {
        let Some(others) = count.checked_sub(1) else {
            return;
        };
        self.reject_as(kind, index, || error);
        self.rejected += others;
        *self.rejected_by.entry(kind).or_default() += others;
    }

    /// Counts a dropped event. Only the first ones are described.
    fn reject_as(&mut self, kind: RejectReason, index: usize, error: impl FnOnce() -> FieldError) {
        self.rejected += 1;
        *self.rejected_by.entry(kind).or_default() += 1;
        if self.errors.len() < MAX_REPORTED {
            let error = error();
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

    fn reject(&mut self, index: usize, reason: EventError) {
        let error = || self.layout.error(index, reason);
        self.report.reject(index, error);
    }
}

impl<E: Event> Decoded<E> {
    /// Drops the events of all hours but the newest [`MAX_HOURS`], and those of hours that are too
    /// far in the future, which do not count. Otherwise depends on the events alone, so that a
    /// retry has the same chunks: the hour of receipt does not count either, and events that were
    /// sent without a time are all kept.
    pub(crate) fn within_hours(mut self, reception: Reception) -> Self {
        let ends = self.events.iter().map(|indexed| indexed.event.end());
        self.report.latest_end = ends.max();
        let last = clock::floor_to_hour(clock::after(reception.now, MAX_AHEAD));
        let mut hours = BTreeSet::new();
        let events = self.events.iter().map(|indexed| &indexed.event);
        for hour in events.filter(|event| event.has_time()).map(hour_of) {
            if hour <= last {
                hours.insert(hour);
            }
            if hours.len() > MAX_HOURS {
                hours.pop_first();
            }
        }
        self.drop_outsiders(|event| {
            let is_kept = !event.has_time() || hours.contains(&hour_of(event));
            (!is_kept).then(|| reception.outside(event).unwrap_or(Outside::OldHour))
        });
        self
    }

    /// Drops the events that are too old or too far in the future; the others are accepted.
    pub(crate) fn within_window(mut self, reception: Reception) -> Self {
        let ends = self.events.iter().map(|indexed| indexed.event.end());
        self.report.latest_end = self.report.latest_end.max(ends.max());
        self.drop_outsiders(|event| reception.outside(event));
        let cut = self.events.iter().filter(|indexed| indexed.event.is_cut());
        let report = &mut self.report;
        report.accepted = self.events.len();
        report.truncated = cut.clone().count();
        let events = self.events.iter();
        let scrubbed = events.filter(|indexed| indexed.event.notes().contains(&Note::Scrubbed));
        report.scrubbed = scrubbed.count();
        report.cuts = cut
            .take(MAX_REPORTED)
            .map(|cut| self.layout.cut(cut))
            .collect();
        self
    }

    /// Drops and reports the events that are outside.
    fn drop_outsiders(&mut self, outside: impl Fn(&E) -> Option<Outside>) {
        let mut outsiders = Report::default();
        self.events.retain(|Indexed { index, event, .. }| {
            let Some(outside) = outside(event) else {
                return true;
            };
            outsiders.reject_as(outside.reason(), *index, || {
                self.layout.time_error(*index, &outside.problem())
            });
            false
        });
        let report = &mut self.report;
        report.rejected += outsiders.rejected;
        for (reason, count) in outsiders.rejected_by {
            *report.rejected_by.entry(reason).or_default() += count;
        }
        report.errors.extend(outsiders.errors);
        report.errors.sort_by_key(|rejection| rejection.index);
        report.errors.truncate(MAX_REPORTED);
    }
}

/// Why an event is outside the accepted time range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outside {
    TooOld,
    BeyondRetention,
    TooFarAhead,
    OldHour,
}

impl Outside {
    fn reason(self) -> RejectReason {
        match self {
            Self::TooOld | Self::BeyondRetention => RejectReason::TooOld,
            Self::TooFarAhead => RejectReason::TooFarAhead,
            Self::OldHour => RejectReason::TooManyHours,
        }
    }

    fn problem(self) -> String {
        match self {
            Self::TooOld => format!("older than {} days", MAX_AGE.as_secs() / 86_400),
            Self::BeyondRetention => "older than the retention of the application".to_owned(),
            Self::TooFarAhead => {
                let minutes = MAX_AHEAD.as_secs() / 60;
                format!("more than {minutes} minutes ahead of the server's clock")
            }
            Self::OldHour => {
                format!("not in the newest {MAX_HOURS} hours of the batch; send smaller batches")
            }
        }
    }
}

/// When a batch is received, and how long its application keeps telemetry.
#[derive(Debug, Clone, Copy)]
pub struct Reception {
    /// Time of receipt.
    pub now: Timestamp,
    /// Retention of the application.
    pub retention: Duration,
}

impl Reception {
    /// Returns why an event is outside the accepted time range; `None` if it is inside. An event
    /// expires with the hour in which it started.
    pub(crate) fn outside(self, event: &impl Event) -> Option<Outside> {
        let Self { now, retention } = self;
        if event.end() < clock::before(now, MAX_AGE) {
            Some(Outside::TooOld)
        } else if event.start() > clock::after(now, MAX_AHEAD) {
            Some(Outside::TooFarAhead)
        } else if clock::after(clock::floor_to_hour(event.start()), retention) <= now {
            Some(Outside::BeyondRetention)
        } else {
            None
        }
    }
}

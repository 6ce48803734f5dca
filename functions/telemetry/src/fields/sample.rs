//! The events of a few chunks that are spread over a window.

use jiff::Timestamp;
use shared::store::telemetry::StoredSummary;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::FormError;
use shared::telemetry::chunk::codec::{self, Rows};
use shared::telemetry::event::{Event, LogRecord, Span};
use shared::telemetry::query::fields::FieldCounts;
use shared::telemetry::query::texts::Name;
use shared::telemetry::query::window::TimeWindow;

/// Largest number of chunks of a sample.
const MAX_CHUNKS: usize = 32;

/// Largest size of all of them as stored, in bytes.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Largest memory of the decoded events of one of them, in bytes. They are decoded one after the other.
const MAX_MEMORY: usize = 16 * 1024 * 1024;

/// Chunks at equal distances among these, the first included, within the limits.
pub(super) fn spread(candidates: &[StoredSummary]) -> Vec<&StoredSummary> {
    let most = MAX_CHUNKS.min(candidates.len());
    let last = candidates.len().saturating_sub(1);
    let places = (0..most).map(|number| number * last / most.saturating_sub(1).max(1));
    let mut bytes = 0;
    let fitting = places.map(|place| &candidates[place]).filter(|stored| {
        let fits = stored.memory <= MAX_MEMORY && bytes + stored.bytes <= MAX_BYTES;
        bytes += if fits { stored.bytes } else { 0 };
        fits
    });
    fitting.collect()
}

/// Counts the events of the sample that are in the window and of the service.
pub(super) struct Sample<'a> {
    window: TimeWindow,
    service: Option<&'a Name>,
    /// What was counted.
    pub(super) counts: FieldCounts,
    /// Number of events.
    pub(super) events: u64,
    /// Times of the earliest and of the latest.
    pub(super) times: Option<(Timestamp, Timestamp)>,
}

impl<'a> Sample<'a> {
    /// Creates an empty sample.
    pub(super) fn new(window: TimeWindow, service: Option<&'a Name>, counts: FieldCounts) -> Self {
        Self {
            window,
            service,
            counts,
            events: 0,
            times: None,
        }
    }

    /// Counts the events of a stored chunk.
    ///
    /// # Errors
    /// When the chunk cannot be read.
    pub(super) fn add(&mut self, chunk: &[u8], signal: Signal) -> Result<(), FormError> {
        match signal {
            Signal::Traces => self.add_events::<Span>(chunk),
            Signal::Logs => self.add_events::<LogRecord>(chunk),
        }
    }

    fn add_events<E: Event>(&mut self, chunk: &[u8]) -> Result<(), FormError> {
        for event in codec::decode_within::<E>(chunk, Rows::All, MAX_MEMORY)? {
            let at = event.start();
            if self.window.contains(at) && self.counts.add_event(&event, self.service) {
                self.events += 1;
                let (from, to) = self.times.unwrap_or((at, at));
                self.times = Some((from.min(at), to.max(at)));
            }
        }
        Ok(())
    }
}

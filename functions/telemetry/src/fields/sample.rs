//! The events of a few chunks that are spread over a window.

use shared::store::telemetry::StoredSummary;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::FormError;
use shared::telemetry::chunk::codec::{self, Rows};
use shared::telemetry::event::{Event, LogRecord, Span};
use shared::telemetry::query::fields::FieldCounts;
use shared::telemetry::query::sample;
use shared::telemetry::query::texts::Name;
use shared::telemetry::query::window::TimeWindow;

use crate::sample::{LookedAt, MAX_BYTES, MAX_MEMORY, Room};

/// Largest number of chunks in a sample.
const MAX_CHUNKS: usize = 32;

/// Chooses chunks at equal distances among the candidates, beginning with the first. Leaves out
/// those for which there is no room.
pub(super) fn spread(candidates: &[StoredSummary]) -> Vec<&StoredSummary> {
    let mut room = Room::default();
    let places = sample::spread(candidates.len(), MAX_CHUNKS);
    let chunks = places.map(|place| &candidates[place]);
    chunks
        .filter(|stored| room.takes(stored, MAX_BYTES))
        .collect()
}

/// Counts the events of the sample that are in the window and belong to the service.
pub(super) struct Sample<'a> {
    window: TimeWindow,
    service: Option<&'a Name>,
    /// The counts so far.
    pub(super) counts: FieldCounts,
    /// The events that were counted.
    pub(super) looked_at: LookedAt,
}

impl<'a> Sample<'a> {
    /// Creates an empty sample.
    pub(super) fn new(window: TimeWindow, service: Option<&'a Name>, counts: FieldCounts) -> Self {
        Self {
            window,
            service,
            counts,
            looked_at: LookedAt::default(),
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
        let events = codec::decode_within::<E>(chunk, Rows::All, MAX_MEMORY)?;
        let in_window = events
            .iter()
            .filter(|event| self.window.contains(event.start()));
        for event in self.counts.add_events(in_window, self.service) {
            self.looked_at.add(event.start());
        }
        Ok(())
    }
}

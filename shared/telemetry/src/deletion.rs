//! Deletion of events: which ones, and what is left of their chunks.

use std::io;
use std::time::Duration;

use jiff::Timestamp;

use crate::chunk::summary::{Summary, fingerprint};
use crate::chunk::{PackedChunk, Position, repack};
use crate::event::Event;
use crate::query::window::TimeWindow;
use upblit_base::clock;

/// The events to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// The spans and log records of the trace with this id.
    OfTrace(String),
    /// The events that started in this window.
    Within(TimeWindow),
}

/// What is left of a chunk.
#[derive(Debug, PartialEq, Eq)]
pub struct Remainder {
    /// Number of events that were selected; at least one.
    pub deleted: usize,
    /// The other events, at the same position. `None` if there are none.
    pub chunk: Option<PackedChunk>,
}

impl Selection {
    /// Whether a chunk with this summary may hold selected events.
    pub fn may_have(&self, summary: &Summary) -> bool {
        match self {
            Self::OfTrace(id) => summary.may_hold_trace(fingerprint(id)),
            Self::Within(_) => true,
        }
    }

    /// Whether all events of a chunk are selected, by the start of its first event and its position
    /// alone.
    pub fn has_all(&self, from: Timestamp, position: Position) -> bool {
        match self {
            Self::OfTrace(_) => false,
            // A position is in whole milliseconds, rounded down.
            Self::Within(window) => {
                let last = clock::after(position.at, Duration::from_millis(1));
                window.from <= from && last <= window.to
            }
        }
    }

    /// Removes the selected events from those of the chunk at this position. `None` if none is selected.
    ///
    /// # Errors
    /// When compression fails, which no input can cause.
    pub fn remainder<E: Event>(
        &self,
        events: &[E],
        position: Position,
    ) -> io::Result<Option<Remainder>> {
        let left: Vec<&E> = events.iter().filter(|event| !self.has(*event)).collect();
        let deleted = events.len() - left.len();
        if deleted == 0 {
            return Ok(None);
        }
        let chunk = repack(&left, position)?;
        Ok(Some(Remainder { deleted, chunk }))
    }

    fn has(&self, event: &impl Event) -> bool {
        match self {
            Self::OfTrace(id) => event.trace_id() == Some(id),
            Self::Within(window) => window.contains(event.start()),
        }
    }
}

//! How far a search got, and what of it the cursor of the next page must contain.

use std::collections::BTreeMap;

use shared::store::telemetry::StoredSummary;
use shared::telemetry::chunk::Position;
use shared::telemetry::query::cursor::{ChunkPlace, ListPosition, RowKey};
use shared::web::error::Error;

use super::NOWHERE;
use crate::archive::too_much;

/// Number of summaries that a page reads again, with one query, instead of having the cursor name
/// their chunks.
const READ_AGAIN: usize = 64;

/// Maximum memory for the events of these chunks, in bytes: a part of what a page may read, so that
/// the page gets further.
const MAX_MEMORY_AGAIN: usize = 32 * 1024 * 1024;

/// Progress of a search.
pub(super) struct Progress {
    start: Option<ListPosition>,
    /// The chunks that the walk has passed, newest first, and the memory of their events.
    walked: Vec<(Position, usize)>,
    /// The smallest key of the rows of each chunk that has any.
    oldest: BTreeMap<ChunkPlace, RowKey>,
}

impl Progress {
    pub(super) fn from(start: Option<&ListPosition>) -> Self {
        Self {
            start: start.cloned(),
            walked: Vec::new(),
            oldest: BTreeMap::new(),
        }
    }

    /// Records that the walk has passed a chunk.
    pub(super) fn walk(&mut self, stored: &StoredSummary) {
        self.walked.push((stored.position, stored.memory));
    }

    /// Number of chunks that the walk has passed.
    pub(super) fn walked(&self) -> usize {
        self.walked.len()
    }

    /// Records that a chunk has a row.
    pub(super) fn has_row(&mut self, stored: &StoredSummary, key: RowKey) {
        let oldest = self.oldest.entry(stored.place()).or_insert(key);
        *oldest = key.min(*oldest);
    }

    /// Returns where the page after the row `before` begins. `walked_to` is where the walk would
    /// continue; `None` if it has ended.
    ///
    /// # Errors
    /// When the page would begin where this one did.
    pub(super) fn position(
        &self,
        before: RowKey,
        walked_to: Option<Position>,
        unopened: impl Iterator<Item = ChunkPlace>,
    ) -> Result<Option<ListPosition>, Error> {
        let with_rows = self.oldest.iter().filter(|(_, oldest)| **oldest < before);
        let mut open: Vec<ChunkPlace> = with_rows.map(|(place, _)| *place).collect();
        open.extend(unopened);
        open.sort_unstable();
        open.dedup();
        open.reverse();
        if open.is_empty() && walked_to.is_none() {
            return Ok(None);
        }
        let again_from = self.again_from();
        let is_read_again = |place: &ChunkPlace| again_from >= Some(place.position);
        let mut named = open.iter().position(is_read_again).unwrap_or(open.len());
        named = named.min(ListPosition::MAX_OPEN);
        let again = open.get(named).map(|place| place.position.next());
        let walk = again.or(walked_to).unwrap_or(NOWHERE);
        open.truncate(named);
        let position = ListPosition { before, walk, open };
        let is_further = self
            .start
            .as_ref()
            .is_none_or(|start| position.before < start.before || position.walk < start.walk);
        if is_further {
            Ok(Some(position))
        } else {
            Err(too_much())
        }
    }

    /// Returns the position of the newest chunk that the next page may read again.
    fn again_from(&self) -> Option<Position> {
        let mut memory = 0_usize;
        let again = self.walked.iter().rev().take(READ_AGAIN);
        let again = again.take_while(|(_, bytes)| {
            memory = memory.saturating_add(*bytes);
            memory <= MAX_MEMORY_AGAIN
        });
        again.last().map(|(position, _)| *position)
    }
}

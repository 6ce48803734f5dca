//! How far a search got, and what of it the cursor of the next page must say.

use std::collections::BTreeMap;

use shared::store::telemetry::StoredSummary;
use shared::telemetry::chunk::Position;
use shared::telemetry::query::cursor::{ChunkPlace, ListPosition, RowKey};
use shared::web::error::Error;

use super::NOWHERE;
use crate::archive::too_much;

/// Number of summaries that a page reads again rather than naming chunks in the cursor; one query.
const READ_AGAIN: usize = 64;

/// Progress of a search.
pub(super) struct Progress {
    start: Option<ListPosition>,
    /// Positions of the chunks that the walk has passed, newest first.
    walked: Vec<Position>,
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
        self.walked.push(stored.position);
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

    /// Where the page begins that follows the row `before`. `walked_to` is where the walk would
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
        let first_again = self.walked.len().saturating_sub(READ_AGAIN);
        let again_from = self.walked.get(first_again);
        let is_read_again = |place: &ChunkPlace| again_from >= Some(&place.position);
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
}

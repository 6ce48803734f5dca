//! Samples: the events of a few chunks that stand for those of a window.

use jiff::Timestamp;
use serde::Serialize;
use shared::base::clock;
use shared::store::telemetry::{Direction, StoredSummary, SummaryRange};
use shared::telemetry::chunk::summary::Summary;
use shared::web::error::Error;
use utoipa::ToSchema;

use crate::walk::walk_at_most;

/// Maximum number of summaries that one request reads.
const MAX_SUMMARIES: usize = 2_000;

/// Maximum number of queries for summaries, and how many more are allowed for each shard: a day
/// without telemetry takes one query in each shard.
const MAX_QUERIES: usize = 32;
const QUERIES_PER_SHARD: usize = 4;

/// Largest size of all chunks of a sample together, as stored, in bytes.
pub(crate) const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Largest memory of the decoded events of one chunk of a sample, in bytes. Chunks are decoded one
/// after the other.
pub(crate) const MAX_MEMORY: usize = 16 * 1024 * 1024;

/// The events that were looked at.
#[derive(Serialize, ToSchema)]
#[schema(as = Sample)]
pub(crate) struct SampleResponse {
    /// Number of events that were looked at.
    events: u64,
    /// Number of events in all batches of the time range; for fields, in the batches that may have
    /// events of the service.
    of: u64,
    /// Time of the earliest event that was looked at, or null.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    from: Option<Timestamp>,
    /// Time of the latest event that was looked at, or null.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    to: Option<Timestamp>,
}

/// Reads the newest summaries of a range, as [`walk_at_most`] does.
///
/// # Errors
/// When storage fails.
pub(crate) async fn walk(
    state: &crate::State,
    range: SummaryRange<'_>,
    visit: impl FnMut(StoredSummary, Summary),
) -> Result<Option<Timestamp>, Error> {
    let queries = MAX_QUERIES + QUERIES_PER_SHARD * range.shards as usize;
    let walk = state.database.walk(range, Direction::Older, queries);
    walk_at_most(walk, MAX_SUMMARIES, range.gaps, visit).await
}

/// Room for the chunks of a sample.
#[derive(Default)]
pub(crate) struct Room {
    bytes: usize,
}

impl Room {
    /// Reserves room for a chunk. Returns `false` if all chunks would have more than `most` bytes,
    /// or if its events take too much memory.
    pub(crate) fn takes(&mut self, stored: &StoredSummary, most: usize) -> bool {
        let fits = stored.memory <= MAX_MEMORY && self.bytes + stored.bytes <= most;
        self.bytes += if fits { stored.bytes } else { 0 };
        fits
    }
}

/// The events that have been looked at so far.
#[derive(Default)]
pub(crate) struct LookedAt {
    events: u64,
    /// Times of the earliest and the latest event.
    times: Option<(Timestamp, Timestamp)>,
}

impl LookedAt {
    /// Counts an event that started at this time.
    pub(crate) fn add(&mut self, at: Timestamp) {
        self.events += 1;
        let (from, to) = self.times.unwrap_or((at, at));
        self.times = Some((from.min(at), to.max(at)));
    }

    /// Returns how many events were looked at, out of those of all candidates.
    pub(crate) fn of(&self, candidates: &[StoredSummary]) -> SampleResponse {
        let counts = candidates.iter().map(|stored| u64::from(stored.count));
        SampleResponse {
            events: self.events,
            of: counts.sum(),
            from: self.times.map(|(from, _)| from),
            to: self.times.map(|(_, to)| to),
        }
    }
}

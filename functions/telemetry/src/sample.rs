//! Samples: the events of a few chunks that stand for those of a window.

use jiff::Timestamp;
use serde::Serialize;
use shared::base::clock;
use shared::store::telemetry::{Direction, StoredSummary, SummaryRange};
use shared::telemetry::chunk::summary::Summary;
use shared::web::error::Error;
use utoipa::ToSchema;

use crate::walk::walk_at_most;

/// Number of summaries that one request reads.
const MAX_SUMMARIES: usize = 2_000;

/// Number of queries for summaries, and how many more there may be for each shard: each of the
/// days without telemetry takes one in every shard.
const MAX_QUERIES: usize = 32;
const QUERIES_PER_SHARD: usize = 4;

/// Largest size of the chunks of a sample as stored, in bytes.
pub(crate) const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Largest memory of the decoded events of one of them, in bytes. They are decoded one after the other.
pub(crate) const MAX_MEMORY: usize = 16 * 1024 * 1024;

/// The events that were looked at.
#[derive(Serialize, ToSchema)]
#[schema(as = Sample)]
pub(crate) struct SampleResponse {
    /// Number of events that were looked at.
    events: u64,
    /// Number of events in all batches of the time range; for fields, in those that may have some of the service.
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
    each: impl FnMut(StoredSummary, Summary),
) -> Result<Option<Timestamp>, Error> {
    let queries = MAX_QUERIES + QUERIES_PER_SHARD * range.shards as usize;
    let walk = state.database.walk(range, Direction::Older, queries);
    walk_at_most(walk, MAX_SUMMARIES, range.gaps, each).await
}

/// Room for the chunks of a sample.
#[derive(Default)]
pub(crate) struct Room {
    bytes: usize,
}

impl Room {
    /// Takes the room for a chunk, if all of them are then at most this many bytes. `false` if there is
    /// none.
    pub(crate) fn takes(&mut self, stored: &StoredSummary, most: usize) -> bool {
        let fits = stored.memory <= MAX_MEMORY && self.bytes + stored.bytes <= most;
        self.bytes += if fits { stored.bytes } else { 0 };
        fits
    }
}

/// The events that were looked at so far.
#[derive(Default)]
pub(crate) struct LookedAt {
    events: u64,
    /// Times of the earliest and of the latest.
    times: Option<(Timestamp, Timestamp)>,
}

impl LookedAt {
    /// Counts the event of a time.
    pub(crate) fn add(&mut self, at: Timestamp) {
        self.events += 1;
        let (from, to) = self.times.unwrap_or((at, at));
        self.times = Some((from.min(at), to.max(at)));
    }

    /// These events, out of those of all candidates.
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

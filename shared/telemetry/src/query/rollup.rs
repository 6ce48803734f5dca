//! Rollups: the stored statistics of the sealed hours of a day, computed once, so that metrics of a
//! long window need not read every chunk summary again.
//!
//! Whatever is stored for an hour after it was sealed is stored a second time as a *late arrival*,
//! under a key derived from its content. The write that adds a late arrival to the rollup lists it
//! there, and it is deleted afterwards. So readers add the late arrivals that the rollup does not
//! list, and nothing is counted twice, however often a batch is sent.

mod encoding;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::bucket::{self, Bucket};
use crate::batch::{DAY, HOUR};
use crate::chunk::summary::Summary;
use crate::decode::MAX_PAST;
use upblit_base::clock;

pub use encoding::{decode_late, encode_late};

/// Time after its end at which an hour is sealed. Nearly all telemetry arrives within
/// seconds. A batch for a sealed hour also leaves a late arrival.
const SEALED_AFTER: Duration = Duration::from_secs(10 * 60);

/// Allowance for clock differences between functions and for the duration of a write.
const MARGIN: Duration = Duration::from_secs(60);

/// Time for which a rollup lists what was folded into it. A reader that has read a late arrival
/// reads the rollup within [`READ_WITHIN`], and a late arrival is deleted within [`DELETED_WITHIN`]
/// after a rollup that lists it was encoded. The rest is for the clock of the database, which has whole seconds.
const LISTED_FOR: Duration = Duration::from_secs(120);

/// Time within which a reader reads late arrivals and then the rollup.
pub const READ_WITHIN: Duration = Duration::from_secs(30);

/// Time within which a rollup is written and then late arrivals that it contains are deleted.
pub const DELETED_WITHIN: Duration = Duration::from_secs(30);

/// Whether the hour that begins at `hour` is sealed, so a rollup of it may exist.
pub fn is_sealed(hour: Timestamp, now: Timestamp) -> bool {
    now >= clock::after(hour, HOUR + SEALED_AFTER)
}

/// Start of the first hour that is not sealed for readers. Every earlier hour is.
pub fn open_since(now: Timestamp) -> Timestamp {
    let last = clock::before(now, HOUR + SEALED_AFTER + MARGIN);
    clock::after(clock::floor(last, HOUR), HOUR)
}

/// Whether nothing can be added to the day that begins at `day` any more: ingest rejects all
/// events of it as too old.
pub fn is_final(day: Timestamp, now: Timestamp) -> bool {
    now >= clock::after(day, DAY + MAX_PAST + HOUR)
}

/// Content hash of a chunk; [`Position::hash`](crate::chunk::Position::hash).
pub type ChunkHash = [u8; 16];

/// Start of the hour and hash of a late arrival, in the order in which they are stored.
pub type LateKey = (Timestamp, ChunkHash);

/// Statistics of one hour, in buckets of five minutes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourRollup {
    /// Number of chunks that it contains.
    pub chunks: u64,
    /// Their hashes, combined by XOR.
    pub hashes: ChunkHash,
    /// Earliest expiry of a chunk that it contains. Afterwards it counts what lists no longer show,
    /// and is computed again.
    pub expires_at: Timestamp,
    buckets: BTreeMap<u8, Bucket>,
}

impl HourRollup {
    /// The rollup of no chunks, which expires at this time if none are added.
    pub fn expiring(at: Timestamp) -> Self {
        Self {
            chunks: 0,
            hashes: [0; 16],
            expires_at: at,
            buckets: BTreeMap::new(),
        }
    }

    /// Adds the summary of a chunk of the hour.
    pub fn add(&mut self, hash: ChunkHash, summary: &Summary, expires_at: Timestamp) {
        self.chunks += 1;
        self.combine(hash);
        self.expires_at = self.expires_at.min(expires_at);
        for (minute, counted) in &summary.minutes {
            self.buckets.entry(minute / 5).or_default().add(counted);
        }
    }

    /// Adds other chunks of the same hour.
    pub fn merge(&mut self, other: &Self) {
        self.chunks = self.chunks.saturating_add(other.chunks);
        self.combine(other.hashes);
        self.expires_at = self.expires_at.min(other.expires_at);
        for (slot, bucket) in &other.buckets {
            self.buckets.entry(*slot).or_default().merge(bucket);
        }
    }

    /// Whether both count the same events of the same chunks.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let expires_at = self.expires_at;
        *self
            == Self {
                expires_at,
                ..other.clone()
            }
    }

    fn combine(&mut self, hash: ChunkHash) {
        for (mine, theirs) in self.hashes.iter_mut().zip(hash) {
            *mine ^= theirs;
        }
    }

    /// The buckets that are not empty, with their start times, for the hour that begins at
    /// `hour`.
    pub fn buckets(&self, hour: Timestamp) -> impl Iterator<Item = (Timestamp, &Bucket)> {
        let buckets = self.buckets.iter();
        buckets.map(move |(slot, bucket)| {
            let at = clock::after(hour, bucket::FINEST * u32::from(*slot));
            (at, bucket)
        })
    }

    /// Whether its numbers can be those of an hour: each chunk has at least one event.
    fn is_possible(&self) -> bool {
        let events = self
            .buckets
            .values()
            .fold(0, |sum: u64, bucket| sum.saturating_add(bucket.all.count));
        let is_empty = self.hashes == [0; 16] && self.buckets.is_empty();
        events >= self.chunks && (self.chunks > 0 || is_empty)
    }
}

/// The stored statistics of sealed hours of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollup {
    /// When the summaries of the hours were read, or the first of them, by the clock of the
    /// database.
    pub read_at: Timestamp,
    /// The hours, by their start. An hour without events is empty, not missing.
    pub hours: BTreeMap<Timestamp, HourRollup>,
    /// Late arrivals that it contains and that may still exist, or that a slow reader may have read
    /// before they were deleted; with the time of the last write before they were deleted.
    pub folded: BTreeMap<LateKey, Timestamp>,
}

impl Rollup {
    /// A rollup without hours.
    pub fn empty(read_at: Timestamp) -> Self {
        Self {
            read_at,
            hours: BTreeMap::new(),
            folded: BTreeMap::new(),
        }
    }

    /// Stops listing the late arrivals that no reader can still add to it. `now` is the time by the
    /// clock of the database; late arrivals until `unread` may exist, and stay listed.
    pub fn forget_folded(&mut self, now: Timestamp, unread: Option<LateKey>) {
        let is_listed = |key, at| Some(key) <= unread || clock::after(at, LISTED_FOR) > now;
        self.folded.retain(|key, at| is_listed(*key, *at));
    }
}

#[cfg(test)]
mod tests;

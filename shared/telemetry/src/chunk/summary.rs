//! Chunk summaries: what lists, filters and metrics need to know about the events of a
//! chunk without reading it.

mod body;
mod build;
mod encoding;
mod entry;
mod operations;
mod stats;
mod verify;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

pub(super) use self::build::Draft;
pub use self::encoding::Extent;
pub(super) use self::entry::cut;
pub use self::entry::{Entry, entries, newest_first};
pub use self::operations::{Operation, Operations};
pub(crate) use self::stats::Counted;
pub use self::stats::{Durations, Minute, Stats};
use super::filter::{Filter, Term};

/// Statistics, trace fingerprints, a filter and list rows of the events of a chunk.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Statistics by minute of the hour, 0 to 59.
    pub minutes: BTreeMap<u8, Minute>,
    /// Number of log records by level. `None` for spans, and if the levels are too many or too long,
    /// so that any may occur.
    pub levels: Option<BTreeMap<String, u64>>,
    /// Counts by [`fingerprint`] of the trace. `None` instead of counts if several traces of the
    /// chunk have the fingerprint; `None` instead of the map for a chunk of form 2 in which any
    /// trace may occur.
    pub traces: Option<BTreeMap<u32, Option<TraceCounts>>>,
    /// Statistics of the operations with most events.
    pub operations: Operations,
    /// Filter over the terms of the events. `None` for a chunk of form 2.
    pub filter: Option<Filter>,
    /// List rows of the newest traces, newest first.
    pub rows: Vec<Entry>,
    /// Whether [`rows`](Self::rows) has all traces of the chunk.
    pub rows_are_complete: bool,
}

/// Number of events of one trace in the chunk, and how many of them failed. Versions of a span
/// count once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TraceCounts {
    /// Number of distinct spans, or of log records.
    pub events: u32,
    /// Number of them that failed.
    pub errors: u32,
}

/// Returns the fingerprint of a trace id, of 24 bits. It suffices to skip nearly all chunks that do not
/// hold the trace: with 20,000 chunks of 30 traces each, one in thirty searches opens a chunk that does
/// not hold it.
pub fn fingerprint(trace_id: &str) -> u32 {
    let hash = Sha256::digest(trace_id.as_bytes());
    u32::from_be_bytes([0, hash[0], hash[1], hash[2]])
}

impl Summary {
    /// Returns the summary of these events before it is encoded, without a filter.
    #[cfg(test)]
    pub(crate) fn of<E: crate::event::Event>(events: &[&E]) -> Self {
        Draft::of(events).summary
    }

    /// Returns whether the chunk may hold events of the trace with this [`fingerprint`].
    pub fn may_hold_trace(&self, trace: u32) -> bool {
        self.traces
            .as_ref()
            .is_none_or(|traces| traces.contains_key(&trace))
    }

    /// Returns whether the chunk may hold an event with this term.
    pub fn may_hold(&self, term: Term<'_>) -> bool {
        self.filter
            .as_ref()
            .is_none_or(|filter| filter.may_hold(term))
    }
}

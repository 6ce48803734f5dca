//! Positions in the lists of telemetry, for their cursors.

mod deletion;
mod metrics;
mod trace;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use upblit_base::clock;
use upblit_base::cursor::{self, List, ListId};

use crate::chunk::Position;
pub use deletion::{Deletion, DeletionPosition};
pub use metrics::{Metrics, MetricsPosition};
pub use trace::{Extent, Searched, Trace, TracePosition};

/// Cursor type of the list of traces.
#[derive(Debug, Clone, Copy)]
pub struct Traces;

/// Cursor type of the list of log records.
#[derive(Debug, Clone, Copy)]
pub struct Logs;

impl List for Traces {
    const ID: ListId = ListId::Traces;
    type Position = ListPosition;
}

impl List for Logs {
    const ID: ListId = ListId::Logs;
    type Position = ListPosition;
}

/// Place of a row in a list. The greatest is listed first: rows are sorted by the time of their
/// event, and then by something that does not change between requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    /// Time of the event, in nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Decides between events of the same time.
    pub tie: [u8; 16],
    /// Decides between events of the same time in one chunk.
    pub index: u32,
}

const NANOS_PER_MILLI: i64 = 1_000_000;

impl RowKey {
    /// Greater than the key of any row.
    pub const MAX: Self = Self {
        time_ns: i64::MAX,
        tie: [u8::MAX; 16],
        index: u32::MAX,
    };

    /// Returns the key of the event at `index` in its chunk.
    pub fn of_event(time_ns: i64, chunk: Position, index: usize) -> Self {
        Self {
            time_ns,
            tie: chunk.hash,
            index: u32::try_from(index).unwrap_or(u32::MAX),
        }
    }

    /// Returns the key of a trace, which is the same in every chunk that lists it.
    pub fn of_trace(start_ms: i64, trace_id: &str) -> Self {
        let hash = Sha256::digest(trace_id.as_bytes());
        let mut tie = [0; 16];
        tie.copy_from_slice(&hash[..16]);
        Self {
            time_ns: start_ms.saturating_mul(NANOS_PER_MILLI),
            tie,
            index: 0,
        }
    }

    /// Returns a key that is greater than those of all rows of this millisecond and before, and of no
    /// others.
    pub fn after_milli(milli: i64) -> Self {
        Self {
            time_ns: milli.saturating_add(1).saturating_mul(NANOS_PER_MILLI),
            tie: [0; 16],
            index: 0,
        }
    }

    /// Returns the time of the event in milliseconds since the Unix epoch, rounded down.
    pub fn milli(&self) -> i64 {
        self.time_ns.div_euclid(NANOS_PER_MILLI)
    }

    /// Returns [`milli`](Self::milli) as a time.
    pub fn time(&self) -> Timestamp {
        clock::from_millis(self.milli())
    }

    /// Returns the next greater key.
    #[must_use]
    pub fn next(self) -> Self {
        match self.index.checked_add(1) {
            Some(index) => Self { index, ..self },
            None => Self {
                time_ns: self.time_ns.saturating_add(1),
                tie: [0; 16],
                index: 0,
            },
        }
    }
}

/// Where a chunk and its summary are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChunkPlace {
    /// Position among the chunks of the signal.
    pub position: Position,
    /// Shard that holds it.
    pub shard: u8,
}

/// Where the next page of a list begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPosition {
    /// The page has rows with smaller keys.
    pub before: RowKey,
    /// The search for chunks continues with those positioned before this one.
    pub walk: Position,
    /// Chunks positioned later that still have rows, newest first.
    pub open: Vec<ChunkPlace>,
}

impl ListPosition {
    /// Maximum number of chunks in a cursor. With all of them it has 2 KB.
    pub const MAX_OPEN: usize = 64;
}

const POSITION_BYTES: usize = 24;
const PLACE_BYTES: usize = POSITION_BYTES + 1;

impl cursor::Position for ListPosition {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.before.time_ns.to_be_bytes().to_vec();
        bytes.extend(self.before.tie);
        bytes.extend(self.before.index.to_be_bytes());
        put_position(&mut bytes, self.walk);
        for place in &self.open {
            put_position(&mut bytes, place.position);
            bytes.push(place.shard);
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (time_ns, rest) = bytes.split_first_chunk()?;
        let (tie, rest) = rest.split_first_chunk()?;
        let (index, rest) = rest.split_first_chunk()?;
        let (walk, rest) = take_position(rest)?;
        let (places, rest) = rest.as_chunks::<PLACE_BYTES>();
        if !rest.is_empty() || places.len() > Self::MAX_OPEN {
            return None;
        }
        let open = places.iter().map(|place| {
            let (position, rest) = take_position(place)?;
            let [shard] = rest.try_into().ok()?;
            Some(ChunkPlace { position, shard })
        });
        Some(Self {
            before: RowKey {
                time_ns: i64::from_be_bytes(*time_ns),
                tie: *tie,
                index: u32::from_be_bytes(*index),
            },
            walk,
            open: open.collect::<Option<_>>()?,
        })
    }
}

pub(super) fn put_position(bytes: &mut Vec<u8>, position: Position) {
    bytes.extend(position.at.as_millisecond().to_be_bytes());
    bytes.extend(position.hash);
}

pub(super) fn take_position(bytes: &[u8]) -> Option<(Position, &[u8])> {
    let (millis, rest) = bytes.split_first_chunk()?;
    let (hash, rest) = rest.split_first_chunk()?;
    let millis = i64::from_be_bytes(*millis);
    let at = clock::from_millis(millis);
    let is_valid = at.as_millisecond() == millis && millis >= 0;
    is_valid.then_some((Position { at, hash: *hash }, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use upblit_base::cursor::Cursor;

    use super::*;

    #[test]
    fn a_text_that_is_not_a_cursor_is_refused() {
        for text in ["", "x", "AAAA", "====", &"A".repeat(40), &"_".repeat(40)] {
            assert!(text.parse::<Cursor<Traces>>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn rows_are_ordered_by_time_and_then_by_what_never_changes() {
        let chunk = |hash: u8| Position {
            hash: [hash; 16],
            ..Position::default()
        };
        let keys = [
            RowKey::of_event(1_999_999, chunk(9), 9),
            RowKey::after_milli(1),
            RowKey::of_event(2_000_000, chunk(1), 7),
            RowKey::of_event(2_000_000, chunk(1), 7).next(),
            RowKey::of_event(2_000_000, chunk(2), 0),
            RowKey::of_event(2_999_999, chunk(0), 0),
            RowKey::after_milli(2),
            RowKey::MAX,
        ];
        assert!(keys.is_sorted_by(|a, b| a < b));
        assert_eq!(keys[0].milli(), 1);
        assert_eq!(RowKey::of_event(-1, chunk(0), 0).milli(), -1);
        let traces = ["a", "b"].map(|id| RowKey::of_trace(5, id));
        assert_ne!(traces[0], traces[1]);
        assert!(traces.iter().all(|key| key.milli() == 5));
    }

    pub(in crate::query::cursor) fn any_position() -> impl Strategy<Value = Position> {
        (0i64..9_000_000_000_000, any::<[u8; 16]>()).prop_map(|(millis, hash)| Position {
            at: clock::from_millis(millis),
            hash,
        })
    }

    proptest! {
        #[test]
        fn a_cursor_is_parsed_from_its_own_text(
            time_ns: i64, tie: [u8; 16], index: u32, walk in any_position(),
            open in prop::collection::vec((any_position(), any::<u8>()), 0..=64),
        ) {
            let open = open.into_iter().map(|(position, shard)| ChunkPlace { position, shard });
            let position = ListPosition {
                before: RowKey { time_ns, tie, index },
                walk,
                open: open.collect(),
            };
            let text = Cursor::<Logs>(position.clone()).to_string();
            prop_assert!(text.len() < 2_500);
            prop_assert_eq!(text.parse::<Cursor<Logs>>().map(|cursor| cursor.0), Ok(position));
        }

        #[test]
        fn any_text_is_parsed_without_a_panic(text in "(AQE)?[A-Za-z0-9_-]{0,160}") {
            let _ = text.parse::<Cursor<Traces>>();
        }

        #[test]
        fn no_position_is_between_one_and_the_next(position in any_position()) {
            prop_assert!(position < position.next());
            let last = Position { hash: [u8::MAX; 16], ..position };
            prop_assert_eq!(last.next().at.as_millisecond(), position.at.as_millisecond() + 1);
        }
    }
}

//! Packs the accepted events of a batch into chunks and their summaries: one pair for each hour, or
//! several if one chunk would be too large. Events that were sent without a time have their own chunks.

mod attributes;
pub(crate) mod bytes;
pub mod codec;
mod columns;
mod extras;
pub mod filter;
mod form_2;
pub(crate) mod frame;
mod json;
pub(crate) mod log_records;
mod memory;
mod resource_scopes;
pub mod sketch;
pub(crate) mod spans;
pub mod summary;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::batch::{BatchId, HOUR, Signal};
use crate::decode::{Decoded, Indexed, Reception, Report};
use crate::event::Event;
pub use bytes::FormError;
use codec::Encoded;
pub use frame::Form;
pub(crate) use memory::of_nodes;
pub use memory::of_one as memory_of;
use summary::{Draft, Extent};
use upblit_base::clock;

/// Largest chunk, compressed, in bytes. A DynamoDB item has at most 400 KB with its keys.
pub(crate) const MAX_CHUNK_BYTES: usize = 350 * 1024;

/// Largest memory of the events of a chunk once they are decoded, in bytes. Repetitive events
/// compress a thousandfold, and a reader opens several chunks at once.
const MAX_CHUNK_MEMORY: usize = 8 * 1024 * 1024;

/// Position of a chunk among the chunks of its signal, by time. Derived from the batch's
/// content, so a retry has the same position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Start of the last event of the batch in this hour; the end of the hour for events that were
    /// sent without a time. Not the first start: SDKs send spans when they end, so only the last
    /// start is close to the time of sending. The spans of a trace are then found between its start
    /// and shortly after its end, however long other spans of the batch took.
    pub at: Timestamp,
    /// Hash of batch, hour and number, which makes the position unique.
    pub hash: [u8; 16],
}

impl Position {
    /// Returns the first position in the millisecond of a time.
    pub fn first_at(at: Timestamp) -> Self {
        Self {
            at: clock::floor(at, Duration::from_millis(1)),
            hash: [0; 16],
        }
    }

    /// Returns the earliest time, in whole milliseconds, that is later than all earlier positions.
    pub fn end(self) -> Timestamp {
        if self == Self::first_at(self.at) {
            self.at
        } else {
            clock::after(self.at, Duration::from_millis(1))
        }
    }

    /// Returns the position that directly follows this one.
    #[must_use]
    pub fn next(self) -> Self {
        match u128::from_be_bytes(self.hash).checked_add(1) {
            Some(hash) => Self {
                hash: hash.to_be_bytes(),
                ..self
            },
            None => Self::first_at(clock::after(self.at, Duration::from_millis(1))),
        }
    }
}

/// A chunk and its summary, ready to be stored under keys derived from the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedChunk {
    /// Signal of the events.
    pub signal: Signal,
    /// Start of the hour in which all events of the chunk started.
    pub hour: Timestamp,
    /// Position among the chunks of the signal.
    pub position: Position,
    /// Start of the chunk's first event.
    pub from: Timestamp,
    /// Number of events in the chunk.
    pub count: usize,
    /// The events, to be read by [`codec::decode`].
    pub events: Vec<u8>,
    /// The [`Summary`](summary::Summary), encoded.
    pub summary: Vec<u8>,
}

/// Packs the events of a batch, except those that are too old, too far in the future, or beyond the
/// maximum number of hours. Events that were sent without a time take that of receipt.
///
/// All well-formed events of these hours are divided into chunks first and filtered by time
/// afterwards. A later retry, in which more events are too old, therefore has the same keys.
///
/// # Errors
/// When compression fails, which no input can cause.
pub(crate) fn pack<E: Event>(
    mut decoded: Decoded<E>,
    batch: BatchId,
    at: Reception,
) -> io::Result<(Vec<PackedChunk>, Report)> {
    for Indexed { event, .. } in &mut decoded.events {
        event.set_time_of_receipt(at.now);
    }
    let decoded = decoded.within_hours(at);
    let mut hours = BTreeMap::<(Timestamp, bool), Vec<&E>>::new();
    for Indexed { event, .. } in &decoded.events {
        let group = (hour_of(event), event.has_time());
        hours.entry(group).or_default().push(event);
    }
    let mut chunks = Vec::new();
    for ((hour, has_time), events) in hours {
        let last = last(hour, has_time, &events);
        for (number, part) in parts(&events)?.into_iter().enumerate() {
            chunks.extend(
                Place {
                    batch,
                    hour,
                    has_time,
                    last,
                    number,
                }
                .chunk(part, at)?,
            );
        }
    }
    Ok((chunks, decoded.within_window(at).report))
}

/// Returns the start of the last of these events of an hour. For events without a time, returns the end
/// of the hour: a retry has the same position, although it is received later.
fn last<E: Event>(hour: Timestamp, has_time: bool, events: &[&E]) -> Timestamp {
    if has_time {
        let starts = events.iter().map(|event| event.start());
        starts.max().unwrap_or_default()
    } else {
        clock::after(hour, HOUR - Duration::from_millis(1))
    }
}

/// Events that fit into one chunk, and their stored form.
struct Part<'a, E> {
    events: &'a [&'a E],
    encoded: Encoded,
}

/// Halves the events until each part fits into one chunk.
fn parts<'a, E: Event>(events: &'a [&'a E]) -> io::Result<Vec<Part<'a, E>>> {
    let memory = memory::of_events(events);
    if memory <= MAX_CHUNK_MEMORY || events.len() <= 1 {
        let encoded = codec::encode_measured(events, memory)?;
        if encoded.bytes.len() <= MAX_CHUNK_BYTES || events.len() <= 1 {
            return Ok(vec![Part { events, encoded }]);
        }
    }
    let (left, right) = events.split_at(events.len() / 2);
    let mut halves = parts(left)?;
    halves.extend(parts(right)?);
    Ok(halves)
}

/// Returns the hour in which the event started, by which it is stored.
pub(crate) fn hour_of(event: &impl Event) -> Timestamp {
    clock::floor(event.start(), HOUR)
}

fn millis_between(hour: Timestamp, at: Timestamp) -> u32 {
    let millis = at.as_millisecond() - hour.as_millisecond();
    u32::try_from(millis).unwrap_or_default()
}

/// Packs what is left of the events of the chunk at this position; `None` if nothing is. It stays there,
/// although its last event may be gone.
///
/// # Errors
/// When compression fails, which no input can cause.
pub(crate) fn repack<E: Event>(
    events: &[&E],
    position: Position,
) -> io::Result<Option<PackedChunk>> {
    if events.is_empty() {
        return Ok(None);
    }
    packed(events, codec::encode(events)?, position).map(Some)
}

/// A chunk of events and their stored form.
fn packed<E: Event>(
    events: &[&E],
    encoded: Encoded,
    position: Position,
) -> io::Result<PackedChunk> {
    let hour = clock::floor(position.at, HOUR);
    let starts = events.iter().map(|event| event.start());
    let from = starts.min().unwrap_or(hour);
    let extent = Extent {
        from_ms: millis_between(hour, from),
        count: u32::try_from(events.len()).unwrap_or(u32::MAX),
        bytes: encoded.bytes.len(),
        memory: encoded.memory,
    };
    Ok(PackedChunk {
        signal: E::SIGNAL,
        hour,
        position,
        from,
        count: events.len(),
        summary: Draft::of(events).encode(extent)?,
        events: encoded.bytes,
    })
}

/// The parts of a chunk's position, derived from all events of its batch.
struct Place {
    batch: BatchId,
    hour: Timestamp,
    /// Whether the events were sent with a time.
    has_time: bool,
    last: Timestamp,
    number: usize,
}

impl Place {
    /// Packs the events that are accepted at the time of receipt. Returns `None` if there are none.
    fn chunk<E: Event>(&self, part: Part<'_, E>, at: Reception) -> io::Result<Option<PackedChunk>> {
        let kept: Vec<&E> = part
            .events
            .iter()
            .copied()
            .filter(|event| at.outside(*event).is_none())
            .collect();
        if kept.is_empty() {
            return Ok(None);
        }
        let encoded = if kept.len() == part.events.len() {
            part.encoded
        } else {
            codec::encode(&kept)?
        };
        let position = Position {
            at: self.last,
            hash: self.hash(),
        };
        packed(&kept, encoded, position).map(Some)
    }

    /// Returns the hash of the position. `number` counts within the hour, so an hour whose events
    /// have all become too old does not change the hashes of the other hours.
    fn hash(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        hash.update(self.batch.as_bytes());
        hash.update(self.hour.as_millisecond().to_be_bytes());
        hash.update((self.number as u64).to_be_bytes());
        if !self.has_time {
            hash.update(b"time of receipt");
        }
        let mut short = [0; 16];
        short.copy_from_slice(&hash.finalize()[..16]);
        short
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod sizes;

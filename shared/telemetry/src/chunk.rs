//! Packs accepted events into what is stored: for each hour, a blob and a head;
//! more than one where the blob would outgrow a DynamoDB item.

pub mod blob;
pub mod head;
pub mod sketch;

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::batch::{BatchId, HOUR, Signal};
use crate::decode::{Decoded, Indexed, Report, outside};
use crate::event::Event;
use head::Summary;
use upblit_base::clock;

/// Largest blob; an item may have 400 KB with its keys.
pub const MAX_BLOB_BYTES: usize = 350 * 1024;

/// A chunk's place among those of its signal: derives from content alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Start of the last event of its batch in this hour. Not of the first: SDKs
    /// send what has ended, so the last start is near the time of sending, and
    /// the spans of a trace are found from its start until a little after its
    /// end, however long others in the batch took.
    pub at: Timestamp,
    /// What tells it from every other chunk.
    pub hash: [u8; 16],
}

/// A blob and its head, ready to be stored under keys that derive from content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// What kind of telemetry it is.
    pub signal: Signal,
    /// The hour all its events started in.
    pub hour: Timestamp,
    /// Its place among others.
    pub position: Position,
    /// Start of the first event.
    pub from: Timestamp,
    /// Events inside.
    pub count: usize,
    /// The events, as [`blob`] stores them.
    pub blob: Vec<u8>,
    /// The [`Summary`], as JSON, zstd.
    pub summary: Vec<u8>,
}

/// Packs the events of a batch that are within the time window.
///
/// Chunks are cut from all well-formed events, and only then lose those that are
/// outside the window: a retry, when more of them are, must arrive at the same keys.
///
/// # Errors
/// When compression fails, which no input can cause.
pub(crate) fn pack<E: Event>(
    decoded: Decoded<E>,
    batch: BatchId,
    now: Timestamp,
) -> io::Result<(Vec<Chunk>, Report)> {
    let mut hours = BTreeMap::<Timestamp, Vec<&E>>::new();
    for Indexed { event, .. } in &decoded.events {
        hours.entry(hour_of(event)).or_default().push(event);
    }
    let mut chunks = Vec::new();
    for (hour, events) in hours {
        let last = events
            .iter()
            .map(|event| event.start())
            .max()
            .unwrap_or_default();
        for (number, part) in parts(&events)?.into_iter().enumerate() {
            chunks.extend(
                Place {
                    batch,
                    hour,
                    last,
                    number,
                }
                .chunk(part, now)?,
            );
        }
    }
    Ok((chunks, decoded.within_window(now).report))
}

/// Events that fit into one blob, and that blob.
struct Part<'a, E> {
    events: &'a [&'a E],
    blob: Vec<u8>,
}

/// Halves the events until each half fits.
fn parts<'a, E: Event>(events: &'a [&'a E]) -> io::Result<Vec<Part<'a, E>>> {
    let blob = blob::encode(events)?;
    if blob.len() <= MAX_BLOB_BYTES || events.len() <= 1 {
        return Ok(vec![Part { events, blob }]);
    }
    let (left, right) = events.split_at(events.len() / 2);
    let mut halves = parts(left)?;
    halves.extend(parts(right)?);
    Ok(halves)
}

fn hour_of(event: &impl Event) -> Timestamp {
    clock::floor(event.start(), HOUR)
}

/// Where a chunk belongs; derives from all the events of its batch.
struct Place {
    batch: BatchId,
    hour: Timestamp,
    last: Timestamp,
    number: usize,
}

impl Place {
    /// `None` when no event of the part is within the window.
    fn chunk<E: Event>(&self, part: Part<'_, E>, now: Timestamp) -> io::Result<Option<Chunk>> {
        let kept: Vec<&E> = part
            .events
            .iter()
            .copied()
            .filter(|event| outside(*event, now).is_none())
            .collect();
        let Some(from) = kept.iter().map(|event| event.start()).min() else {
            return Ok(None);
        };
        let all_kept = kept.len() == part.events.len();
        Ok(Some(Chunk {
            signal: E::SIGNAL,
            hour: self.hour,
            position: Position {
                at: self.last,
                hash: self.hash(),
            },
            from,
            count: kept.len(),
            blob: if all_kept {
                part.blob
            } else {
                blob::encode(&kept)?
            },
            summary: Summary::of(&kept).encode(kept.len())?,
        }))
    }

    /// `number` counts within the hour: an hour that has left the window must
    /// not move the others.
    fn hash(&self) -> [u8; 16] {
        let mut hash = Sha256::new();
        hash.update(self.batch.as_bytes());
        hash.update(self.hour.as_millisecond().to_be_bytes());
        hash.update((self.number as u64).to_be_bytes());
        let mut short = [0; 16];
        short.copy_from_slice(&hash.finalize()[..16]);
        short
    }
}

#[cfg(test)]
mod tests;

//! Packs accepted events into what is stored: for each hour, a blob and a head;
//! more than one where the blob would outgrow a DynamoDB item.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::head::{Summarize, Summary, compress};
use super::{BatchId, Decoded, Indexed, Signal};
use crate::clock;

/// Largest blob; an item may have 400 KB with its keys.
pub const MAX_BLOB_BYTES: usize = 350 * 1024;

const HOUR_MS: i64 = 60 * 60 * 1000;

/// A blob and its head, ready to be stored under keys that derive from content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// What kind of telemetry it is.
    pub signal: Signal,
    /// The hour all its events started in.
    pub hour: Timestamp,
    /// Start of the first event: the chunk's place among others.
    pub from: Timestamp,
    /// Start of the last event.
    pub to: Timestamp,
    /// Events inside.
    pub count: usize,
    /// What tells it from every other chunk: derives from the batch's content.
    pub hash: [u8; 16],
    /// The events, as a JSON array, zstd.
    pub blob: Vec<u8>,
    /// The [`Summary`], as JSON, zstd.
    pub summary: Vec<u8>,
}

/// Packs the events of a batch that are within the time window.
///
/// The chunk's time comes from all well-formed events of its hour, also those
/// that have meanwhile left the window: a retry must arrive at the same keys.
///
/// # Errors
/// When compression fails, which no input can cause.
pub fn pack<E: Summarize>(
    decoded: Decoded<E>,
    batch: BatchId,
    now: Timestamp,
) -> io::Result<(Vec<Chunk>, super::Report)> {
    let mut first_of_hour = BTreeMap::<i64, Timestamp>::new();
    for Indexed { event, .. } in &decoded.events {
        let first = first_of_hour.entry(hour_of(event)).or_insert(event.start());
        *first = event.start().min(*first);
    }
    let Decoded { events, report } = decoded.within_window(now);
    let mut hours = BTreeMap::<i64, Vec<E>>::new();
    for Indexed { event, .. } in events {
        hours.entry(hour_of(&event)).or_default().push(event);
    }
    let mut chunks = Vec::new();
    for (hour, events) in hours {
        let from = first_of_hour.get(&hour).copied().unwrap_or_default();
        let mut chunks_of_hour = Vec::new();
        HourOf { batch, hour, from }.pack_into(&mut chunks_of_hour, &events)?;
        chunks.extend(chunks_of_hour);
    }
    Ok((chunks, report))
}

fn hour_of(event: &impl Summarize) -> i64 {
    event.start().as_millisecond().div_euclid(HOUR_MS) * HOUR_MS
}

struct HourOf {
    batch: BatchId,
    hour: i64,
    from: Timestamp,
}

impl HourOf {
    /// Halves the events until each half fits.
    fn pack_into<E: Summarize>(&self, chunks: &mut Vec<Chunk>, events: &[E]) -> io::Result<()> {
        let blob = compress(&events)?;
        if blob.len() > MAX_BLOB_BYTES && events.len() > 1 {
            let (left, right) = events.split_at(events.len() / 2);
            self.pack_into(chunks, left)?;
            return self.pack_into(chunks, right);
        }
        chunks.push(Chunk {
            signal: E::SIGNAL,
            hour: clock::from_millis(self.hour),
            from: self.from,
            to: events.iter().map(E::start).max().unwrap_or(self.from),
            count: events.len(),
            hash: self.hash(chunks.len()),
            summary: Summary::of(events).encode()?,
            blob,
        });
        Ok(())
    }

    /// `position` counts within the hour: an hour that has left the window must
    /// not move the others.
    fn hash(&self, position: usize) -> [u8; 16] {
        let mut hash = Sha256::new();
        hash.update(self.batch.0);
        hash.update(self.hour.to_be_bytes());
        hash.update((position as u64).to_be_bytes());
        let mut short = [0; 16];
        short.copy_from_slice(&hash.finalize()[..16]);
        short
    }
}

#[cfg(test)]
mod tests;

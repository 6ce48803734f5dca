//! The stored form of rollups and late arrivals.
//!
//! | bytes | content |
//! |---|---|
//! | 1 | form, 3 |
//! | varint | size of the content |
//! | rest | the content, as a zstd frame: the time of reading, the hours and the folded late arrivals of a rollup, or one hour of a late arrival |

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;

use super::{ChunkHash, HourRollup, Rollup};
use crate::batch::{DAY, HOUR};
use crate::chunk::FormError;
use crate::chunk::bytes::{Reader, put, put_len, put_signed};
use crate::chunk::frame::{self, Form};
use crate::chunk::summary::Summary;
use crate::query::bucket::{Bucket, SLOTS};
use upblit_base::clock;

/// Largest encoded rollup, in bytes, so that it fits an item.
const MAX_ROLLUP_BYTES: usize = 350 * 1024;

/// Largest decompressed rollup that a reader accepts.
const MAX_BODY: usize = 16 * 1024 * 1024;

impl Rollup {
    /// Encodes the rollup; `None` if it is too large for an item.
    ///
    /// # Errors
    /// When compression fails, which no input can cause.
    pub fn encode(&self) -> io::Result<Option<Vec<u8>>> {
        let mut body = Vec::new();
        put_time(&mut body, self.read_at);
        put_len(&mut body, self.hours.len());
        for (hour, rollup) in &self.hours {
            put_time(&mut body, *hour);
            put_time(&mut body, rollup.expires_at);
            rollup.put(&mut body);
        }
        put_len(&mut body, self.folded.len());
        for ((hour, hash), at) in &self.folded {
            put_time(&mut body, *hour);
            body.extend_from_slice(hash);
            put_time(&mut body, *at);
        }
        let encoded = frame::write(|_| {}, &body)?;
        Ok((encoded.len() <= MAX_ROLLUP_BYTES).then_some(encoded))
    }

    /// Decodes the stored rollup of the day that begins at `day`.
    ///
    /// # Errors
    /// When the form is unknown, or the bytes are not a rollup of this day, or its numbers
    /// contradict each other.
    pub fn decode(encoded: &[u8], day: Timestamp) -> Result<Self, FormError> {
        let body = opened(encoded)?;
        let reader = &mut Reader::new(&body, 0);
        let read_at = time(reader)?;
        let end = clock::after(day, DAY);
        let mut hours = BTreeMap::new();
        for _ in 0..reader.count()? {
            let hour = time(reader)?;
            let expires_at = time(reader)?;
            let rollup = HourRollup {
                expires_at,
                ..HourRollup::read(reader)?
            };
            let is_in_day = (day..end).contains(&hour) && clock::floor(hour, HOUR) == hour;
            if !is_in_day || !rollup.is_possible() {
                return Err(FormError::Damaged("a rollup contradicts itself"));
            }
            hours.insert(hour, rollup);
        }
        let mut folded = BTreeMap::new();
        for _ in 0..reader.count()? {
            let key = (time(reader)?, hash(reader)?);
            folded.insert(key, time(reader)?);
        }
        Ok(Self {
            read_at,
            hours,
            folded,
        })
    }
}

/// Encodes what a chunk adds to the rollup of its hour, for a late arrival.
///
/// # Errors
/// When compression fails, which no input can cause.
pub fn encode_late(hash: ChunkHash, summary: &Summary) -> io::Result<Vec<u8>> {
    let mut rollup = HourRollup::expiring(Timestamp::MAX);
    rollup.add(hash, summary, Timestamp::MAX);
    let mut body = Vec::new();
    rollup.put(&mut body);
    frame::write(|_| {}, &body)
}

/// Decodes a late arrival that expires at this time.
///
/// # Errors
/// When the form is unknown, or the bytes are not a late arrival.
pub fn decode_late(encoded: &[u8], expires_at: Timestamp) -> Result<HourRollup, FormError> {
    let body = opened(encoded)?;
    let rollup = HourRollup::read(&mut Reader::new(&body, 0))?;
    Ok(HourRollup {
        expires_at,
        ..rollup
    })
}

fn opened(encoded: &[u8]) -> Result<Vec<u8>, FormError> {
    let (form, mut reader) = frame::open(encoded)?;
    match form {
        Form::Two => Err(FormError::Damaged("a rollup of form 2")),
        Form::Three => frame::content(&mut reader, MAX_BODY),
    }
}

impl HourRollup {
    fn put(&self, out: &mut Vec<u8>) {
        put(out, self.chunks);
        out.extend_from_slice(&self.hashes);
        put_len(out, self.buckets.len());
        for (slot, bucket) in &self.buckets {
            out.push(*slot);
            bucket.put(out);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, FormError> {
        let chunks = reader.number()?;
        let hashes = hash(reader)?;
        let mut buckets = BTreeMap::new();
        for _ in 0..reader.count()? {
            let slot = reader.byte()?;
            if slot >= SLOTS {
                return Err(FormError::Damaged("a bucket beyond its hour"));
            }
            buckets.insert(slot, Bucket::read(reader)?);
        }
        Ok(Self {
            chunks,
            hashes,
            buckets,
            ..Self::expiring(Timestamp::MAX)
        })
    }
}

fn put_time(out: &mut Vec<u8>, at: Timestamp) {
    put_signed(out, at.as_millisecond());
}

fn hash(reader: &mut Reader<'_>) -> Result<ChunkHash, FormError> {
    let mut hash = [0; 16];
    hash.copy_from_slice(reader.bytes(16)?);
    Ok(hash)
}

fn time(reader: &mut Reader<'_>) -> Result<Timestamp, FormError> {
    Ok(clock::from_millis(reader.signed()?))
}

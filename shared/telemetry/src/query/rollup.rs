//! Rollups: the stored statistics of whole hours, computed once, so that metrics of a long
//! window need not read every chunk summary again.
//!
//! A rollup names what it contains. Whatever is stored afterwards for one of its hours is stored
//! a second time as a *late arrival*, under a key derived from its content; readers add the late
//! arrivals that the rollup does not contain. So nothing is counted twice, whichever of several
//! rollups of an hour is read, and however often a batch is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use jiff::Timestamp;

use super::bucket::{self, Bucket};
use crate::batch::HOUR;
use crate::chunk::FormError;
use crate::chunk::bytes::{Reader, put, put_len, put_signed};
use crate::chunk::codec::{FORM, compress, decompress};
use crate::chunk::summary::Summary;
use upblit_base::clock;

/// Time after its end at which an hour is sealed. Nearly all telemetry arrives within
/// seconds. A batch for a sealed hour also leaves a late arrival.
const SEALED_AFTER: Duration = Duration::from_secs(10 * 60);

/// Allowance for clock differences between functions and for the duration of a write.
const MARGIN: Duration = Duration::from_secs(60);

/// Whether the hour that begins at `hour` is sealed, so a rollup of it may exist.
pub fn is_sealed(hour: Timestamp, now: Timestamp) -> bool {
    now >= clock::after(hour, HOUR + SEALED_AFTER)
}

/// Content hash of a chunk; [`Position::hash`](crate::chunk::Position::hash).
pub type ChunkHash = [u8; 16];

/// Statistics of one hour, in buckets of five minutes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HourRollup {
    /// Number of chunks that it contains.
    pub chunks: u64,
    /// Their hashes, combined by XOR.
    pub hashes: ChunkHash,
    /// The late arrivals among them that were still stored as such.
    pub late: BTreeSet<ChunkHash>,
    buckets: BTreeMap<u8, Bucket>,
}

impl HourRollup {
    /// Adds the summary of a chunk of the hour.
    pub fn add(&mut self, hash: ChunkHash, summary: &Summary) {
        self.chunks += 1;
        self.combine(hash);
        for (minute, counted) in &summary.minutes {
            self.buckets.entry(minute / 5).or_default().add(counted);
        }
    }

    /// Adds a late arrival, unless the rollup contains it.
    pub fn add_late(&mut self, hash: ChunkHash, arrival: &Self) {
        if self.late.insert(hash) {
            self.merge(arrival);
        }
    }

    /// Adds other chunks of the same hour.
    pub fn merge(&mut self, other: &Self) {
        self.chunks = self.chunks.saturating_add(other.chunks);
        self.combine(other.hashes);
        for (slot, bucket) in &other.buckets {
            self.buckets.entry(*slot).or_default().merge(bucket);
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

    fn put(&self, out: &mut Vec<u8>) {
        put(out, self.chunks);
        out.extend_from_slice(&self.hashes);
        put_len(out, self.late.len());
        for hash in &self.late {
            out.extend_from_slice(hash);
        }
        put_len(out, self.buckets.len());
        for (slot, bucket) in &self.buckets {
            out.push(*slot);
            bucket.put(out);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, FormError> {
        let chunks = reader.number()?;
        let hashes = hash(reader)?;
        let late = (0..reader.count()?).map(|_| hash(reader));
        let late = late.collect::<Result<_, _>>()?;
        let mut buckets = BTreeMap::new();
        for _ in 0..reader.count()? {
            let slot = reader.byte()?;
            buckets.insert(slot, Bucket::read(reader)?);
        }
        Ok(Self {
            chunks,
            hashes,
            late,
            buckets,
        })
    }
}

/// The stored statistics of some sealed hours of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollup {
    /// When the summaries were read, by the clock of the database.
    pub sealed_at: Timestamp,
    /// The hours, by their start. An hour without events is empty, not missing.
    pub hours: BTreeMap<Timestamp, HourRollup>,
}

/// Largest encoded rollup, in bytes, so that it fits an item.
const MAX_ROLLUP_BYTES: usize = 350 * 1024;

/// Largest decompressed rollup that a reader accepts.
const MAX_BODY: usize = 16 * 1024 * 1024;

impl Rollup {
    /// Encodes the rollup; `None` if it is too large for an item. Half of its hours may fit.
    ///
    /// # Errors
    /// When compression fails, which no input can cause.
    pub fn encode(&self) -> io::Result<Option<Vec<u8>>> {
        let mut body = Vec::new();
        put_time(&mut body, self.sealed_at);
        put_len(&mut body, self.hours.len());
        for (hour, rollup) in &self.hours {
            put_time(&mut body, *hour);
            rollup.put(&mut body);
        }
        let encoded = sealed(&body)?;
        Ok((encoded.len() <= MAX_ROLLUP_BYTES).then_some(encoded))
    }

    /// Decodes a stored rollup.
    ///
    /// # Errors
    /// When the form is unknown, or the bytes are not a rollup.
    pub fn decode(encoded: &[u8]) -> Result<Self, FormError> {
        let body = opened(encoded)?;
        let reader = &mut Reader::new(&body, 0);
        let sealed_at = time(reader)?;
        let mut hours = BTreeMap::new();
        for _ in 0..reader.count()? {
            let hour = time(reader)?;
            hours.insert(hour, HourRollup::read(reader)?);
        }
        Ok(Self { sealed_at, hours })
    }
}

/// Encodes what a chunk adds to the rollup of its hour, for a late arrival.
///
/// # Errors
/// When compression fails, which no input can cause.
pub fn encode_late(hash: ChunkHash, summary: &Summary) -> io::Result<Vec<u8>> {
    let mut rollup = HourRollup::default();
    rollup.add(hash, summary);
    let mut body = Vec::new();
    rollup.put(&mut body);
    sealed(&body)
}

/// Decodes a late arrival.
///
/// # Errors
/// When the form is unknown, or the bytes are not a late arrival.
pub fn decode_late(encoded: &[u8]) -> Result<HourRollup, FormError> {
    let body = opened(encoded)?;
    HourRollup::read(&mut Reader::new(&body, 0))
}

/// Form, size and content as a zstd frame.
fn sealed(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoded = vec![FORM];
    put_len(&mut encoded, body.len());
    encoded.extend(compress(body)?);
    Ok(encoded)
}

fn opened(encoded: &[u8]) -> Result<Vec<u8>, FormError> {
    let mut reader = Reader::new(encoded, 0);
    match reader.byte()? {
        FORM => {}
        form => return Err(FormError::Unknown(form)),
    }
    let size = reader.small(MAX_BODY)?;
    let left = reader.left();
    decompress(reader.bytes(left)?, size)
}

fn put_time(out: &mut Vec<u8>, at: Timestamp) {
    put_signed(out, at.as_millisecond());
}

fn time(reader: &mut Reader<'_>) -> Result<Timestamp, FormError> {
    Ok(clock::from_millis(reader.signed()?))
}

fn hash(reader: &mut Reader<'_>) -> Result<ChunkHash, FormError> {
    let mut hash = [0; 16];
    hash.copy_from_slice(reader.bytes(16)?);
    Ok(hash)
}

/// Start of the first hour that is not sealed for readers. Every earlier hour is.
pub fn open_since(now: Timestamp) -> Timestamp {
    let last = clock::before(now, HOUR + SEALED_AFTER + MARGIN);
    clock::after(clock::floor(last, HOUR), HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Span;

    fn at(text: &str) -> Timestamp {
        format!("2026-01-31T{text}Z").parse().unwrap()
    }

    /// Events stored before an hour is sealed are no late arrivals: no reader has rolled the
    /// hour up yet, even if its clock is somewhat ahead.
    #[test]
    fn no_hour_is_rolled_up_while_a_writer_may_consider_it_open() {
        let hour = at("11:00:00");
        assert!(!is_sealed(hour, at("12:09:59")));
        assert!(is_sealed(hour, at("12:10:00")));
        assert_eq!(open_since(at("12:10:59")), hour);
        assert_eq!(open_since(at("12:11:00")), at("12:00:00"));
        assert_eq!(open_since(at("12:30:00")), at("12:00:00"));
    }

    fn summary(minute: i64, duration_ms: f64) -> Summary {
        Summary::of(&[&Span {
            start_ns: (at("11:00:00").as_second() + minute * 60) * 1_000_000_000,
            duration_ms: Some(duration_ms),
            ..Span::default()
        }])
    }

    fn example() -> Rollup {
        let mut hour = HourRollup::default();
        hour.late.insert([2; 16]);
        for (number, minute) in (1..).zip([0, 4, 5, 59]) {
            hour.add([number; 16], &summary(minute, f64::from(number) * 10.0));
        }
        Rollup {
            sealed_at: at("12:30:00"),
            hours: [
                (at("10:00:00"), HourRollup::default()),
                (at("11:00:00"), hour),
            ]
            .into(),
        }
    }

    #[test]
    fn a_rollup_is_decoded_as_it_was_encoded() {
        let rollup = example();
        let again = Rollup::decode(&rollup.encode().unwrap().unwrap()).unwrap();
        assert_eq!(again, rollup);
        let hour = &again.hours[&at("11:00:00")];
        assert_eq!((hour.chunks, hour.hashes), (4, [4; 16]));
        let counts = hour
            .buckets(at("11:00:00"))
            .map(|(at, bucket)| (at, bucket.all.count));
        assert_eq!(
            counts.collect::<Vec<_>>(),
            [
                (at("11:00:00"), 2),
                (at("11:05:00"), 1),
                (at("11:55:00"), 1)
            ]
        );
    }

    #[test]
    fn a_late_arrival_adds_what_its_chunk_does() {
        let late = encode_late([9; 16], &summary(7, 5.0)).unwrap();
        let mut merged = HourRollup::default();
        merged.merge(&decode_late(&late).unwrap());
        let mut added = HourRollup::default();
        added.add([9; 16], &summary(7, 5.0));
        assert_eq!(merged, added);
    }

    #[test]
    fn a_damaged_or_unknown_rollup_is_an_error() {
        let encoded = example().encode().unwrap().unwrap();
        assert_eq!(Rollup::decode(&[7]), Err(FormError::Unknown(7)));
        for length in 0..encoded.len() {
            assert!(Rollup::decode(&encoded[..length]).is_err(), "{length}");
        }
    }
}

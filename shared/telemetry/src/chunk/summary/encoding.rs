//! The stored form of a summary, at most one write unit for a batch of usual size.
//!
//! | bytes | content |
//! |---|---|
//! | 1 | form, 3 |
//! | varint | start of the first event, in milliseconds of the hour |
//! | varint | number of events |
//! | varint | size of the stored chunk, in bytes |
//! | varint | memory that the decoded events take at most, in bytes |
//! | 1, varint, … | the filter: number of hash functions, size, bits |
//! | varint | size of the rest |
//! | rest | minutes, levels, traces, operations and rows, as a zstd frame |

use std::io;

use super::Summary;
use super::body::{body, read_body};
use super::build::Draft;
use crate::chunk::bytes::{FormError, Reader, put, put_len};
use crate::chunk::filter::Filter;
use crate::chunk::form_2;
use crate::chunk::frame::{self, Form};

/// Largest summary of a batch of usual size, in bytes. With its keys, the item then stays
/// below 1 KB, which is one write unit.
const SMALL_SUMMARY_BYTES: usize = 895;

/// Bytes per event that the summary of a larger batch may take.
const SUMMARY_BYTES_PER_EVENT: usize = 8;

/// Size to which list rows, operations and filter of any summary are cut, so that one query
/// page holds many.
const MAX_SUMMARY_BYTES: usize = 16 * 1024;

/// Largest filter of a batch of usual size, in bytes.
const SMALL_FILTER: usize = 256;

/// Largest size of the decompressed part that a reader accepts.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Largest memory of the names of operations and rows that a reader accepts.
const MAX_MEMORY: usize = 16 * 1024 * 1024;

/// Largest size and memory of a chunk that a reader accepts, so that sums over thousands do not overflow.
const MAX_STATED: usize = u32::MAX as usize;

/// The fields of a summary that precede its compressed part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Start of the first event, in milliseconds since the start of the hour.
    pub from_ms: u32,
    /// Number of events.
    pub count: u32,
    /// Size of the stored chunk, in bytes.
    pub bytes: usize,
    /// Memory that the decoded events take at most, in bytes.
    pub memory: usize,
}

const HOUR_MS: u32 = 60 * 60 * 1000;

impl Extent {
    /// Reads the start of a stored summary.
    ///
    /// # Errors
    /// When the form is unknown, or is form 2, which has no extent, or the bytes are not a summary.
    pub fn of(summary: &[u8]) -> Result<Self, FormError> {
        let (form, mut reader) = frame::open(summary)?;
        match form {
            Form::Two => Err(FormError::Damaged("a summary of form 2 has no extent")),
            Form::Three => Self::read(&mut reader),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, FormError> {
        Ok(Self {
            from_ms: reader.small(HOUR_MS)?,
            count: reader.small(u32::MAX)?,
            bytes: reader.small(MAX_STATED)?,
            memory: reader.small(MAX_STATED)?,
        })
    }

    fn put(&self, out: &mut Vec<u8>) {
        put(out, self.from_ms.into());
        put(out, self.count.into());
        put_len(out, self.bytes);
        put_len(out, self.memory);
    }
}

impl Draft {
    /// Encodes the summary. Cuts what does not fit: the oldest list rows first, then
    /// operations, then the filter. Minutes, levels and traces are never cut.
    ///
    /// # Errors
    /// When compression fails, which no input can cause.
    pub(in crate::chunk) fn encode(&self, extent: Extent) -> io::Result<Vec<u8>> {
        let room = (extent.count as usize * SUMMARY_BYTES_PER_EVENT)
            .clamp(SMALL_SUMMARY_BYTES, MAX_SUMMARY_BYTES);
        let filter = Filter::of(&self.terms, (room / 4).max(SMALL_FILTER));
        let all = self.summary.rows.len();
        let mut rows = all;
        let mut operations = self.summary.operations.top.len();
        let without_rows = self.encoded(&extent, &filter, 0, operations)?.len();
        if without_rows > room {
            rows = 0;
        }
        loop {
            let encoded = self.encoded(&extent, &filter, rows, operations)?;
            if encoded.len() <= room {
                return Ok(encoded);
            }
            if rows > 0 {
                rows = fewer(rows, without_rows, encoded.len(), room);
            } else if operations > 0 {
                operations = operations * 3 / 4;
            } else {
                let small = Filter::of(&self.terms, 0);
                return self.encoded(&extent, &small, 0, 0);
            }
        }
    }

    fn encoded(
        &self,
        extent: &Extent,
        filter: &Filter,
        rows: usize,
        operations: usize,
    ) -> io::Result<Vec<u8>> {
        let header = |out: &mut Vec<u8>| {
            extent.put(out);
            out.push(filter.hashes);
            put_len(out, filter.bits.len());
            out.extend_from_slice(&filter.bits);
        };
        frame::write(header, &body(&self.summary, rows, operations))
    }
}

/// Returns a number of rows that should fit, given the size with `rows` of them and with none.
fn fewer(rows: usize, without_rows: usize, with_rows: usize, room: usize) -> usize {
    let per_row = (with_rows.saturating_sub(without_rows) / rows).max(1);
    let fit = room.saturating_sub(without_rows) / per_row;
    fit.min(rows - 1)
}

impl Summary {
    /// Decodes a stored summary.
    ///
    /// # Errors
    /// When the form is unknown, or the bytes are not a summary.
    pub fn decode(encoded: &[u8]) -> Result<Self, FormError> {
        let (form, reader) = frame::open(encoded)?;
        match form {
            Form::Two => form_2::summary(encoded),
            Form::Three => Self::decode_form_3(reader),
        }
    }

    fn decode_form_3(mut reader: Reader<'_>) -> Result<Self, FormError> {
        Extent::read(&mut reader)?;
        let hashes = reader.byte()?;
        let bits = reader.count()?;
        let bits = reader.bytes(bits)?.to_vec();
        let body = frame::content(&mut reader, MAX_BODY)?;
        Ok(Self {
            filter: (!bits.is_empty()).then_some(Filter { hashes, bits }),
            ..read_body(&mut Reader::new(&body, MAX_MEMORY))?
        })
    }
}

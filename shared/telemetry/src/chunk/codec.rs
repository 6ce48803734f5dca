//! The stored form of a chunk: columns in one zstd frame, behind a short header.
//!
//! | bytes | content |
//! |---|---|
//! | 1 | form, 3 |
//! | 1 | dictionary, 0 for none; others are reserved |
//! | varint | size of the columns, in bytes |
//! | varint | memory that the decoded events take at most, in bytes |
//! | rest | the columns, as a zstd frame |
//!
//! Form 2, zstd-compressed JSON without a header, is read but no longer written.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

use super::bytes::{FormError, Reader, put_len};
use super::summary::Entry;
use super::{form_2, memory, spans};
use crate::event::{Event, Span};

/// The form in which chunks, summaries and rollups are written.
pub const FORM: u8 = 3;

/// Measured over batches of 1 to 512 events: level 9 saves 1 % more bytes for three times the
/// work, level 3 costs a write unit more for large batches.
const LEVEL: i32 = 6;

/// Dictionary byte of a chunk that was compressed without a dictionary.
const NO_DICTIONARY: u8 = 0;

/// Largest size of the columns, and largest memory of the events, that a reader accepts. A
/// writer divides a batch into chunks far below both.
const MAX_COLUMNS: usize = 64 * 1024 * 1024;
const MAX_MEMORY: usize = 256 * 1024 * 1024;

/// Events of a chunk to decode.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// All events.
    All,
    /// The events of the trace with this id.
    OfTrace(&'a str),
}

/// An encoded chunk.
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    /// Memory that the decoded events take at most, in bytes.
    pub(super) memory: usize,
}

thread_local! {
    // Allocating a context costs more than compressing a usual batch.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
}

/// Encodes events for storage. Equal events give equal bytes.
///
/// # Errors
/// When compression fails, which no input can cause.
pub(super) fn encode<E: Event>(events: &[&E]) -> io::Result<Encoded> {
    encode_measured(events, memory::of_events(events))
}

/// Like [`encode`], for events whose memory the caller has computed.
pub(super) fn encode_measured<E: Event>(events: &[&E], memory: usize) -> io::Result<Encoded> {
    let mut columns = Vec::with_capacity(128 * events.len());
    E::put_columns(&mut columns, events);
    let mut bytes = vec![FORM, NO_DICTIONARY];
    put_len(&mut bytes, columns.len());
    put_len(&mut bytes, memory);
    bytes.extend(compress(&columns)?);
    Ok(Encoded { bytes, memory })
}

/// Encodes and decodes events.
#[cfg(test)]
pub(crate) fn round_trip<E: Event>(events: &[&E]) -> Vec<E> {
    decode(&encode(events).unwrap().bytes, Rows::All).unwrap()
}

/// Compresses with the level and the context that all stored bytes share.
pub(crate) fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        let compressor = match compressor {
            Some(compressor) => compressor,
            none => none.insert(new_compressor()?),
        };
        compressor.compress(bytes)
    })
}

/// A checksum of four bytes makes every change of a stored byte an error.
fn new_compressor() -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(LEVEL)?;
    compressor.include_checksum(true)?;
    Ok(compressor)
}

/// Decompresses at most `capacity` bytes.
pub(crate) fn decompress(bytes: &[u8], capacity: usize) -> Result<Vec<u8>, FormError> {
    let decompressed = Decompressor::new().and_then(|mut zstd| zstd.decompress(bytes, capacity));
    decompressed.map_err(|_| FormError::Damaged("the compressed data"))
}

/// Decodes events of a stored chunk, in the order they were encoded.
///
/// # Errors
/// When the form is unknown, or the bytes are not a chunk of such events.
pub fn decode<E: Event>(chunk: &[u8], rows: Rows<'_>) -> Result<Vec<E>, FormError> {
    if form_2::is_form_2(chunk) {
        let mut events = form_2::events::<E>(chunk)?;
        if let Rows::OfTrace(id) = rows {
            events.retain(|event| event.trace_id() == Some(id));
        }
        return Ok(events);
    }
    let (columns, memory) = columns_of(chunk)?;
    E::read_columns(&mut Reader::new(&columns, memory), rows)
}

/// Decodes the list row of each trace in a stored chunk of spans.
///
/// # Errors
/// When the form is unknown, or the bytes are not a chunk of spans.
pub fn decode_entries(chunk: &[u8]) -> Result<Vec<Entry>, FormError> {
    if form_2::is_form_2(chunk) {
        return Ok(super::summary::entries(&form_2::events::<Span>(chunk)?));
    }
    let (columns, _) = columns_of(chunk)?;
    spans::read_entries(&mut Reader::new(&columns, MAX_MEMORY))
}

/// The columns of a chunk, and the memory that its events may take.
fn columns_of(chunk: &[u8]) -> Result<(Vec<u8>, usize), FormError> {
    let mut header = Reader::new(chunk, 0);
    match (header.byte()?, header.byte()?) {
        (FORM, NO_DICTIONARY) => {}
        (FORM, _) => return Err(FormError::Damaged("an unknown dictionary")),
        (form, _) => return Err(FormError::Unknown(form)),
    }
    let size = header.small(MAX_COLUMNS)?;
    let memory = header.small(MAX_MEMORY)?;
    let left = header.left();
    let columns = decompress(header.bytes(left)?, size)?;
    Ok((columns, memory))
}

#[cfg(test)]
mod tests;

//! The stored form of a chunk: columns in one zstd frame, behind a short header.
//!
//! | bytes | content |
//! |---|---|
//! | 1 | form, 3 |
//! | 1 | dictionary, 0 for none; others are reserved |
//! | varint | memory that the decoded events take at most, in bytes |
//! | varint | size of the columns, in bytes |
//! | rest | the columns, as a zstd frame |
//!
//! Form 2, zstd-compressed JSON without a header, is read but no longer written.

use std::io;

use foldhash::HashSet;

use super::bytes::{FormError, Reader, put_len};
use super::frame::{self, Form};
use super::summary::Entry;
use super::{form_2, memory, spans};
use crate::event::{Event, Span};

/// Dictionary byte of a chunk that was compressed without a dictionary.
const NO_DICTIONARY: u8 = 0;

/// Largest size of the columns, and largest memory of the events, that a reader accepts. A
/// writer divides a batch into chunks far below both; the largest event takes less than either.
const MAX_COLUMNS: usize = 64 * 1024 * 1024;
const MAX_MEMORY: usize = 32 * 1024 * 1024;

/// Events of a chunk to decode.
#[derive(Debug, Clone, Copy)]
pub enum Rows<'a> {
    /// All events.
    All,
    /// The events of the trace with this id.
    OfTrace(&'a str),
    /// The events of the traces with these ids.
    OfTraces(&'a HashSet<&'a str>),
}

impl Rows<'_> {
    /// Whether the events of a trace are wanted; `None` for events without a trace.
    fn has_trace(self, id: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::OfTrace(wanted) => id == Some(wanted),
            Self::OfTraces(wanted) => id.is_some_and(|id| wanted.contains(id)),
        }
    }
}

/// An encoded chunk.
pub(super) struct Encoded {
    pub(super) bytes: Vec<u8>,
    /// Memory that the decoded events take at most, in bytes.
    pub(super) memory: usize,
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
    let header = |out: &mut Vec<u8>| {
        out.push(NO_DICTIONARY);
        put_len(out, memory);
    };
    let bytes = frame::write(header, &columns)?;
    Ok(Encoded { bytes, memory })
}

/// Encodes and decodes events.
#[cfg(test)]
pub(crate) fn round_trip<E: Event>(events: &[&E]) -> Vec<E> {
    decode(&encode(events).unwrap().bytes, Rows::All).unwrap()
}

/// Decodes events of a stored chunk, in the order they were encoded.
///
/// # Errors
/// When the form is unknown, the bytes are not a chunk of such events, or these would take more
/// memory than a writer stores in a chunk.
pub fn decode<E: Event>(chunk: &[u8], rows: Rows<'_>) -> Result<Vec<E>, FormError> {
    decode_within(chunk, rows, MAX_MEMORY)
}

/// Like [`decode`], for a chunk whose summary states that its events take at most `most` bytes of
/// memory. Those of form 2 have no such number.
///
/// # Errors
/// Those of [`decode`], and when the chunk states more.
pub fn decode_within<E: Event>(
    chunk: &[u8],
    rows: Rows<'_>,
    most: usize,
) -> Result<Vec<E>, FormError> {
    let (form, mut header) = frame::open(chunk)?;
    match form {
        Form::Two => {
            let mut events = form_2::events::<E>(chunk)?;
            events.retain(|event| rows.has_trace(event.trace_id()));
            Ok(events)
        }
        Form::Three => {
            let (columns, memory) = columns(&mut header, most)?;
            E::read_columns(&mut Reader::new(&columns, memory), rows)
        }
    }
}

/// Decodes the list row of each trace in a stored chunk of spans, whose summary states that these
/// take at most `most` bytes of memory.
///
/// # Errors
/// Those of [`decode_within`].
pub fn decode_entries(chunk: &[u8], most: usize) -> Result<Vec<Entry>, FormError> {
    let (form, mut header) = frame::open(chunk)?;
    match form {
        Form::Two => Ok(super::summary::entries(&form_2::events::<Span>(chunk)?)),
        Form::Three => {
            let (columns, memory) = columns(&mut header, most)?;
            spans::read_entries(&mut Reader::new(&columns, memory + MAX_MEMORY))
        }
    }
}

/// Reads the columns of a chunk, and the memory that its events may take, which is at most `most`
/// bytes.
fn columns(header: &mut Reader<'_>, most: usize) -> Result<(Vec<u8>, usize), FormError> {
    if header.byte()? != NO_DICTIONARY {
        return Err(FormError::Damaged("an unknown dictionary"));
    }
    let memory = header.small(usize::MAX)?;
    if memory > most.min(MAX_MEMORY) {
        return Err(FormError::TooLarge);
    }
    Ok((frame::content(header, MAX_COLUMNS)?, memory))
}

#[cfg(test)]
mod tests;

//! What all stored bytes of telemetry have in common: first the number of their form, then a header,
//! and at the end the size of the content and the content as a zstd frame. Chunks, summaries and
//! rollups differ only in header and content.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

use super::bytes::{FormError, Reader, put_len};

/// How telemetry is encoded. A release reads a form before any release writes it: a new form
/// becomes readable in one release and written in the next, so that both directions of an
/// upgrade find only what they can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Zstd-compressed JSON, without a number in front.
    Two,
    /// Zstd-compressed columns, after the number of the form.
    Three,
}

impl Form {
    /// The form in which this release writes.
    pub const WRITTEN: Self = Self::Three;

    /// The forms that this release reads, oldest first. Every decoder matches on them.
    pub const READABLE: [Self; 2] = [Self::Two, Self::Three];

    /// Returns the number of the form.
    pub const fn number(self) -> u8 {
        match self {
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    /// Returns the form with a number.
    ///
    /// # Errors
    /// When this release does not read it.
    pub fn numbered(number: u8) -> Result<Self, FormError> {
        let form = Self::READABLE
            .into_iter()
            .find(|form| form.number() == number);
        form.ok_or(FormError::Unknown(number))
    }
}

/// First bytes of a zstd frame, with which everything of form 2 begins.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Compression level. Measured over batches of 1 to 512 events: level 9 saves 1 % more bytes for three
/// times the work, level 3 costs a write unit more for large batches.
const LEVEL: i32 = 6;

thread_local! {
    // Allocating a context costs more than compressing or decompressing a usual batch.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Encodes content in the current form, behind a header. Equal input gives equal bytes.
///
/// # Errors
/// When compression fails, which no input can cause.
pub(crate) fn write(header: impl FnOnce(&mut Vec<u8>), content: &[u8]) -> io::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(1024);
    out.push(Form::WRITTEN.number());
    header(&mut out);
    put_len(&mut out, content.len());
    out.extend(compress(content)?);
    Ok(out)
}

/// Returns the form of stored bytes, and a reader at their header. For form 2, which has none, the
/// reader is at the start.
///
/// # Errors
/// When this release does not read the form.
pub(crate) fn open(stored: &[u8]) -> Result<(Form, Reader<'_>), FormError> {
    let mut reader = Reader::new(stored, 0);
    if stored.starts_with(&MAGIC) {
        return Ok((Form::Two, reader));
    }
    let number = reader.byte()?;
    match Form::numbered(number)? {
        // No bytes of form 2 begin with its number.
        Form::Two => Err(FormError::Unknown(number)),
        form => Ok((form, reader)),
    }
}

/// Reads the content that follows the header, of at most `most` bytes.
///
/// # Errors
/// When the content is larger or damaged.
pub(crate) fn content(reader: &mut Reader<'_>, most: usize) -> Result<Vec<u8>, FormError> {
    let size = reader.small(most)?;
    let left = reader.left();
    decompress(reader.bytes(left)?, size)
}

pub(super) fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        let compressor = match compressor {
            Some(compressor) => compressor,
            none => none.insert(new_compressor()?),
        };
        compressor.compress(bytes)
    })
}

/// Creates a compressor that adds a checksum of four bytes, which detects changed bytes.
fn new_compressor() -> io::Result<Compressor<'static>> {
    let mut compressor = Compressor::new(LEVEL)?;
    compressor.include_checksum(true)?;
    Ok(compressor)
}

/// Decompresses at most `capacity` bytes.
fn decompress(bytes: &[u8], capacity: usize) -> Result<Vec<u8>, FormError> {
    let damaged = |_| FormError::Damaged("the compressed data");
    DECOMPRESSOR.with_borrow_mut(|decompressor| {
        let decompressor = match decompressor {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::new().map_err(damaged)?),
        };
        decompressor.decompress(bytes, capacity).map_err(damaged)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_form_is_readable_and_unknown_forms_are_refused() {
        assert!(Form::READABLE.contains(&Form::WRITTEN));
        assert!(Form::READABLE.is_sorted());
        for number in 0..=u8::MAX {
            let form = Form::READABLE.into_iter().find(|f| f.number() == number);
            assert_eq!(
                Form::numbered(number),
                form.ok_or(FormError::Unknown(number))
            );
            // Form 2 has no number in front.
            let opened = open(&[number, 0]).map(|(form, _)| form);
            let numbered = form.filter(|form| *form > Form::Two);
            assert_eq!(opened, numbered.ok_or(FormError::Unknown(number)));
        }
        assert_ne!(MAGIC[0], Form::WRITTEN.number());
    }

    #[test]
    fn content_is_read_as_written_unless_it_is_larger_than_allowed() {
        let stored = write(|out| out.push(7), &[9; 1000]).unwrap();
        let read = |most| {
            let (form, mut reader) = open(&stored).unwrap();
            assert_eq!((form, reader.byte()), (Form::WRITTEN, Ok(7)));
            content(&mut reader, most)
        };
        assert_eq!(read(1000), Ok(vec![9; 1000]));
        assert_eq!(read(999), Err(FormError::Damaged("a number is too large")));
        // A damaged frame does not spoil the context that the next one uses.
        let mut damaged = stored.clone();
        *damaged.last_mut().unwrap() ^= 1;
        let (_, mut reader) = open(&damaged[..]).unwrap();
        reader.byte().unwrap();
        let error = Err(FormError::Damaged("the compressed data"));
        assert_eq!(content(&mut reader, 1000), error);
        assert_eq!(read(1000), Ok(vec![9; 1000]));
    }
}

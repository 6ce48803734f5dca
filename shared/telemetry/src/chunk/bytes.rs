//! The primitives of the stored form: bytes, numbers as varints (LEB128) and texts.

use thiserror::Error;

/// Why stored bytes cannot be read.
#[derive(Debug, Clone, Copy, Error, PartialEq, Eq)]
pub enum FormError {
    /// The bytes have a form that this release does not know, such as that of a newer release.
    #[error("the stored form {0} is unknown to this release")]
    Unknown(u8),
    /// The bytes are malformed for the form that they state.
    #[error("the stored bytes are damaged: {0}")]
    Damaged(&'static str),
    /// Decoding would take more memory than the bytes state, or than any writer stores.
    #[error("the stored bytes take more memory than allowed")]
    TooLarge,
}

const TRUNCATED: FormError = FormError::Damaged("they end too early");

/// Appends a number in 7 bits a byte, lowest first.
pub(crate) fn put(out: &mut Vec<u8>, number: u64) {
    put_wide(out, number.into());
}

/// Appends a number of up to 128 bits, in the same form as [`put`].
#[expect(clippy::cast_possible_truncation, reason = "seven bits are kept")]
pub(crate) fn put_wide(out: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a length or an index.
pub(crate) fn put_len(out: &mut Vec<u8>, number: usize) {
    put(out, number as u64);
}

/// Appends a signed number in zigzag form, so that small negative numbers are short.
pub(crate) fn put_signed(out: &mut Vec<u8>, number: i64) {
    put(out, zigzag(number));
}

/// Appends a text and its length.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_len(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Maps 0, -1, 1, -2 … to 0, 1, 2, 3 ….
#[expect(clippy::cast_sign_loss, reason = "the sign becomes the lowest bit")]
pub(crate) fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

/// The reverse of [`zigzag`].
#[expect(clippy::cast_possible_wrap, reason = "the lowest bit becomes the sign")]
pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// Reads what the `put` functions wrote. Bounds the memory that the result takes.
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Memory that may still be taken, in bytes.
    memory: usize,
}

impl<'a> Reader<'a> {
    /// Creates a reader of `bytes`. What is read may take `memory` bytes.
    pub(crate) fn new(bytes: &'a [u8], memory: usize) -> Self {
        Self {
            rest: bytes,
            memory,
        }
    }

    /// Returns the number of bytes left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// Accounts for memory that the caller is about to take.
    pub(crate) fn take_memory(&mut self, bytes: usize) -> Result<(), FormError> {
        self.memory = self.memory.checked_sub(bytes).ok_or(FormError::TooLarge)?;
        Ok(())
    }

    /// Reads one byte.
    pub(crate) fn byte(&mut self) -> Result<u8, FormError> {
        let (byte, rest) = self.rest.split_first().ok_or(TRUNCATED)?;
        self.rest = rest;
        Ok(*byte)
    }

    /// Reads the next `count` bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], FormError> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(TRUNCATED)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Reads a number that [`put`] wrote.
    pub(crate) fn number(&mut self) -> Result<u64, FormError> {
        if let Some((byte @ ..0x80, rest)) = self.rest.split_first() {
            self.rest = rest;
            return Ok((*byte).into());
        }
        self.small(u64::MAX)
    }

    /// Reads a number that [`put_wide`] wrote.
    pub(crate) fn wide(&mut self) -> Result<u128, FormError> {
        // Nearly all numbers have at most 63 bits, for which arithmetic is cheaper.
        let mut number = 0_u64;
        for (index, byte) in self.rest.iter().take(9).enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                self.rest = &self.rest[index + 1..];
                return Ok(number.into());
            }
        }
        self.wider()
    }

    /// Reads a number of any length.
    #[cold]
    fn wider(&mut self) -> Result<u128, FormError> {
        let mut number = 0;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(FormError::Damaged("a number is too large"))
    }

    /// Reads a number that fits a smaller type and is at most `most`.
    pub(crate) fn small<T: TryFrom<u128> + PartialOrd>(&mut self, most: T) -> Result<T, FormError> {
        let number = T::try_from(self.wide()?).ok();
        number
            .filter(|number| *number <= most)
            .ok_or(FormError::Damaged("a number is too large"))
    }

    /// Reads a number that [`put_signed`] wrote.
    pub(crate) fn signed(&mut self) -> Result<i64, FormError> {
        Ok(unzigzag(self.number()?))
    }

    /// Reads the number of items that follow, each of which takes at least one byte.
    pub(crate) fn count(&mut self) -> Result<usize, FormError> {
        let most = self.left();
        self.small(most)
    }

    /// Reads a text of a known length.
    pub(crate) fn text_of(&mut self, bytes: usize) -> Result<&'a str, FormError> {
        let text = std::str::from_utf8(self.bytes(bytes)?);
        text.map_err(|_| FormError::Damaged("a text is not UTF-8"))
    }

    /// Reads a text that [`put_text`] wrote.
    pub(crate) fn text(&mut self) -> Result<&'a str, FormError> {
        let bytes = self.count()?;
        self.text_of(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_that_is_too_long_or_too_large_is_refused() {
        let read = |bytes: &[u8]| Reader::new(bytes, 0).number();
        assert_eq!(read(&[]), Err(TRUNCATED));
        assert_eq!(read(&[0x80]), Err(TRUNCATED));
        let too_large = Err(FormError::Damaged("a number is too large"));
        assert_eq!(read(&[0xff; 30]), too_large);
        let beyond_64_bits = [[0xff; 9].as_slice(), &[2]].concat();
        assert_eq!(read(&beyond_64_bits), too_large);
    }

    #[test]
    fn a_text_must_be_complete_and_utf8() {
        assert_eq!(
            Reader::new(&[3, b'a'], 0).text(),
            Err(FormError::Damaged("a number is too large"))
        );
        assert_eq!(
            Reader::new(&[1, 0xff], 0).text(),
            Err(FormError::Damaged("a text is not UTF-8"))
        );
    }

    proptest! {
        #[test]
        fn numbers_of_every_length_are_read_as_written(
            number: u64, wide: u128, signed: i64, shift in 0_u32..128,
        ) {
            let (number, wide, signed) = (number >> (shift % 64), wide >> shift, signed >> (shift % 64));
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            put_wide(&mut bytes, wide);
            put_signed(&mut bytes, signed);
            let mut reader = Reader::new(&bytes, 0);
            prop_assert_eq!(reader.number(), Ok(number));
            prop_assert_eq!(reader.wide(), Ok(wide));
            prop_assert_eq!(reader.signed(), Ok(signed));
            prop_assert_eq!(reader.left(), 0);
        }
    }
}

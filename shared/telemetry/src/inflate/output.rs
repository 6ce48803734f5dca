//! Decompressed data, and the limits on the memory and the work that it may take.

use super::{InflateError, MAX_INFLATED_BYTES};

/// Number of blocks that are decoded regardless of their output.
const FREE_BLOCKS: usize = 256;

/// Data that each further block must yield on average, in bytes. A block can take a
/// microsecond to set up and a few bits to send, and may be empty. Compressors write blocks of
/// kilobytes; one that is flushed after every event still writes this much.
const BYTES_PER_BLOCK: usize = 64;

const FIRST_BYTES: usize = 64 * 1024;

/// Data decompressed so far.
pub(super) struct Output {
    /// Zeros after the first `filled` bytes.
    bytes: Vec<u8>,
    filled: usize,
    blocks: usize,
    encoding: &'static str,
}

impl Output {
    pub(super) fn new(encoding: &'static str) -> Self {
        Self {
            bytes: Vec::new(),
            filled: 0,
            blocks: 0,
            encoding,
        }
    }

    /// Returns the buffer to write to, and how much of it is filled. At least one byte is free.
    /// Memory grows with the data, so a decompression bomb never takes more than the limit and one
    /// smaller buffer.
    pub(super) fn buffer(&mut self) -> Result<(&mut [u8], usize), InflateError> {
        if self.filled > MAX_INFLATED_BYTES {
            return Err(InflateError::InflatedTooLarge);
        }
        if self.filled == self.bytes.len() {
            let larger = (self.filled * 2).clamp(FIRST_BYTES, MAX_INFLATED_BYTES + 1);
            self.bytes.reserve_exact(larger - self.filled);
            self.bytes.resize(larger, 0);
        }
        Ok((&mut self.bytes, self.filled))
    }

    /// Counts `count` bytes written to the buffer.
    pub(super) fn advance(&mut self, count: usize) -> Result<(), InflateError> {
        self.filled += count;
        if self.filled > MAX_INFLATED_BYTES {
            return Err(InflateError::InflatedTooLarge);
        }
        Ok(())
    }

    /// Counts blocks that are about to be decoded, or other units that cost as much.
    pub(super) fn charge(&mut self, blocks: usize) -> Result<(), InflateError> {
        self.blocks += blocks;
        if self.blocks > FREE_BLOCKS + self.filled / BYTES_PER_BLOCK {
            return Err(InflateError::NearlyEmptyBlocks(self.encoding));
        }
        Ok(())
    }

    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.truncate(self.filled);
        self.bytes
    }

    pub(super) fn corrupt(&self) -> InflateError {
        InflateError::Corrupt(self.encoding)
    }

    #[cfg(test)]
    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }
}

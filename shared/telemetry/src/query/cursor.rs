//! Positions in the lists of telemetry, for their cursors.

use upblit_base::clock;
use upblit_base::cursor::{self, List, ListId};

use crate::chunk::Position;

/// Cursor type of the list of traces.
#[derive(Debug, Clone, Copy)]
pub struct Traces;

/// Cursor type of the list of log records.
#[derive(Debug, Clone, Copy)]
pub struct Logs;

impl List for Traces {
    const ID: ListId = ListId::Traces;
    type Position = RowPosition;
}

impl List for Logs {
    const ID: ListId = ListId::Logs;
    type Position = RowPosition;
}

/// Position of a row: its chunk, and its number among the rows of the chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowPosition {
    /// Chunk that holds the row.
    pub chunk: Position,
    /// Number of rows of the chunk that come before it.
    pub skip: usize,
}

impl cursor::Position for RowPosition {
    fn to_bytes(&self) -> Vec<u8> {
        let skip = u32::try_from(self.skip).unwrap_or(u32::MAX);
        let mut bytes = self.chunk.at.as_millisecond().to_be_bytes().to_vec();
        bytes.extend(self.chunk.hash);
        bytes.extend(skip.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (millis, rest) = bytes.split_first_chunk()?;
        let (hash, skip) = rest.split_first_chunk()?;
        let millis = i64::from_be_bytes(*millis);
        let at = clock::from_millis(millis);
        if at.as_millisecond() != millis || millis < 0 {
            return None;
        }
        Some(Self {
            chunk: Position { at, hash: *hash },
            skip: u32::from_be_bytes(skip.try_into().ok()?).try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use upblit_base::cursor::Cursor;

    use super::*;

    #[test]
    fn a_text_that_is_not_a_cursor_is_refused() {
        for text in ["", "x", "AAAA", "====", &"A".repeat(40), &"_".repeat(40)] {
            assert!(text.parse::<Cursor<Traces>>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_is_parsed_from_its_own_text(
            millis in 0i64..9_000_000_000_000, hash: [u8; 16], skip in 0usize..20_000,
        ) {
            let chunk = Position { at: clock::from_millis(millis), hash };
            let position = RowPosition { chunk, skip };
            let text = Cursor::<Logs>(position).to_string();
            prop_assert_eq!(text.parse::<Cursor<Logs>>().map(|cursor| cursor.0), Ok(position));
        }

        #[test]
        fn any_text_is_parsed_without_a_panic(text in "(AQE)?[A-Za-z0-9_-]{0,60}") {
            let _ = text.parse::<Cursor<Traces>>();
        }
    }
}

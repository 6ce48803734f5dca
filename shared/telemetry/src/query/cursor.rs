//! Where a list goes on. A cursor names a place in time and nothing else: whose
//! telemetry is read comes from the caller's token and membership alone.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::chunk::Position;
use upblit_base::clock;
use upblit_base::ids::InvalidId;

/// The next row of a list: a chunk, and how many of its rows were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The chunk.
    pub chunk: Position,
    /// Its rows before this place.
    pub skip: usize,
}

const BYTES: usize = 8 + 16 + 4;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend(self.chunk.at.as_millisecond().to_be_bytes());
        bytes.extend(self.chunk.hash);
        bytes.extend(u32::try_from(self.skip).unwrap_or(u32::MAX).to_be_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidId)?;
        let (millis, rest) = bytes.split_first_chunk::<8>().ok_or(InvalidId)?;
        let (hash, rest) = rest.split_first_chunk::<16>().ok_or(InvalidId)?;
        let skip = <[u8; 4]>::try_from(rest).map_err(|_| InvalidId)?;
        let millis = i64::from_be_bytes(*millis);
        let at = clock::from_millis(millis);
        if at.as_millisecond() != millis || millis < 0 {
            return Err(InvalidId);
        }
        Ok(Self {
            chunk: Position { at, hash: *hash },
            skip: usize::try_from(u32::from_be_bytes(skip)).map_err(|_| InvalidId)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_a_cursor_is_none() {
        for text in ["", "x", "AAAA", "====", &"A".repeat(37), &"_".repeat(38)] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidId), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(
            millis in 0i64..9_000_000_000_000, hash: [u8; 16], skip in 0usize..20_000,
        ) {
            let chunk = Position { at: clock::from_millis(millis), hash };
            let cursor = Cursor { chunk, skip };
            prop_assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "[A-Za-z0-9_-]{0,60}") {
            let _ = text.parse::<Cursor>();
        }
    }
}

//! Positions in the search for a trace.

use upblit_base::cursor::{self, List, ListId};

use super::{put_position, take_position};
use crate::chunk::Position;

/// Cursor type of the parts of a trace.
#[derive(Debug, Clone, Copy)]
pub struct Trace;

impl List for Trace {
    const ID: ListId = ListId::Trace;
    type Position = TracePosition;
}

/// The chunks that a search for a trace has passed: those from `older`, included, to `newer`,
/// excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Searched {
    /// Start of the range, included.
    pub older: Position,
    /// End of the range, excluded.
    pub newer: Position,
}

/// First and last time of some spans, in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Start of the first span.
    pub from_ms: i64,
    /// End of the last one.
    pub to_ms: i64,
}

impl Extent {
    /// Returns the smallest extent that contains both.
    #[must_use]
    pub fn and(self, other: Option<Self>) -> Self {
        let other = other.unwrap_or(self);
        Self {
            from_ms: self.from_ms.min(other.from_ms),
            to_ms: self.to_ms.max(other.to_ms),
        }
    }
}

/// Where the next part of a trace begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TracePosition {
    /// What has been searched and shown.
    pub searched: Searched,
    /// Extents of the spans found in it: of the times as sent, and as corrected for clock skew.
    pub extents: Option<[Extent; 2]>,
    /// What has been searched but not fully shown, because there were too many spans: the range, and
    /// the number of its spans that were shown.
    pub rest: Option<(Searched, u32)>,
}

impl cursor::Position for TracePosition {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_position(&mut bytes, self.searched.older);
        put_position(&mut bytes, self.searched.newer);
        bytes.push(self.extents.is_some().into());
        for extent in self.extents.iter().flatten() {
            bytes.extend(extent.from_ms.to_be_bytes());
            bytes.extend(extent.to_ms.to_be_bytes());
        }
        if let Some((until, shown)) = self.rest {
            put_position(&mut bytes, until.older);
            put_position(&mut bytes, until.newer);
            bytes.extend(shown.to_be_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (searched, bytes) = take_searched(bytes)?;
        let ([has_extents], bytes) = bytes.split_first_chunk()?;
        let (extents, bytes) = match has_extents {
            0 => (None, bytes),
            1 => {
                let (sent, bytes) = take_extent(bytes)?;
                let (corrected, bytes) = take_extent(bytes)?;
                (Some([sent, corrected]), bytes)
            }
            _ => return None,
        };
        let rest = match bytes {
            [] => None,
            bytes => {
                let (until, shown) = take_searched(bytes)?;
                let covers = until.older <= searched.older && searched.newer <= until.newer;
                let shown = u32::from_be_bytes(shown.try_into().ok()?);
                Some(covers.then_some((until, shown))?)
            }
        };
        Some(Self {
            searched,
            extents,
            rest,
        })
    }
}

fn take_searched(bytes: &[u8]) -> Option<(Searched, &[u8])> {
    let (older, bytes) = take_position(bytes)?;
    let (newer, bytes) = take_position(bytes)?;
    (older <= newer).then_some((Searched { older, newer }, bytes))
}

fn take_extent(bytes: &[u8]) -> Option<(Extent, &[u8])> {
    let (from_ms, bytes) = bytes.split_first_chunk()?;
    let (to_ms, bytes) = bytes.split_first_chunk()?;
    let extent = Extent {
        from_ms: i64::from_be_bytes(*from_ms),
        to_ms: i64::from_be_bytes(*to_ms),
    };
    Some((extent, bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use upblit_base::cursor::Cursor;

    use super::super::tests::any_position;
    use super::*;

    proptest! {
        #[test]
        fn a_cursor_of_a_trace_is_parsed_from_its_own_text(
            mut bounds in prop::collection::vec(any_position(), 4), times: Option<[i64; 4]>,
            shown: Option<u32>,
        ) {
            bounds.sort_unstable();
            let extent = |from_ms, to_ms| Extent { from_ms, to_ms };
            let outer = Searched { older: bounds[0], newer: bounds[3] };
            let position = TracePosition {
                searched: Searched { older: bounds[1], newer: bounds[2] },
                extents: times.map(|[a, b, c, d]| [extent(a, b), extent(c, d)]),
                rest: shown.map(|shown| (outer, shown)),
            };
            let text = Cursor::<Trace>(position).to_string();
            prop_assert_eq!(text.parse::<Cursor<Trace>>().map(|cursor| cursor.0), Ok(position));
        }

        #[test]
        fn any_text_is_parsed_without_a_panic(text in "(AQg)?[A-Za-z0-9_-]{0,240}") {
            let _ = text.parse::<Cursor<Trace>>();
        }
    }
}

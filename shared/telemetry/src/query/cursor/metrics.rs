//! Positions in the metrics of a window that has too many chunks for one response.

use jiff::Timestamp;
use upblit_base::clock;
use upblit_base::cursor::{self, List, ListId};

use super::{put_position, take_position};
use crate::chunk::Position;
use crate::query::window::TimeWindow;

/// Cursor type of metrics.
#[derive(Debug, Clone, Copy)]
pub struct Metrics;

impl List for Metrics {
    const ID: ListId = ListId::Metrics;
    type Position = MetricsPosition;
}

/// Where the next page of metrics begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricsPosition {
    /// The window of the query.
    pub window: TimeWindow,
    /// The chunks before this position were not counted.
    pub before: Position,
}

impl cursor::Position for MetricsPosition {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for at in [self.window.from, self.window.to] {
            bytes.extend(at.as_millisecond().to_be_bytes());
        }
        put_position(&mut bytes, self.before);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (from, rest) = take_time(bytes)?;
        let (to, rest) = take_time(rest)?;
        let (before, rest) = take_position(rest)?;
        let is_valid = rest.is_empty() && from < before.at && from < to;
        is_valid.then_some(Self {
            window: TimeWindow { from, to },
            before,
        })
    }
}

fn take_time(bytes: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (millis, rest) = bytes.split_first_chunk()?;
    let millis = i64::from_be_bytes(*millis);
    let at = clock::from_millis(millis);
    (at.as_millisecond() == millis).then_some((at, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use upblit_base::cursor::Cursor;

    use super::*;
    use crate::query::cursor::tests::any_position;

    proptest! {
        #[test]
        fn a_cursor_is_parsed_from_its_own_text(
            before in any_position(), earlier in 1..1_000_000_000_i64, length in 1..1_000_000_000_i64,
        ) {
            let from = before.at.as_millisecond() - earlier;
            let window = TimeWindow {
                from: clock::from_millis(from),
                to: clock::from_millis(from + length),
            };
            let position = MetricsPosition { window, before };
            let text = Cursor::<Metrics>(position).to_string();
            prop_assert_eq!(text.parse::<Cursor<Metrics>>().map(|cursor| cursor.0), Ok(position));
        }

        #[test]
        fn a_cursor_that_leaves_nothing_to_count_is_refused(
            before in any_position(), later in 0..1_000_000_000_i64, length in -9..1_000_000_000_i64,
        ) {
            let from = before.at.as_millisecond() + later;
            let window = TimeWindow {
                from: clock::from_millis(from),
                to: clock::from_millis(from + length),
            };
            let text = Cursor::<Metrics>(MetricsPosition { window, before }).to_string();
            prop_assert!(text.parse::<Cursor<Metrics>>().is_err());
        }

        #[test]
        fn any_text_is_parsed_without_a_panic(text in "AQo[A-Za-z0-9_-]{0,80}") {
            let _ = text.parse::<Cursor<Metrics>>();
        }
    }
}

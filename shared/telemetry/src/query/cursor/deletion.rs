//! Where the deletion of telemetry continues.

use upblit_base::cursor::{self, List, ListId};

use super::{put_position, take_position};
use crate::batch::Signal;
use crate::chunk::Position;

/// Cursor type of deletions.
#[derive(Debug, Clone, Copy)]
pub struct Deletion;

impl List for Deletion {
    const ID: ListId = ListId::Deletion;
    type Position = DeletionPosition;
}

/// Where the next part of a deletion begins. Traces come before logs, and new chunks before old ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletionPosition {
    /// Signal of the chunks.
    pub signal: Signal,
    /// The chunks before this position are left.
    pub before: Position,
}

impl cursor::Position for DeletionPosition {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![match self.signal {
            Signal::Traces => 0,
            Signal::Logs => 1,
        }];
        put_position(&mut bytes, self.before);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ([signal], rest) = bytes.split_first_chunk()?;
        let (before, rest) = take_position(rest)?;
        let signal = match signal {
            0 => Signal::Traces,
            1 => Signal::Logs,
            _ => return None,
        };
        rest.is_empty().then_some(Self { signal, before })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use upblit_base::cursor::Cursor;

    use super::*;
    use crate::query::cursor::tests::any_position;

    proptest! {
        #[test]
        fn a_cursor_is_parsed_from_its_own_text(before in any_position(), is_logs: bool) {
            let signal = if is_logs { Signal::Logs } else { Signal::Traces };
            let position = DeletionPosition { signal, before };
            let text = Cursor::<Deletion>(position).to_string();
            prop_assert_eq!(text.parse::<Cursor<Deletion>>().map(|cursor| cursor.0), Ok(position));
        }

        #[test]
        fn any_text_is_parsed_without_a_panic(text in "AQs[A-Za-z0-9_-]{0,80}") {
            let _ = text.parse::<Cursor<Deletion>>();
        }
    }
}

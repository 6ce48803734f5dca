//! Bounds the memory of large protobuf messages. A message may hold millions of tiny values; those
//! beyond the budget are removed before it is decoded.

use std::borrow::Cow;

use prost::DecodeError;
use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, encode_varint, skip_field,
};

use crate::decode::large::{BUDGET, SMALL};
use crate::decode::layout::EventError;

/// Memory of a decoded message such as an attribute, in bytes.
const VALUE: usize = 128;

/// Deepest nesting of messages that is searched. `prost` refuses deeper ones.
const MAX_DEPTH: usize = 100;

/// A message whose fields may repeat without limit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Span,
    LogRecord,
    Resource,
    Scope,
    Event,
    Link,
    Pair,
    Any,
    Array,
    List,
}

impl Kind {
    /// Returns the kind of the message in the field with this tag.
    fn child(self, tag: u32) -> Option<Self> {
        Some(match (self, tag) {
            (Self::Span, 9)
            | (Self::LogRecord, 6)
            | (Self::Resource | Self::List, 1)
            | (Self::Scope | Self::Event, 3)
            | (Self::Link, 4) => Self::Pair,
            (Self::Span, 11) => Self::Event,
            (Self::Span, 13) => Self::Link,
            (Self::LogRecord, 5) | (Self::Pair, 2) | (Self::Array, 1) => Self::Any,
            (Self::Any, 5) => Self::Array,
            (Self::Any, 6) => Self::List,
            _ => return None,
        })
    }
}

/// Returns the message with as many values as the budget allows, and whether some were removed.
///
/// # Errors
/// When the message is malformed.
pub(super) fn bounded(message: &[u8], kind: Kind) -> Result<(Cow<'_, [u8]>, bool), EventError> {
    if message.len() <= SMALL {
        return Ok((message.into(), false));
    }
    let mut copy = Copy::default();
    let kept = copy.message(message, kind, 0)?;
    if copy.is_cut {
        return Ok((kept.into(), true));
    }
    Ok((message.into(), false))
}

#[derive(Debug, Default)]
struct Copy {
    values: usize,
    is_cut: bool,
}

impl Copy {
    fn message(
        &mut self,
        mut from: &[u8],
        kind: Kind,
        depth: usize,
    ) -> Result<Vec<u8>, EventError> {
        let mut kept = Vec::new();
        while !from.is_empty() {
            let field = from;
            let (tag, wire_type) = decode_key(&mut from).map_err(malformed)?;
            let child = kind
                .child(tag)
                .filter(|_| wire_type == WireType::LengthDelimited && depth < MAX_DEPTH);
            let Some(child) = child else {
                skip_field(wire_type, tag, &mut from, DecodeContext::default())
                    .map_err(malformed)?;
                kept.extend_from_slice(&field[..field.len() - from.len()]);
                continue;
            };
            let key = &field[..field.len() - from.len()];
            let inner = delimited(&mut from)?;
            self.values += 1;
            if self.values > BUDGET / VALUE {
                self.is_cut = true;
                continue;
            }
            let inner = self.message(inner, child, depth + 1)?;
            kept.extend_from_slice(key);
            encode_varint(inner.len() as u64, &mut kept);
            kept.extend_from_slice(&inner);
        }
        Ok(kept)
    }
}

fn delimited<'a>(from: &mut &'a [u8]) -> Result<&'a [u8], EventError> {
    let length = decode_varint(from).map_err(malformed)?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let Some((inner, rest)) = from.split_at_checked(length) else {
        return Err(EventError::of_event("a message ends early"));
    };
    *from = rest;
    Ok(inner)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that map_err needs"
)]
fn malformed(error: DecodeError) -> EventError {
    EventError::of_event(error.to_string())
}

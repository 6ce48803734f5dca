//! Walks the wire format of protocol buffers without decoding messages.

use prost::DecodeError;
use prost::bytes::Buf;
use prost::encoding::{self, DecodeContext, WireType, decode_key, decode_varint};

use crate::decode::envelope::{Layer, LayerError};

/// Field numbers of the array, and of the resource or scope and the schema's address next to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tags {
    array: u32,
    sibling: Option<u32>,
    schema: Option<u32>,
}

/// Fields of `ExportTraceServiceRequest` and `ExportLogsServiceRequest`: resource groups.
pub(super) const REQUEST: Tags = Tags {
    array: 1,
    sibling: None,
    schema: None,
};

/// Fields of `ResourceSpans` and `ResourceLogs`, a resource and its scope groups, and of
/// `ScopeSpans` and `ScopeLogs`, a scope and its events.
pub(super) const GROUP: Tags = Tags {
    array: 2,
    sibling: Some(1),
    schema: Some(3),
};

/// Locates the messages inside a message, whose array has at most `most` items.
///
/// # Errors
/// When the message is malformed, or its array has more items.
pub(super) fn layer(
    mut message: &[u8],
    tags: Tags,
    most: usize,
) -> Result<Layer<&[u8]>, LayerError> {
    let mut found = Layer {
        sibling: None,
        schema: None,
        items: Vec::new(),
        misnamed: None,
        misnamed_items: 0,
    };
    while !message.is_empty() {
        let (tag, wire_type) = decode_key(&mut message).map_err(malformed)?;
        if tag == tags.array {
            if found.items.len() == most {
                return Err(LayerError::TooMany);
            }
            found.items.push(delimited(&mut message, wire_type)?);
        } else if Some(tag) == tags.sibling {
            found.sibling = Some(delimited(&mut message, wire_type)?);
        } else if Some(tag) == tags.schema {
            found.schema = Some(delimited(&mut message, wire_type)?);
        } else {
            let context = DecodeContext::default();
            encoding::skip_field(wire_type, tag, &mut message, context).map_err(malformed)?;
        }
    }
    Ok(found)
}

/// Takes the next field: its number, and its content if that is length-delimited.
///
/// # Errors
/// When the field is malformed.
pub(super) fn field<'a>(message: &mut &'a [u8]) -> Result<(u32, Option<&'a [u8]>), LayerError> {
    let (number, wire_type) = decode_key(message).map_err(malformed)?;
    if wire_type == WireType::LengthDelimited {
        return delimited(message, wire_type).map(|content| (number, Some(content)));
    }
    let context = DecodeContext::default();
    encoding::skip_field(wire_type, number, message, context).map_err(malformed)?;
    Ok((number, None))
}

/// Takes the next message as a slice.
fn delimited<'a>(from: &mut &'a [u8], wire_type: WireType) -> Result<&'a [u8], LayerError> {
    encoding::check_wire_type(WireType::LengthDelimited, wire_type).map_err(malformed)?;
    let length = decode_varint(from).map_err(malformed)?;
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= from.remaining());
    let Some((message, rest)) = length.and_then(|length| from.split_at_checked(length)) else {
        return Err(LayerError::Malformed("a message ends early".to_owned()));
    };
    *from = rest;
    Ok(message)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that map_err needs"
)]
fn malformed(error: DecodeError) -> LayerError {
    LayerError::Malformed(error.to_string())
}

//! OTLP's JSON (OTLP 1.11, "JSON Protobuf Encoding"), read liberally: null counts as
//! absent, unknown fields are ignored, 64-bit integers are strings or numbers, enums are
//! numbers or names, and ids are hexadecimal in either case.

mod messages;
mod scalars;

use serde_json::{Map, Value};

use crate::decode::envelope;
use crate::decode::layout::EventError;

/// A message that can be read from JSON.
pub(super) trait FromJson: Sized {
    /// Reads the message from its fields.
    ///
    /// # Errors
    /// When a field cannot be read; the error names it.
    fn from_json(object: &mut Object) -> Result<Self, EventError>;
}

/// Reads a message from JSON, and returns whether fields were skipped because it is too large.
///
/// # Errors
/// When the text is not an object, or one of its fields cannot be read.
pub(super) fn read<M: FromJson>(text: &str) -> Result<(M, bool), EventError> {
    let (object, is_cut) = envelope::object(text)?;
    Ok((M::from_json(&mut Object(object))?, is_cut))
}

/// The fields of a message that have not been read yet.
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// Takes a field; the default value if absent or null.
    fn take<T: Default>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Result<T, EventError>,
    ) -> Result<T, EventError> {
        self.take_optional(name, read)
            .map(Option::unwrap_or_default)
    }

    /// Takes a field; `None` if absent or null.
    fn take_optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Result<T, EventError>,
    ) -> Result<Option<T>, EventError> {
        let value = self.0.remove(name).filter(|value| !value.is_null());
        let read = value.map(read).transpose();
        read.map_err(|reason| reason.within(name))
    }
}

/// Reads a message that is a field of another.
fn message<M: FromJson>(value: Value) -> Result<M, EventError> {
    match value {
        Value::Object(object) => M::from_json(&mut Object(object)),
        _ => Err(EventError::of_event("must be an object")),
    }
}

/// Reads an array of messages that is a field of another.
fn messages<M: FromJson>(value: Value) -> Result<Vec<M>, EventError> {
    let Value::Array(values) = value else {
        return Err(EventError::of_event("must be an array"));
    };
    let read = |(index, value)| {
        message(value).map_err(|reason: EventError| reason.within(&format!("{index}")))
    };
    values.into_iter().enumerate().map(read).collect()
}

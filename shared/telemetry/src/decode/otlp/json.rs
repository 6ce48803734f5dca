//! OTLP's JSON (OTLP 1.11, "JSON Protobuf Encoding"), read liberally: null is
//! the same as absent, unknown fields are ignored, 64-bit integers are strings
//! or numbers, enums are numbers or names, ids are hexadecimal in any case.

mod messages;
mod scalars;

use serde_json::{Map, Value};

use crate::decode::envelope;
use crate::decode::layout::Reason;

/// A message that can be read from JSON.
pub(super) trait FromJson: Sized {
    /// # Errors
    /// Names the field that cannot be read.
    fn from_json(object: &mut Object) -> Result<Self, Reason>;
}

/// Reads a message.
///
/// # Errors
/// When it is no object, or one of its fields cannot be read.
pub(super) fn read<M: FromJson>(text: &str) -> Result<M, Reason> {
    M::from_json(&mut Object(envelope::object(text)?))
}

/// The fields of a message that were not taken yet.
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// A field, or what its absence stands for.
    fn take<T: Default>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Result<T, Reason>,
    ) -> Result<T, Reason> {
        self.take_optional(name, read)
            .map(Option::unwrap_or_default)
    }

    /// A field that may be absent.
    fn take_optional<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(Value) -> Result<T, Reason>,
    ) -> Result<Option<T>, Reason> {
        let value = self.0.remove(name).filter(|value| !value.is_null());
        let read = value.map(read).transpose();
        read.map_err(|reason| reason.within(name))
    }
}

/// A message inside another.
fn message<M: FromJson>(value: Value) -> Result<M, Reason> {
    match value {
        Value::Object(object) => M::from_json(&mut Object(object)),
        _ => Err(Reason::of_event("must be an object")),
    }
}

/// Messages inside another.
fn messages<M: FromJson>(value: Value) -> Result<Vec<M>, Reason> {
    let Value::Array(values) = value else {
        return Err(Reason::of_event("must be an array"));
    };
    let read = |(index, value)| {
        message(value).map_err(|reason: Reason| reason.within(&format!("{index}")))
    };
    values.into_iter().enumerate().map(read).collect()
}

//! The scalars of OTLP's JSON.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use crate::decode::layout::Reason;
use crate::decode::otlp::hex;

/// Padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn text(value: Value) -> Result<String, Reason> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(Reason::of_event("must be a string")),
    }
}

pub(super) fn boolean(value: Value) -> Result<bool, Reason> {
    value
        .as_bool()
        .ok_or_else(|| Reason::of_event("must be true or false"))
}

/// An id.
pub(super) fn hexadecimal(value: Value) -> Result<Vec<u8>, Reason> {
    hex::decode(&text(value)?).ok_or_else(|| Reason::of_event("must be hexadecimal"))
}

/// Bytes that are no id: base64, of either alphabet.
pub(super) fn base64(value: Value) -> Result<Vec<u8>, Reason> {
    let text = text(value)?.replace('-', "+").replace('_', "/");
    let decoded = BASE64.decode(text);
    decoded.map_err(|_| Reason::of_event("must be base64"))
}

/// A whole number; one of 64 bits is a string of its digits, or a number too.
pub(super) fn integer<T: TryFrom<i128>>(value: Value) -> Result<T, Reason> {
    let whole: Option<i128> = match &value {
        Value::String(digits) => digits.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    };
    let whole = whole.and_then(|whole| whole.try_into().ok());
    whole.ok_or_else(|| {
        Reason::of_event("must be a whole number in range, or its digits as a string")
    })
}

/// A number; what JSON cannot write as one is `"NaN"`, `"Infinity"`, `"-Infinity"`.
pub(super) fn double(value: Value) -> Result<f64, Reason> {
    let number = match &value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| Reason::of_event("must be a number"))
}

/// A number or the name of one. Unknown names are as good as unknown numbers.
pub(super) fn enumeration(
    value: Value,
    from_name: impl FnOnce(&str) -> Option<i32>,
) -> Result<i32, Reason> {
    match value {
        Value::String(name) => Ok(from_name(&name).unwrap_or_default()),
        number => integer(number),
    }
}

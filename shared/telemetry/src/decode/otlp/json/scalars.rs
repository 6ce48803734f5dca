//! Readers for the scalar values of OTLP's JSON.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use crate::decode::layout::EventError;
use data_encoding::HEXLOWER_PERMISSIVE;

/// Standard base64, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn text(value: Value) -> Result<String, EventError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(EventError::of_event("must be a string")),
    }
}

pub(super) fn boolean(value: Value) -> Result<bool, EventError> {
    value
        .as_bool()
        .ok_or_else(|| EventError::of_event("must be true or false"))
}

/// Reads a trace or span id.
pub(super) fn hexadecimal(value: Value) -> Result<Vec<u8>, EventError> {
    HEXLOWER_PERMISSIVE
        .decode(text(value)?.as_bytes())
        .map_err(|_| EventError::of_event("must be hexadecimal"))
}

/// Reads bytes other than ids: base64 in the standard or URL-safe alphabet.
pub(super) fn base64(value: Value) -> Result<Vec<u8>, EventError> {
    let text = text(value)?.replace('-', "+").replace('_', "/");
    let decoded = BASE64.decode(text);
    decoded.map_err(|_| EventError::of_event("must be base64"))
}

/// Reads a whole number. 64-bit integers come as strings of digits or as numbers.
pub(super) fn integer<T: TryFrom<i128>>(value: Value) -> Result<T, EventError> {
    let whole: Option<i128> = match &value {
        Value::String(digits) => digits.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    };
    let whole = whole.and_then(|whole| whole.try_into().ok());
    whole.ok_or_else(|| {
        EventError::of_event("must be a whole number in range, or its digits as a string")
    })
}

/// Reads a number, or `"NaN"`, `"Infinity"` or `"-Infinity"`, which JSON numbers cannot express.
pub(super) fn double(value: Value) -> Result<f64, EventError> {
    let number = match &value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| EventError::of_event("must be a number"))
}

/// Reads an enum: its number, the digits of its number, or its name. An unknown name counts as 0,
/// unspecified.
pub(super) fn enumeration(
    value: Value,
    from_name: impl FnOnce(&str) -> Option<i32>,
) -> Result<i32, EventError> {
    match value {
        Value::String(name) => {
            let number = name.trim().parse().ok();
            Ok(number
                .or_else(|| from_name(name.trim()))
                .unwrap_or_default())
        }
        number => integer(number),
    }
}

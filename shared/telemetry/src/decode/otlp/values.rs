//! Converts attribute values to JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use serde_json::{Map, Number, Value};

use crate::decode::bounds::Bounds;

/// Deepest nesting of a value; deeper parts are dropped.
const MAX_DEPTH: usize = 32;

/// Converts the attributes at a place of an event. A null attribute counts as absent.
pub(super) fn attributes(
    place: &str,
    attributes: Vec<KeyValue>,
    bounds: &mut Bounds,
) -> Map<String, Value> {
    let mut converted = Map::new();
    for KeyValue { key, value, .. } in attributes {
        let Some(any) = value else {
            continue;
        };
        let value = nested(any, || format!("{place}/{key}"), bounds);
        if !value.is_null() {
            converted.insert(key, value);
        }
    }
    converted
}

/// Converts one value.
pub(super) fn value(field: &str, value: AnyValue, bounds: &mut Bounds) -> Value {
    nested(value, || field.to_owned(), bounds)
}

fn nested(value: AnyValue, field: impl Fn() -> String, bounds: &mut Bounds) -> Value {
    let bytes = match &value.value {
        Some(Any::ArrayValue(array)) => array.encoded_len(),
        Some(Any::KvlistValue(list)) => list.encoded_len(),
        _ => 0,
    };
    let mut is_too_deep = false;
    let json = json(value, MAX_DEPTH, &mut is_too_deep);
    if is_too_deep {
        bounds.cut(field(), bytes);
    }
    json.unwrap_or_default()
}

/// Converts a value of at most `levels` levels; `None` if it is nested deeper.
fn json(value: AnyValue, levels: usize, is_too_deep: &mut bool) -> Option<Value> {
    let Some(below) = levels.checked_sub(1) else {
        *is_too_deep = true;
        return None;
    };
    let mut inner = |value| json(value, below, is_too_deep);
    Some(match value.value {
        None | Some(Any::StringValueStrindex(_)) => Value::Null,
        Some(Any::StringValue(text)) => text.into(),
        Some(Any::BoolValue(boolean)) => boolean.into(),
        Some(Any::IntValue(integer)) => integer.into(),
        Some(Any::DoubleValue(double)) => number(double),
        Some(Any::BytesValue(bytes)) => STANDARD.encode(bytes).into(),
        Some(Any::ArrayValue(array)) => array.values.into_iter().filter_map(inner).collect(),
        Some(Any::KvlistValue(list)) => {
            let entries = list
                .values
                .into_iter()
                .filter_map(|KeyValue { key, value, .. }| {
                    Some((key, inner(value.unwrap_or_default())?))
                });
            Value::Object(entries.collect())
        }
    })
}

/// Converts a number. JSON has no numbers for infinity and NaN, so these become strings.
fn number(double: f64) -> Value {
    Number::from_f64(double).map_or_else(
        || {
            let name = match double {
                f64::INFINITY => "Infinity",
                f64::NEG_INFINITY => "-Infinity",
                _ => "NaN",
            };
            name.into()
        },
        Value::Number,
    )
}

//! Short names for attribute values.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

/// An item, or the key of one.
pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn string(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The key of an item, from names and (string) values.
pub(super) fn key<const N: usize>(parts: [(&str, &dyn ToString); N]) -> Item {
    parts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), string(value.to_string())))
        .collect()
}

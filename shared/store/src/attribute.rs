//! Conversions between rows, items and attribute values.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use upblit_base::StorageError;

use crate::error::{corrupt, unwritable};

/// An item, or the key of an item.
pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn string(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Builds the key of an item from names and (string) values.
pub(crate) fn key<const N: usize>(parts: [(&str, &dyn ToString); N]) -> Item {
    parts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), string(value.to_string())))
        .collect()
}

/// Converts a row to an item.
pub(crate) fn to_item(row: impl Serialize) -> Result<Item, StorageError> {
    serde_dynamo::to_item(row).map_err(unwritable)
}

/// Converts a value of a row.
pub(crate) fn to_attribute_value(value: impl Serialize) -> Result<AttributeValue, StorageError> {
    serde_dynamo::to_attribute_value(value).map_err(unwritable)
}

/// Converts an item to a row.
pub(crate) fn from_item<Row: DeserializeOwned>(item: Item) -> Result<Row, StorageError> {
    serde_dynamo::from_item(item).map_err(corrupt)
}

/// Converts items to rows.
pub(crate) fn from_items<Row: DeserializeOwned>(
    items: Vec<Item>,
) -> Result<Vec<Row>, StorageError> {
    serde_dynamo::from_items(items).map_err(corrupt)
}

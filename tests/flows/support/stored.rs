//! The items that ingest stored, and their size in DynamoDB.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use shared::telemetry::chunk::summary::Extent;

use super::Backend;

pub type Item = HashMap<String, AttributeValue>;

/// All items of the Telemetry table. Clears the recorded calls.
pub async fn all(backend: &Backend) -> Vec<Item> {
    let table = &backend.database.tables.telemetry;
    let scan = backend.database.client.scan().table_name(table);
    let items = scan.into_paginator().items().send();
    let items = items.collect::<Result<_, _>>().await.unwrap();
    backend.calls.take();
    items
}

/// All chunks and chunk summaries in the order of their keys. Clears the recorded calls.
pub async fn items(backend: &Backend) -> Vec<Item> {
    let mut items = all(backend).await;
    // A rollup belongs to no batch.
    items.retain(|item| !text(item, "pk").starts_with("rollup#"));
    items.sort_by_key(|item| (text(item, "pk").to_owned(), text(item, "sk").to_owned()));
    items
}

/// Number of events that these chunk summaries state.
pub fn events(items: &[Item]) -> usize {
    let summaries = items.iter().filter_map(|item| item.get("summary"));
    let extents = summaries.map(|summary| Extent::of(summary.as_b().unwrap().as_ref()).unwrap());
    extents.map(|extent| extent.count as usize).sum()
}

pub fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item[name].as_s().unwrap()
}

/// The size of an item in bytes, as DynamoDB bills it: attribute names and values. A number
/// takes one byte for every two digits, without trailing zeros, and one more.
pub fn size(item: &Item) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::N(digits) => digits.trim_end_matches('0').len().div_ceil(2) + 1,
        other => panic!("{other:?}"),
    };
    item.iter().map(|(name, v)| name.len() + value(v)).sum()
}

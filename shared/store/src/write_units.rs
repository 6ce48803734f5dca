//! Write units that DynamoDB bills: 1 KB of an item each, and twice that in a transaction.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::attribute::Item;

/// Bytes of an item that one write unit pays for.
const BYTES_PER_UNIT: usize = 1024;

/// Returns the write units of an item, at least 1.
pub(crate) fn of_item(item: &Item) -> u64 {
    let bytes: usize = item.iter().map(|(name, v)| name.len() + size(v)).sum();
    bytes.div_ceil(BYTES_PER_UNIT).max(1) as u64
}

/// Size of an attribute of an item of the Telemetry table, in bytes.
fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        // Two digits take a byte, without trailing zeros.
        AttributeValue::N(digits) => digits.trim_end_matches('0').len().div_ceil(2) + 1,
        _ => 1,
    }
}

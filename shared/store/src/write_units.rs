//! Write units that DynamoDB bills: one per KB of an item, and twice as many in a transaction.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::attribute::Item;

/// Number of bytes of an item that one write unit covers.
const BYTES_PER_UNIT: usize = 1024;

/// Returns the write units of an item, at least 1.
pub(crate) fn of_item(item: &Item) -> u64 {
    let bytes: usize = item.iter().map(|(name, v)| name.len() + size(v)).sum();
    bytes.div_ceil(BYTES_PER_UNIT).max(1) as u64
}

/// Returns the size of an attribute value in the Telemetry table, in bytes.
fn size(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        // Two digits take a byte, without trailing zeros.
        AttributeValue::N(digits) => digits.trim_end_matches('0').len().div_ceil(2) + 1,
        _ => 1,
    }
}

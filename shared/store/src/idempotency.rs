//! Records of what was created with an idempotency key: items of the ShortLived table, one per user
//! and key. Each is written in the transaction that creates the thing.

use aws_sdk_dynamodb::types::{Put, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;

use crate::attribute::{self, Item, number, string};
use crate::error::corrupt;
use crate::transaction::{Slot, Transaction};
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::UserId;
use upblit_identity::idempotency::{IDEMPOTENCY_WINDOW, RepeatableCreation};

#[derive(Serialize, Deserialize)]
struct CreationRow {
    pk: String,
    fingerprint: ByteArray<32>,
    /// Id of what was created.
    created: String,
    expires_at: i64,
}

/// Adds a write that records the id that `creation` creates. Its condition fails if the key already
/// has a record that has not expired and does not name `replaced`. [`created_before`] reads that
/// record.
pub(crate) fn record(
    transaction: &mut Transaction,
    database: &Database,
    (user_id, creation): (UserId, &RepeatableCreation),
    created: impl ToString,
    replaced: Option<&str>,
    now: Timestamp,
) -> Slot {
    let row = CreationRow {
        pk: keys::creation(user_id, creation.key),
        fingerprint: ByteArray::new(creation.fingerprint),
        created: created.to_string(),
        expires_at: clock::after(now, IDEMPOTENCY_WINDOW).as_second(),
    };
    let unused = "attribute_not_exists(pk) OR expires_at <= :now";
    let put = Put::builder()
        .table_name(&database.tables.short_lived)
        .expression_attribute_values(":now", number(now.as_second()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let put = match replaced {
        None => put.condition_expression(unused),
        Some(id) => put
            .condition_expression(format!("{unused} OR created = :replaced"))
            .expression_attribute_values(":replaced", string(id)),
    };
    transaction.put_row(put, row)
}

/// Reads the item that [`record`] was refused with: the id of what the same request created, or
/// `None` if another request has used the key.
pub(crate) fn created_before(
    item: Option<&Item>,
    creation: &RepeatableCreation,
) -> Result<Option<String>, StorageError> {
    let item =
        item.ok_or_else(|| corrupt("the record of a creation was refused without its item"))?;
    let row: CreationRow = attribute::from_item(item.clone())?;
    let is_same = row.fingerprint.into_array() == creation.fingerprint;
    Ok(is_same.then_some(row.created))
}

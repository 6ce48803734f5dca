//! Transactions whose cancellation says which of their conditions failed.

use crate::error::failed;
use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem, Update};

use crate::attribute::Item;
use crate::{Database, StorageError};

/// Most writes of one transaction: DynamoDB's limit.
pub(super) const MAX_TRANSACTION_WRITES: usize = 100;

/// Writes that happen together or not at all.
#[derive(Default)]
pub(super) struct Transaction(Vec<TransactWriteItem>);

/// How a transaction ended.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// All writes happened.
    Committed,
    /// None did: the conditions of the writes at these positions failed. Each
    /// with the item that stood in its way: empty when there is none, or when
    /// the write did not ask for it.
    Refused(BTreeMap<usize, Item>),
}

impl Outcome {
    pub(super) fn refused_at(&self, position: usize) -> bool {
        self.item_at(position).is_some()
    }

    /// The item because of which the write at this position was refused.
    pub(super) fn item_at(&self, position: usize) -> Option<&Item> {
        match self {
            Self::Committed => None,
            Self::Refused(items) => items.get(&position),
        }
    }

    /// For transactions whose conditions cannot fail but by a bug or a collision of random ids.
    pub(super) fn must_commit(self) -> Result<(), StorageError> {
        match self {
            Self::Committed => Ok(()),
            Self::Refused(items) => Err(StorageError::BrokenCondition(format!(
                "at {:?}",
                items.keys()
            ))),
        }
    }
}

impl Transaction {
    pub(super) fn put(mut self, put: Put) -> Self {
        self.0.push(TransactWriteItem::builder().put(put).build());
        self
    }

    pub(super) fn update(mut self, update: Update) -> Self {
        self.0
            .push(TransactWriteItem::builder().update(update).build());
        self
    }

    pub(super) fn delete(mut self, delete: Delete) -> Self {
        self.0
            .push(TransactWriteItem::builder().delete(delete).build());
        self
    }

    pub(super) fn check(mut self, check: ConditionCheck) -> Self {
        self.0
            .push(TransactWriteItem::builder().condition_check(check).build());
        self
    }

    /// Sends the writes. The SDK's retries carry one idempotency token, so a
    /// commit whose answer was lost is not taken for a failure. Where another
    /// write of the same items is under way, waits a little and tries again.
    pub(super) async fn commit(self, database: &Database) -> Result<Outcome, StorageError> {
        let mut waits = CONFLICT_WAITS.into_iter();
        loop {
            let request = database.client.transact_write_items();
            let result = request
                .set_transact_items(Some(self.0.clone()))
                .send()
                .await;
            let Err(error) = result else {
                return Ok(Outcome::Committed);
            };
            if let Some(items) = failed_conditions(&error) {
                return Ok(Outcome::Refused(items));
            }
            match waits.next() {
                Some(wait) if has_conflict(&error) => tokio::time::sleep(wait).await,
                _ => return Err(failed(error)),
            }
        }
    }
}

/// The SDK does not retry a cancelled transaction by itself.
const CONFLICT_WAITS: [Duration; 3] = [
    Duration::from_millis(20),
    Duration::from_millis(60),
    Duration::from_millis(180),
];

fn has_conflict<R>(error: &SdkError<TransactWriteItemsError, R>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
        error.as_service_error()
    else {
        return false;
    };
    let mut reasons = canceled.cancellation_reasons().iter();
    reasons.any(|reason| reason.code() == Some("TransactionConflict"))
}

/// `None` when anything else than conditions stood in the way, such as a
/// conflict with another transaction or throttling: then it is worth a retry.
fn failed_conditions<R>(
    error: &SdkError<TransactWriteItemsError, R>,
) -> Option<BTreeMap<usize, Item>> {
    let TransactWriteItemsError::TransactionCanceledException(canceled) =
        error.as_service_error()?
    else {
        return None;
    };
    let mut items = BTreeMap::new();
    for (position, reason) in canceled.cancellation_reasons().iter().enumerate() {
        match reason.code() {
            Some("ConditionalCheckFailed") => {
                items.insert(position, reason.item().cloned().unwrap_or_default());
            }
            None | Some("None") => {}
            Some(_) => return None,
        }
    }
    (!items.is_empty()).then_some(items)
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;

    use super::*;

    fn canceled(codes: &[&str]) -> SdkError<TransactWriteItemsError, ()> {
        let reasons = codes
            .iter()
            .map(|code| CancellationReason::builder().code(*code).build());
        let canceled = TransactionCanceledException::builder()
            .set_cancellation_reasons(Some(reasons.collect()))
            .build();
        let error = TransactWriteItemsError::TransactionCanceledException(canceled);
        SdkError::service_error(error, ())
    }

    #[test]
    fn failed_conditions_are_told_by_their_position() {
        let error = canceled(&[
            "None",
            "ConditionalCheckFailed",
            "None",
            "ConditionalCheckFailed",
        ]);
        let positions = failed_conditions(&error).unwrap().into_keys();
        assert_eq!(positions.collect::<Vec<_>>(), [1, 3]);
        assert!(!has_conflict(&error));
    }

    #[test]
    fn a_conflict_is_worth_a_retry_and_decides_nothing() {
        let error = canceled(&["ConditionalCheckFailed", "TransactionConflict"]);
        assert_eq!(failed_conditions(&error), None);
        assert!(has_conflict(&error));
    }

    #[test]
    fn throttling_is_neither() {
        let error = canceled(&["None", "ThrottlingError"]);
        assert_eq!(failed_conditions(&error), None);
        assert!(!has_conflict(&error));
        assert_eq!(failed_conditions(&canceled(&["None"])), None);
    }
}

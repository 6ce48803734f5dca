//! Transactions whose cancellation says which of their conditions failed.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem, Update};

use super::{Database, StorageError};

/// Writes that happen together or not at all.
#[derive(Default)]
pub(super) struct Transaction(Vec<TransactWriteItem>);

/// How a transaction ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All writes happened.
    Committed,
    /// None did: the conditions of the writes at these positions failed.
    Refused(Vec<usize>),
}

impl Outcome {
    pub(super) fn refused_at(&self, position: usize) -> bool {
        matches!(self, Self::Refused(positions) if positions.contains(&position))
    }

    /// For transactions whose conditions cannot fail but by a bug or a collision of random ids.
    pub(super) fn must_commit(self) -> Result<(), StorageError> {
        match self {
            Self::Committed => Ok(()),
            Self::Refused(positions) => Err(StorageError::unreadable(format!(
                "condition failed at {positions:?}"
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
    /// commit whose answer was lost is not taken for a failure.
    pub(super) async fn commit(self, database: &Database) -> Result<Outcome, StorageError> {
        let request = database.client.transact_write_items();
        match request.set_transact_items(Some(self.0)).send().await {
            Ok(_) => Ok(Outcome::Committed),
            Err(error) => match failed_conditions(&error) {
                Some(positions) => Ok(Outcome::Refused(positions)),
                None => Err(StorageError::sdk(error)),
            },
        }
    }
}

/// `None` when anything else than conditions stood in the way, such as a
/// conflict with another transaction or throttling: then it is worth a retry.
fn failed_conditions<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<Vec<usize>> {
    let TransactWriteItemsError::TransactionCanceledException(canceled) =
        error.as_service_error()?
    else {
        return None;
    };
    let mut positions = Vec::new();
    for (position, reason) in canceled.cancellation_reasons().iter().enumerate() {
        match reason.code() {
            Some("ConditionalCheckFailed") => positions.push(position),
            None | Some("None") => {}
            Some(_) => return None,
        }
    }
    (!positions.is_empty()).then_some(positions)
}

//! Transactions: writes that are applied together or not at all.
//!
//! Adding a write returns its [`Slot`], by which the [`Outcome`] identifies refused writes.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::{
    ConditionCheckBuilder, DeleteBuilder, PutBuilder, TransactWriteItemBuilder, UpdateBuilder,
};
use aws_sdk_dynamodb::types::{CancellationReason, Put, TransactWriteItem};
use serde::Serialize;

use crate::attribute::{self, Item};
use crate::backoff::{Backoff, Exhausted};
use crate::error::{failed, unbuildable};
use crate::{Database, StorageError, write_units};

mod cancellation;

/// Maximum number of writes in a transaction: DynamoDB's limit.
pub(crate) const MAX_TRANSACTION_WRITES: usize = 100;

/// Writes that are applied together or not at all.
#[derive(Debug, Default)]
pub struct Transaction {
    writes: Vec<TransactWriteItem>,
    /// The first write that could not be built; [`Transaction::commit`] returns it.
    unbuildable: Option<StorageError>,
}

/// A write's place in its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(usize);

/// How a transaction ended.
#[derive(Debug, PartialEq)]
#[must_use]
pub(crate) enum Outcome {
    /// All writes were applied.
    Committed,
    /// No write was applied because conditions failed.
    Refused(Refusal),
}

/// The writes whose conditions failed.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal(BTreeMap<usize, FailedCondition>);

#[derive(Debug, PartialEq)]
struct FailedCondition {
    /// Description of the write, for the log.
    write: String,
    /// The item that failed the condition. `None` if there is no such item, or the write
    /// did not request it.
    item: Option<Item>,
}

impl Outcome {
    /// Returns whether the condition of this write failed.
    pub(crate) fn refused(&self, slot: Slot) -> bool {
        self.failed_condition(slot).is_some()
    }

    /// Returns the item that failed the condition of this write. `None` if there is no such item,
    /// or the write did not request it.
    pub(crate) fn item(&self, slot: Slot) -> Option<&Item> {
        self.failed_condition(slot)?.item.as_ref()
    }

    /// Fails unless the transaction was committed. For operations that have handled the
    /// refusals they expect.
    ///
    /// # Errors
    /// When a condition failed, which is a bug.
    pub(crate) fn must_commit(self) -> Result<(), StorageError> {
        let Self::Refused(Refusal(failed)) = self else {
            return Ok(());
        };
        let writes: Vec<String> = failed.into_values().map(|failed| failed.write).collect();
        Err(StorageError::BrokenCondition(writes.join("; ")))
    }

    fn failed_condition(&self, Slot(position): Slot) -> Option<&FailedCondition> {
        match self {
            Self::Committed => None,
            Self::Refused(Refusal(failed)) => failed.get(&position),
        }
    }
}

impl Transaction {
    /// Adds a put of an item.
    pub(crate) fn put(&mut self, put: PutBuilder) -> Slot {
        self.add(put.build(), TransactWriteItemBuilder::put)
    }

    /// Adds a put of a row.
    pub(crate) fn put_row(&mut self, put: PutBuilder, row: impl Serialize) -> Slot {
        match attribute::to_item(row) {
            Ok(item) => self.put(put.set_item(Some(item))),
            Err(error) => self.remember(error),
        }
    }

    /// Adds an update of one item.
    pub(crate) fn update(&mut self, update: UpdateBuilder) -> Slot {
        self.add(update.build(), TransactWriteItemBuilder::update)
    }

    /// Adds the deletion of one item.
    pub(crate) fn delete(&mut self, delete: DeleteBuilder) -> Slot {
        self.add(delete.build(), TransactWriteItemBuilder::delete)
    }

    /// Adds a condition that must hold, without a write.
    pub(crate) fn check(&mut self, check: ConditionCheckBuilder) -> Slot {
        self.add(check.build(), TransactWriteItemBuilder::condition_check)
    }

    fn add<Write>(
        &mut self,
        built: Result<Write, BuildError>,
        as_write: fn(TransactWriteItemBuilder, Write) -> TransactWriteItemBuilder,
    ) -> Slot {
        match built {
            Ok(write) => {
                let write = as_write(TransactWriteItem::builder(), write);
                self.writes.push(write.build());
                Slot(self.writes.len() - 1)
            }
            Err(error) => self.remember(unbuildable(error)),
        }
    }

    /// Keeps the first error for the commit to return. The slot is never looked up.
    fn remember(&mut self, error: StorageError) -> Slot {
        self.unbuildable.get_or_insert(error);
        Slot(usize::MAX)
    }

    /// Returns the write units that the transaction takes, if the items of its writes other than
    /// puts have at most 1 KB.
    pub(crate) fn write_units(&self) -> u64 {
        let units = self.writes.iter().map(|write| {
            let item = write.put().map(Put::item);
            2 * item.map_or(1, write_units::of_item)
        });
        units.sum()
    }

    /// Sends the writes. The SDK's retries use one idempotency token, so a lost response does
    /// not look like a failure. The SDK does not retry a cancelled transaction; this method
    /// does, after a pause, if it conflicted with another write or was throttled.
    ///
    /// # Errors
    /// When a write could not be built, or storage fails.
    pub(crate) async fn commit(self, database: &Database) -> Result<Outcome, StorageError> {
        if let Some(error) = self.unbuildable {
            return Err(error);
        }
        let mut backoff = Backoff::start();
        loop {
            let request = database.client.transact_write_items();
            let result = request
                .set_transact_items(Some(self.writes.clone()))
                .send()
                .await;
            let Err(error) = result else {
                return Ok(Outcome::Committed);
            };
            let cancelled = match cancellation_reasons(&error) {
                Some(reasons) => cancellation::read(reasons, &self.writes),
                None => return Err(failed(error)),
            };
            let error = match cancelled {
                Ok(refusal) => return Ok(Outcome::Refused(refusal)),
                Err(error) => error,
            };
            if !error.is_transient() || backoff.pause().await == Err(Exhausted) {
                return Err(error);
            }
        }
    }
}

/// Returns the reasons of a cancelled transaction; `None` for any other failure.
fn cancellation_reasons(
    error: &SdkError<TransactWriteItemsError, HttpResponse>,
) -> Option<&[CancellationReason]> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(canceled) => {
            Some(canceled.cancellation_reasons())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;

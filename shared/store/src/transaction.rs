//! Transactions: writes that happen together or not at all.
//!
//! Adding a write returns its [`Slot`], and the [`Outcome`] is asked about that slot:
//! the order of the writes means nothing.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::{
    ConditionCheckBuilder, DeleteBuilder, PutBuilder, TransactWriteItemBuilder, UpdateBuilder,
};
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use serde::Serialize;

use crate::attribute::{self, Item};
use crate::backoff::{Backoff, Exhausted};
use crate::error::{failed, unbuildable};
use crate::{Database, StorageError};

mod cancellation;

/// Most writes of one transaction: DynamoDB's limit.
pub(crate) const MAX_TRANSACTION_WRITES: usize = 100;

/// Writes that happen together or not at all.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
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
    /// All writes happened.
    Committed,
    /// None did: some conditions failed.
    Refused(Refusal),
}

/// The writes whose conditions failed.
#[derive(Debug, PartialEq)]
pub(crate) struct Refusal(BTreeMap<usize, FailedCondition>);

#[derive(Debug, PartialEq)]
struct FailedCondition {
    /// Names the write, for the log.
    write: String,
    /// The item that did not meet the condition: `None` when there is none, or
    /// when the write did not ask for it.
    item: Option<Item>,
}

impl Outcome {
    /// Whether the condition of this write failed.
    pub(crate) fn refused(&self, slot: Slot) -> bool {
        self.failed_condition(slot).is_some()
    }

    /// The item that did not meet the condition of this write. `None` also when
    /// there is no such item, or when the write did not ask for it.
    pub(crate) fn item(&self, slot: Slot) -> Option<&Item> {
        self.failed_condition(slot)?.item.as_ref()
    }

    /// For what is left when the refusals that an operation foresees are ruled out.
    ///
    /// # Errors
    /// When a condition failed: it can fail only by a bug.
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
    /// Puts an item.
    pub(crate) fn put(&mut self, put: PutBuilder) -> Slot {
        self.add(put.build(), TransactWriteItemBuilder::put)
    }

    /// Puts a row.
    pub(crate) fn put_row(&mut self, put: PutBuilder, row: impl Serialize) -> Slot {
        match attribute::to_item(row) {
            Ok(item) => self.put(put.set_item(Some(item))),
            Err(error) => self.remember(error),
        }
    }

    /// Updates an item.
    pub(crate) fn update(&mut self, update: UpdateBuilder) -> Slot {
        self.add(update.build(), TransactWriteItemBuilder::update)
    }

    /// Deletes an item.
    pub(crate) fn delete(&mut self, delete: DeleteBuilder) -> Slot {
        self.add(delete.build(), TransactWriteItemBuilder::delete)
    }

    /// Writes nothing, but refuses the transaction unless the condition holds.
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

    /// No outcome will be asked about this slot: the commit fails.
    fn remember(&mut self, error: StorageError) -> Slot {
        self.unbuildable.get_or_insert(error);
        Slot(usize::MAX)
    }

    /// Sends the writes. The SDK's retries carry one idempotency token, so a
    /// commit whose answer was lost is not taken for a failure. The SDK does not
    /// try a cancelled transaction again; this does, after a pause, where another
    /// write of the same items or a lack of capacity stood in the way.
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

/// `None` for every other failure.
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

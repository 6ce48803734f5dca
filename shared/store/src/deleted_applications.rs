//! Deletes the telemetry of deleted applications. The transaction that deletes an application leaves an
//! item with what is needed to find its telemetry, in one partition of the Applications table. The item goes when the
//! telemetry is gone.

mod partitions;

use std::time::Duration;

use aws_sdk_dynamodb::types::Put;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::partitions::Day;
use crate::applications::key;
use crate::attribute::{self, Item, number, string};
use crate::conditional::{Written, written};
use crate::error::failed;
use crate::transaction::Transaction;
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_identity::application::{Application, MAX_RETENTION_DAYS};
use upblit_telemetry::batch::{DAY, Signal};
use upblit_telemetry::decode::{MAX_AHEAD, MAX_PAST};

/// Time after which no instance accepts telemetry for a deleted application any more: keys are
/// remembered for ten seconds, and a request takes at most eight.
const BEGINS_AFTER: Duration = Duration::from_secs(5 * 60);

/// Number of deleted applications that one run looks at.
const MAX_APPLICATIONS: i32 = 100;

/// What a run may do.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// Number of items to delete; some 250 more are possible.
    pub items: usize,
    /// Number of queries.
    pub queries: usize,
}

impl Allowance {
    /// What a run every minute does: at most 2.9 million items a day, of batches of some 140 million spans.
    /// It takes a few seconds, and 300 write units a second on average.
    pub const USUAL: Self = Self {
        items: 2_000,
        queries: 3_000,
    };

    fn is_used_up(self) -> bool {
        self.items == 0 || self.queries == 0
    }
}

/// Result of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Number of items that were deleted.
    pub items: usize,
    /// Number of applications whose telemetry is gone.
    pub completed: usize,
    /// When the first of the applications was deleted that still have telemetry.
    pub waiting_since: Option<Timestamp>,
}

/// A deleted application whose telemetry is still to be deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct DeletedRow {
    application_id: String,
    sk: ApplicationId,
    deleted_ms: i64,
    shards: u8,
    /// Start of the first day that is left.
    next_ms: i64,
}

impl DeletedRow {
    fn of(application: &Application, now: Timestamp) -> Self {
        let longest = clock::before(now, DAY * u32::from(MAX_RETENTION_DAYS));
        let first = clock::before(application.created_at, MAX_PAST).max(longest);
        Self {
            application_id: keys::DELETED_APPLICATIONS.to_owned(),
            sk: application.id,
            deleted_ms: now.as_millisecond(),
            shards: application.telemetry.shards.get(),
            next_ms: clock::floor(first, DAY).as_millisecond(),
        }
    }

    pub(crate) fn id(&self) -> ApplicationId {
        self.sk
    }

    pub(crate) fn deleted_at(&self) -> Timestamp {
        clock::from_millis(self.deleted_ms)
    }

    /// End of the last day that may have telemetry.
    fn end(&self) -> Timestamp {
        clock::after(self.deleted_at(), MAX_AHEAD + DAY)
    }

    fn key(&self) -> Item {
        attribute::key([
            (keys::APPLICATION_ID, &self.application_id),
            (keys::SK, &self.sk),
        ])
    }
}

/// Adds the item about a deleted application to the transaction that deletes it.
pub(crate) fn record(
    transaction: &mut Transaction,
    database: &Database,
    application: &Application,
    now: Timestamp,
) {
    let put = Put::builder().table_name(&database.tables.applications);
    transaction.put_row(put, DeletedRow::of(application, now));
}

impl Database {
    /// Deletes telemetry of deleted applications, as far as one run may, and notes how far it got.
    ///
    /// # Errors
    /// When storage fails. The next run continues.
    pub async fn delete_telemetry_of_deleted_applications(
        &self,
        allowance: Allowance,
        now: Timestamp,
    ) -> Result<Progress, StorageError> {
        let mut left = allowance;
        let mut progress = Progress::default();
        let mut failure = None;
        for row in self.deleted_applications().await? {
            let is_due = now >= clock::after(row.deleted_at(), BEGINS_AFTER) && !left.is_used_up();
            let is_over = is_due
                && match self.delete_telemetry_of(&row, &mut left).await {
                    Ok(is_over) => is_over,
                    // The telemetry of the others is deleted all the same.
                    Err(error) => {
                        failure.get_or_insert(error);
                        false
                    }
                };
            if is_over {
                progress.completed += 1;
            } else {
                let since = progress.waiting_since.unwrap_or(Timestamp::MAX);
                progress.waiting_since = Some(since.min(row.deleted_at()));
            }
        }
        progress.items = allowance.items - left.items;
        failure.map_or(Ok(progress), Err)
    }

    /// The deleted applications that may still have telemetry, at most 100.
    async fn deleted_applications(&self) -> Result<Vec<DeletedRow>, StorageError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.applications)
            .key_condition_expression("application_id = :deleted")
            .expression_attribute_values(":deleted", string(keys::DELETED_APPLICATIONS))
            .consistent_read(true)
            .limit(MAX_APPLICATIONS);
        let output = query.send().await.map_err(failed)?;
        attribute::from_items(output.items.unwrap_or_default())
    }

    /// Returns whether all telemetry of the application is gone.
    async fn delete_telemetry_of(
        &self,
        row: &DeletedRow,
        left: &mut Allowance,
    ) -> Result<bool, StorageError> {
        // A restore of the table may have brought the application back.
        if !self.is_application(row.sk).await? {
            let mut day = clock::from_millis(row.next_ms);
            while day < row.end() {
                let partitions = Day {
                    application_id: row.sk,
                    shards: row.shards,
                    day,
                };
                if !self.delete_partitions(partitions.all(), left).await? {
                    self.note_next_day(row, day).await?;
                    return Ok(false);
                }
                day = clock::after(day, DAY);
            }
            let rollups = Signal::ALL.map(|signal| keys::rollup_partition(row.sk, signal));
            if !self.delete_partitions(rollups.into(), left).await? {
                self.note_next_day(row, day).await?;
                return Ok(false);
            }
        }
        let delete = self.client.delete_item();
        let delete = delete.table_name(&self.tables.applications);
        let deleted = delete.set_key(Some(row.key())).send().await;
        deleted.map_err(failed)?;
        Ok(true)
    }

    async fn is_application(&self, id: ApplicationId) -> Result<bool, StorageError> {
        let get = self.client.get_item();
        let get = get.table_name(&self.tables.applications);
        let get = get.set_key(Some(key(id, keys::META))).consistent_read(true);
        Ok(get.send().await.map_err(failed)?.item.is_some())
    }

    /// Notes where the next run begins, unless another one has completed the deletion.
    async fn note_next_day(&self, row: &DeletedRow, day: Timestamp) -> Result<(), StorageError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.tables.applications)
            .set_key(Some(row.key()))
            .condition_expression("attribute_exists(sk)")
            .update_expression("SET next_ms = :next")
            .expression_attribute_values(":next", number(day.as_millisecond()));
        match written(update.send().await)? {
            Written::Applied(_) | Written::Refused(_) => Ok(()),
        }
    }
}

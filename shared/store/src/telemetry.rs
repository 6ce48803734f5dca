//! The Telemetry table: chunks, chunk summaries, rollups and late arrivals. The keys of all but
//! rollups are derived from their content.

mod deletion;
mod gaps;
mod range;
mod read;
mod rollups;
mod rows;
mod walk;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put};
use jiff::Timestamp;

use crate::attribute::{self, Item, number, string};
use crate::conditional::put_unless_refused;
use crate::error::{corrupt, unwritable};
use crate::transaction::{MAX_TRANSACTION_WRITES, Outcome, Slot, Transaction};
use crate::{Database, StorageError, keys, write_units};
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_identity::application::Shards;
use upblit_telemetry::chunk::summary::Summary;
use upblit_telemetry::chunk::{Form, PackedChunk};
use upblit_telemetry::query::rollup;

pub use deletion::{Deletion, Progress};
pub use gaps::{Gaps, Unreadable};
pub use range::SummaryRange;
pub use read::SummariesRead;
pub use rollups::{
    Checked, LateArrival, Replaced, RollupsOf, SealedHours, StoredDay, StoredRollups,
};
pub use rows::StoredSummary;
pub(crate) use rows::{ChunkRow, SummaryRow, is_deleted};
pub use walk::{Direction, SummaryWalk};

impl Database {
    /// Creates the writer of an application's batches, with this retention and number of shards.
    pub fn batches(
        &self,
        application_id: ApplicationId,
        retention: Duration,
        shards: Shards,
    ) -> Batches<'_> {
        Batches {
            database: self,
            application_id,
            retention,
            shards,
        }
    }

    /// Stores a version of a chunk or summary, unless the stored one has more events: between two
    /// attempts some events become too old, and others are no longer ahead of the clock. Returns
    /// the write units, which a refused write takes too.
    async fn put_version(&self, item: Item, events: usize) -> Result<u64, StorageError> {
        let units = write_units::of_item(&item);
        let request = self.client.put_item().table_name(&self.tables.telemetry);
        let request = request
            .set_item(Some(item))
            .condition_expression(IS_BETTER)
            .expression_attribute_values(":n", number(events));
        put_unless_refused(request.send().await)?;
        Ok(units)
    }
}

/// Condition that no item has the key, or only a version with at most `:n` events. One of which events were
/// deleted counts as having more than any batch.
const IS_BETTER: &str = "attribute_not_exists(n) OR n <= :n";

/// Condition that no item has the key.
const IS_NEW: &str = "attribute_not_exists(pk)";

/// Stores batches of one application.
pub struct Batches<'a> {
    database: &'a Database,
    application_id: ApplicationId,
    retention: Duration,
    shards: Shards,
}

impl Batches<'_> {
    /// Stores a batch: first all chunks, then their summaries, which make it visible.
    /// Nearly every batch is one chunk and takes two writes. Returns when the whole batch
    /// is durable; storing it again changes nothing. The shard is derived from the content
    /// too, so a retry goes to the same partition. Summaries of a sealed hour are written
    /// together with their late arrivals. Returns the write units that it took.
    ///
    /// # Errors
    /// When storage fails. The batch can then be stored again.
    pub async fn store(&self, chunks: &[PackedChunk], now: Timestamp) -> Result<u64, StorageError> {
        let database = self.database;
        let mut units = 0;
        for chunk in chunks {
            units += database
                .put_version(self.chunk_item(chunk), chunk.count)
                .await?;
        }
        // The chunk writes have just updated the clock of the database.
        let now = database.now_or(now);
        units += match chunks {
            [] => 0,
            [chunk] if !rollup::is_sealed(chunk.hour, now) => {
                database
                    .put_version(self.summary_item(chunk), chunk.count)
                    .await?
            }
            _ => self.put_summaries(chunks, now).await?,
        };
        Ok(units)
    }

    /// Returns the write units that [`Self::store`] takes, if no write is tried twice and no hour is
    /// sealed in between.
    ///
    /// # Errors
    /// When a write cannot be built, which only a bug can cause.
    pub fn write_units(&self, chunks: &[PackedChunk], now: Timestamp) -> Result<u64, StorageError> {
        let of_chunks = chunks.iter().map(|chunk| self.chunk_item(chunk));
        let of_chunks: u64 = of_chunks.map(|item| write_units::of_item(&item)).sum();
        let now = self.database.now_or(now);
        let of_summaries = match chunks {
            [chunk] if !rollup::is_sealed(chunk.hour, now) => {
                write_units::of_item(&self.summary_item(chunk))
            }
            _ => {
                let mut transaction = Transaction::default();
                for chunk in chunks {
                    self.add_summary(&mut transaction, chunk, now)?;
                }
                transaction.write_units()
            }
        };
        Ok(of_chunks + of_summaries)
    }

    /// Writes several summaries, and late arrivals for sealed hours, in one transaction, so that
    /// readers do not see half a batch. Only late batches with many hours and shards, and very
    /// large batches, need more than one transaction. Returns the write units.
    async fn put_summaries(
        &self,
        chunks: &[PackedChunk],
        now: Timestamp,
    ) -> Result<u64, StorageError> {
        let mut units = 0;
        // The summary, the late arrival, and a check in each other shard.
        let writes_per_chunk = 1 + usize::from(self.shards.get());
        for chunks in chunks.chunks(MAX_TRANSACTION_WRITES / writes_per_chunk) {
            let mut left: Vec<&PackedChunk> = chunks.iter().collect();
            while !left.is_empty() {
                let mut transaction = Transaction::default();
                let mut conditions = Vec::new();
                for chunk in &left {
                    conditions.push(self.add_summary(&mut transaction, chunk, now)?);
                }
                units += transaction.write_units();
                let outcome = transaction.commit(self.database).await?;
                if outcome == Outcome::Committed {
                    break;
                }
                // The refused summaries are stored already. They may be in a rollup, so a late
                // arrival would count them again.
                let mut conditions = conditions.into_iter();
                let before = left.len();
                left.retain(|_| {
                    let of_chunk = conditions.next().unwrap_or_default();
                    !of_chunk.into_iter().any(|slot| outcome.refused(slot))
                });
                if left.len() == before {
                    outcome.must_commit()?;
                }
            }
        }
        Ok(units)
    }

    /// Adds the writes for the summary of a chunk. Returns those that are refused if the chunk is
    /// late and stored already, in its shard or in one of a smaller number of shards.
    fn add_summary(
        &self,
        transaction: &mut Transaction,
        chunk: &PackedChunk,
        now: Timestamp,
    ) -> Result<Vec<Slot>, StorageError> {
        let table = &self.database.tables.telemetry;
        let put = |item| Put::builder().table_name(table).set_item(Some(item));
        let summary = put(self.summary_item(chunk));
        if !rollup::is_sealed(chunk.hour, now) {
            let summary = summary
                .condition_expression(IS_BETTER)
                .expression_attribute_values(":n", number(chunk.count));
            return Ok(vec![transaction.put(summary)]);
        }
        let mut conditions = vec![transaction.put(summary.condition_expression(IS_NEW))];
        let hash = &chunk.position.hash;
        let earlier = self.shards.earlier().map(|shards| shards.of(hash));
        let mut earlier: BTreeSet<u32> = earlier.collect();
        earlier.remove(&self.shards.of(hash));
        for shard in earlier {
            let check = ConditionCheck::builder()
                .table_name(table)
                .set_key(Some(self.summary_key(chunk, shard)))
                .condition_expression(IS_NEW);
            conditions.push(transaction.check(check));
        }
        transaction.put(put(self.late_item(chunk)?));
        Ok(conditions)
    }

    fn chunk_item(&self, chunk: &PackedChunk) -> Item {
        let shard = self.shards.of(&chunk.position.hash);
        let partition = keys::chunk_partition(self.application_id, chunk.signal, chunk.hour, shard);
        let sk = keys::chunk(chunk.position);
        let mut item = item(partition, sk, self.expiry(chunk));
        item.insert("events".to_owned(), binary(&chunk.events));
        item.insert("n".to_owned(), number(chunk.count));
        item
    }

    fn summary_item(&self, chunk: &PackedChunk) -> Item {
        let shard = self.shards.of(&chunk.position.hash);
        let mut item = item(
            self.summary_partition(chunk, shard),
            keys::chunk(chunk.position),
            self.expiry(chunk),
        );
        item.insert("summary".to_owned(), binary(&chunk.summary));
        item.insert("n".to_owned(), number(chunk.count));
        item
    }

    fn summary_key(&self, chunk: &PackedChunk, shard: u32) -> Item {
        let partition = self.summary_partition(chunk, shard);
        let sk = keys::chunk(chunk.position);
        attribute::key([(keys::PK, &partition), (keys::SK, &sk)])
    }

    fn summary_partition(&self, chunk: &PackedChunk, shard: u32) -> String {
        keys::summary_partition(self.application_id, chunk.signal, chunk.hour, shard)
    }

    /// Builds the late arrival of a chunk, which readers add to the rollup of its hour.
    fn late_item(&self, chunk: &PackedChunk) -> Result<Item, StorageError> {
        let hash = chunk.position.hash;
        let partition = keys::rollup_partition(self.application_id, chunk.signal);
        let sk = keys::late(chunk.hour, hash);
        let summary = Summary::decode(&chunk.summary).map_err(corrupt)?;
        let late = rollup::encode_late(hash, &summary).map_err(unwritable)?;
        let mut item = item(partition, sk, self.expiry(chunk));
        item.insert("late".to_owned(), binary(&late));
        Ok(item)
    }

    /// Returns the expiry, counted from the hour and not from now, so that a retry writes the same
    /// item.
    fn expiry(&self, chunk: &PackedChunk) -> Timestamp {
        clock::after(chunk.hour, self.retention)
    }
}

/// Begins an item of this table, with the attributes that every item has.
fn item(partition: String, sk: String, expires_at: Timestamp) -> Item {
    let attributes = [
        (keys::PK, string(partition)),
        (keys::SK, string(sk)),
        ("format", number(Form::WRITTEN.number())),
        (keys::TTL, number(expires_at.as_second())),
    ];
    attributes
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

fn binary(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

//! The Telemetry table: chunks, chunk summaries, rollups and late arrivals. The keys of all but
//! rollups are derived from their content.

mod gaps;
mod read;
mod rollups;
mod walk;

use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Put};
use jiff::Timestamp;

use crate::attribute::{Item, number, string};
use crate::error::{corrupt, failed, unwritable};
use crate::transaction::{MAX_TRANSACTION_WRITES, Transaction};
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_identity::application::Shards;
use upblit_telemetry::chunk::PackedChunk;
use upblit_telemetry::chunk::codec::FORM;
use upblit_telemetry::chunk::summary::Summary;
use upblit_telemetry::query::rollup;

pub use gaps::{Gaps, Unreadable};
pub use read::{StoredSummary, SummariesRead, SummaryRange};
pub use rollups::StoredRollups;
pub use walk::SummaryWalk;

impl Database {
    /// Stores a batch: first all chunks, then their summaries, which make it visible.
    /// Nearly every batch is one chunk and takes two writes. Returns when the whole batch
    /// is durable; storing it again changes nothing. The shard is derived from the content
    /// too, so a retry goes to the same partition. Summaries of a sealed hour are written
    /// together with their addition to its rollup.
    ///
    /// # Errors
    /// When storage fails. The batch is then not visible, and can be stored again.
    pub async fn store_batch(
        &self,
        application_id: ApplicationId,
        chunks: &[PackedChunk],
        retention: Duration,
        shards: Shards,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        for chunk in chunks {
            self.put(chunk_item(application_id, chunk, retention, shards))
                .await?;
        }
        // The answer to the first write has the time of the database.
        let now = self.now_or(now);
        match chunks {
            [] => Ok(()),
            [chunk] if !rollup::is_sealed(chunk.hour, now) => {
                self.put(summary_item(application_id, chunk, retention, shards))
                    .await
            }
            _ => {
                self.put_summaries(application_id, chunks, retention, shards, now)
                    .await
            }
        }
    }

    async fn put(&self, item: Item) -> Result<(), StorageError> {
        let request = self.client.put_item().table_name(&self.tables.telemetry);
        request.set_item(Some(item)).send().await.map_err(failed)?;
        Ok(())
    }

    /// Writes several summaries, and late arrivals for sealed hours, in one transaction,
    /// so a reader never sees half a batch. Only a batch of more than fifty hours, which
    /// takes spans that last several days, needs more than one transaction.
    async fn put_summaries(
        &self,
        application_id: ApplicationId,
        chunks: &[PackedChunk],
        retention: Duration,
        shards: Shards,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        for chunks in chunks.chunks(MAX_TRANSACTION_WRITES / 2) {
            let mut items: Vec<Item> = chunks
                .iter()
                .map(|chunk| summary_item(application_id, chunk, retention, shards))
                .collect();
            for chunk in chunks
                .iter()
                .filter(|chunk| rollup::is_sealed(chunk.hour, now))
            {
                items.push(late_item(application_id, chunk, retention)?);
            }
            let mut transaction = Transaction::default();
            for item in items {
                let put = Put::builder()
                    .table_name(&self.tables.telemetry)
                    .set_item(Some(item));
                transaction.put(put);
            }
            transaction.commit(self).await?.must_commit()?;
        }
        Ok(())
    }
}

fn chunk_item(
    application_id: ApplicationId,
    chunk: &PackedChunk,
    retention: Duration,
    shards: Shards,
) -> Item {
    let shard = shards.of(&chunk.position.hash);
    let partition = keys::chunk_partition(application_id, chunk.signal, chunk.hour, shard);
    let sk = keys::chunk(chunk.position);
    let mut item = item(partition, sk, FORM, expiry(chunk, retention));
    item.insert("events".to_owned(), binary(&chunk.events));
    item
}

fn summary_item(
    application_id: ApplicationId,
    chunk: &PackedChunk,
    retention: Duration,
    shards: Shards,
) -> Item {
    let shard = shards.of(&chunk.position.hash);
    let partition = keys::summary_partition(application_id, chunk.signal, chunk.hour, shard);
    let sk = keys::chunk(chunk.position);
    let mut item = item(partition, sk, FORM, expiry(chunk, retention));
    item.insert("summary".to_owned(), binary(&chunk.summary));
    item
}

/// What a chunk adds to the rollup of its hour.
fn late_item(
    application_id: ApplicationId,
    chunk: &PackedChunk,
    retention: Duration,
) -> Result<Item, StorageError> {
    let hash = chunk.position.hash;
    let partition = keys::rollup_partition(application_id, chunk.signal);
    let sk = keys::late(chunk.hour, hash);
    let summary = Summary::decode(&chunk.summary).map_err(corrupt)?;
    let late = rollup::encode_late(hash, &summary).map_err(unwritable)?;
    let mut item = item(partition, sk, FORM, expiry(chunk, retention));
    item.insert("late".to_owned(), binary(&late));
    Ok(item)
}

/// The attributes of every item of this table.
fn item(partition: String, sk: String, form: u8, expires_at: Timestamp) -> Item {
    let attributes = [
        (keys::PK, string(partition)),
        (keys::SK, string(sk)),
        ("format", number(form)),
        (keys::TTL, number(expires_at.as_second())),
    ];
    attributes
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

fn binary(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

/// Expiry, counted from the hour and not from now, so that a retry writes the same item.
fn expiry(chunk: &PackedChunk, retention: Duration) -> Timestamp {
    clock::after(chunk.hour, retention)
}

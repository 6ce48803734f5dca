//! The Telemetry table: chunks, chunk summaries and rollups. The keys of chunks and
//! summaries are derived from their content.

mod read;
mod rollups;
mod walk;

use crate::error::failed;
use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Put};
use jiff::Timestamp;

use crate::attribute::{Item, number, string};
use crate::transaction::{MAX_TRANSACTION_WRITES, Transaction};
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_identity::application::Shards;
use upblit_telemetry::chunk::PackedChunk;
use upblit_telemetry::query::rollup;

pub use read::{StoredSummary, SummariesRead, SummaryRange};
pub use rollups::{DirtyMarker, PutRollupOutcome, RollupKey, StoredRollup};
pub use walk::SummaryWalk;

/// Version of the item format. Readers ignore items of other versions.
const FORMAT: u8 = 2;

impl Database {
    /// Stores a batch: first all chunks, then their summaries, which make it visible.
    /// Nearly every batch is one chunk and takes two writes. Returns when the whole batch
    /// is durable; storing it again changes nothing. The shard is derived from the content
    /// too, so a retry goes to the same partition. Summaries of a sealed hour are written
    /// together with a dirty marker.
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

    /// Writes several summaries, and dirty markers for sealed hours, in one transaction,
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
            let summaries = chunks
                .iter()
                .map(|chunk| summary_item(application_id, chunk, retention, shards));
            let late = chunks
                .iter()
                .filter(|chunk| rollup::is_sealed(chunk.hour, now));
            let markers: BTreeMap<Timestamp, Item> = late
                .map(|chunk| {
                    (
                        chunk.hour,
                        rollups::dirty_marker(application_id, chunk, retention),
                    )
                })
                .collect();
            let mut transaction = Transaction::default();
            for item in summaries.chain(markers.into_values()) {
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
    let mut item = item(
        partition,
        keys::chunk(chunk.position),
        expiry(chunk, retention),
    );
    item.insert("events".to_owned(), binary(&chunk.compressed));
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
    let mut item = item(
        partition,
        keys::chunk(chunk.position),
        expiry(chunk, retention),
    );
    let attributes = [
        ("from_ms", number(chunk.from.as_millisecond())),
        ("count", number(chunk.count)),
        ("bytes", number(chunk.compressed.len())),
        ("summary", binary(&chunk.summary)),
    ];
    item.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
    item
}

/// The attributes of every item of this table.
fn item(partition: String, sk: String, expires_at: Timestamp) -> Item {
    let attributes = [
        (keys::PK, string(partition)),
        (keys::SK, string(sk)),
        ("format", number(FORMAT)),
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

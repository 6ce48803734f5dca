//! Reads the chunk summaries of a range, and the chunks of some of them.

use crate::error::{corrupt, failed};
use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::stream::{FuturesUnordered, TryStreamExt};
use jiff::Timestamp;
use serde::Deserialize;
use serde_bytes::ByteBuf;

use super::FORMAT;
use crate::attribute::{self, Item, string};
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_telemetry::batch::{HOUR, Signal};
use upblit_telemetry::chunk::Position;
use upblit_telemetry::chunk::codec;
use upblit_telemetry::chunk::summary::Summary;
use upblit_telemetry::event::Event;
use upblit_telemetry::query::window::TimeWindow;

/// Number of queries that run concurrently.
const MAX_CONCURRENT: usize = 8;

/// Chunks read by one request. `BatchGetItem` returns at most 100 items and 16 MB; a chunk
/// has up to 350 KB.
const CHUNKS_PER_READ: usize = 40;

/// A range of chunk summaries of one application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SummaryRange {
    /// Application that the telemetry belongs to.
    pub application_id: ApplicationId,
    /// Signal of the events.
    pub signal: Signal,
    /// Number of shards that the telemetry is spread over.
    pub shards: u32,
    /// Query window. The range has the chunks that may hold events of it.
    pub window: TimeWindow,
    /// Chunks positioned at this time or later are excluded.
    pub before: Timestamp,
    /// Current time. Items that have expired are ignored, even if not deleted yet.
    pub now: Timestamp,
}

/// A stored chunk summary, with its statistics still encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSummary {
    /// Position of the chunk and its summary.
    pub position: Position,
    /// Shard that holds them.
    pub shard: u32,
    /// Start of the first event of the chunk.
    pub from: Timestamp,
    /// Number of events in the chunk.
    pub count: u32,
    /// Size of the compressed chunk, in bytes.
    pub bytes: usize,
    /// Expiry of the chunk and its summary.
    pub expires_at: Timestamp,
    summary: Vec<u8>,
}

impl StoredSummary {
    /// Decodes the summary.
    ///
    /// # Errors
    /// When it is corrupt.
    pub fn summary(&self) -> Result<Summary, StorageError> {
        Summary::decode(&self.summary).map_err(corrupt)
    }

    /// Start of the hour in which the events started.
    pub fn hour(&self) -> Timestamp {
        clock::floor(self.position.at, HOUR)
    }
}

/// Result of [`Database::each_summary`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummariesRead {
    /// The whole range was read.
    All,
    /// The range has more summaries than the limit; the rest was not read.
    TooMany,
}

impl Database {
    /// Calls `each` for every summary of a range, in no particular order, until there are
    /// more than `most`. Pages are read concurrently.
    ///
    /// # Errors
    /// When storage fails, or `each` does.
    pub async fn each_summary(
        &self,
        range: &SummaryRange,
        most: usize,
        mut each: impl FnMut(StoredSummary) -> Result<(), StorageError>,
    ) -> Result<SummariesRead, StorageError> {
        let mut waiting = range.partitions().into_iter();
        let mut pages: FuturesUnordered<_> = waiting
            .by_ref()
            .take(MAX_CONCURRENT)
            .map(|partition| self.page(range, partition, None))
            .collect();
        let mut seen = 0;
        while let Some(Page {
            partition,
            summaries,
            next,
        }) = pages.try_next().await?
        {
            seen += summaries.len();
            summaries.into_iter().try_for_each(&mut each)?;
            if seen > most {
                return Ok(SummariesRead::TooMany);
            }
            match next {
                Some(start) => pages.push(self.page(range, partition, Some(start))),
                None => pages.extend(
                    waiting
                        .next()
                        .map(|partition| self.page(range, partition, None)),
                ),
            }
        }
        Ok(SummariesRead::All)
    }

    /// Reads the chunks of some summaries, in the order of the summaries. A chunk that has
    /// expired in the meantime has no events.
    ///
    /// # Errors
    /// When storage fails or a chunk is corrupt.
    pub async fn open<E: Event>(
        &self,
        application_id: ApplicationId,
        summaries: &[&StoredSummary],
    ) -> Result<Vec<Vec<E>>, StorageError> {
        let keys: Vec<Item> = summaries
            .iter()
            .map(|stored| chunk_key(application_id, E::SIGNAL, stored))
            .collect();
        let table = &self.tables.telemetry;
        let read = self.get_all(table, &keys, CHUNKS_PER_READ).await?;
        let rows: Vec<ChunkRow> = attribute::from_items(read)?;
        let mut by_key: HashMap<(String, String), ByteBuf> = rows
            .into_iter()
            .filter(|row| row.format == FORMAT)
            .map(|row| ((row.pk, row.sk), row.events))
            .collect();
        let mut opened = Vec::with_capacity(summaries.len());
        for key in keys {
            let chunk = by_key.remove(&(text(&key, keys::PK), text(&key, keys::SK)));
            let events = chunk.map(|chunk| codec::decode(&chunk)).transpose();
            opened.push(events.map_err(corrupt)?.unwrap_or_default());
        }
        Ok(opened)
    }

    async fn page(
        &self,
        range: &SummaryRange,
        partition: Partition,
        start: Option<Item>,
    ) -> Result<Page, StorageError> {
        let (summaries, next) = self.query(range, &partition, start, Order::Oldest).await?;
        Ok(Page {
            partition,
            summaries,
            next,
        })
    }

    /// Runs one query of one partition. Returns the summaries that are of the current
    /// format and have not expired, and the key at which the next query starts.
    pub(super) async fn query(
        &self,
        range: &SummaryRange,
        partition: &Partition,
        start: Option<Item>,
        order: Order,
    ) -> Result<(Vec<StoredSummary>, Option<Item>), StorageError> {
        let name = partition.name(range);
        let request = self
            .client
            .query()
            .table_name(&self.tables.telemetry)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", string(name))
            .expression_attribute_values(":from", string(keys::chunks_from(range.window.from)))
            .expression_attribute_values(":to", string(keys::chunks_from(range.before)))
            .consistent_read(true)
            .set_exclusive_start_key(start);
        let request = match order {
            Order::Oldest => request,
            Order::Newest { at_most } => request.scan_index_forward(false).limit(at_most),
        };
        let output = request.send().await.map_err(failed)?;
        let rows: Vec<SummaryRow> = attribute::from_items(output.items.unwrap_or_default())?;
        let summaries = rows
            .into_iter()
            .filter(|row| row.format == FORMAT && row.expires_at > range.now.as_second())
            .filter_map(|row| row.stored(partition.shard))
            .filter(|stored| stored.from < range.window.to);
        Ok((summaries.collect(), output.last_evaluated_key))
    }
}

/// Order in which a query returns summaries.
#[derive(Clone, Copy)]
pub(super) enum Order {
    Oldest,
    Newest { at_most: i32 },
}

/// One day of summaries in one shard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Partition {
    pub(super) day: Timestamp,
    pub(super) shard: u32,
}

struct Page {
    partition: Partition,
    summaries: Vec<StoredSummary>,
    next: Option<Item>,
}

impl Partition {
    fn name(&self, range: &SummaryRange) -> String {
        keys::summary_partition(range.application_id, range.signal, self.day, self.shard)
    }
}

impl SummaryRange {
    /// Starts of the UTC days that the range overlaps, newest first.
    pub(super) fn days(&self) -> impl Iterator<Item = Timestamp> + use<> {
        let summaries = TimeWindow {
            from: self.window.from,
            to: self.before,
        };
        summaries.days()
    }

    fn partitions(&self) -> Vec<Partition> {
        let shards = 0..self.shards;
        self.days()
            .flat_map(|day| shards.clone().map(move |shard| Partition { day, shard }))
            .collect()
    }
}

fn chunk_key(application_id: ApplicationId, signal: Signal, stored: &StoredSummary) -> Item {
    let pk = keys::chunk_partition(application_id, signal, stored.hour(), stored.shard);
    let sk = keys::chunk(stored.position);
    attribute::key([(keys::PK, &pk), (keys::SK, &sk)])
}

fn text(key: &Item, name: &str) -> String {
    let value = key.get(name).map(AttributeValue::as_s);
    value.and_then(Result::ok).cloned().unwrap_or_default()
}

#[derive(Deserialize)]
struct SummaryRow {
    sk: String,
    format: u8,
    from_ms: i64,
    count: u32,
    bytes: usize,
    summary: ByteBuf,
    expires_at: i64,
}

#[derive(Deserialize)]
struct ChunkRow {
    pk: String,
    sk: String,
    format: u8,
    events: ByteBuf,
}

impl SummaryRow {
    fn stored(self, shard: u32) -> Option<StoredSummary> {
        Some(StoredSummary {
            position: keys::parse_chunk(&self.sk)?,
            shard,
            from: clock::from_millis(self.from_ms),
            count: self.count,
            bytes: self.bytes,
            expires_at: clock::from_seconds(self.expires_at),
            summary: self.summary.into_vec(),
        })
    }
}

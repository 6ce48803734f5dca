//! Reads the chunk summaries of a range, and the chunks of some of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::stream::{FuturesUnordered, TryStreamExt};

use super::range::{Partition, SummaryRange};
use super::rows::{ChunkRow, StoredSummary, SummaryRow};
use crate::attribute::{self, Item, string};
use crate::error::failed;
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_telemetry::batch::{DAY, Signal};
use upblit_telemetry::chunk::{FormError, Position};
use upblit_telemetry::query::cursor::ChunkPlace;

/// Number of queries that run concurrently.
const MAX_CONCURRENT: usize = 8;

/// Chunks read by one request. `BatchGetItem` returns at most 100 items and 16 MB; a chunk
/// has up to 350 KB.
const CHUNKS_PER_READ: usize = 40;

/// Maximum size of the chunks that are in memory at the same time before they are decoded, in bytes.
/// Usual chunks have a few KB, so all are read at once.
const MAX_BYTES_AT_ONCE: usize = 16 * 1024 * 1024;

/// Summaries read by one request; each has at most 17 KB.
const SUMMARIES_PER_READ: usize = 100;

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
    /// more than `most`. Pages are read concurrently. A batch that was sent again after the number
    /// of shards changed may be stored in two shards, and counts once.
    ///
    /// # Errors
    /// When storage or `each` fails.
    pub async fn each_summary(
        &self,
        range: &SummaryRange<'_>,
        most: usize,
        mut each: impl FnMut(StoredSummary) -> Result<(), StorageError>,
    ) -> Result<SummariesRead, StorageError> {
        let mut waiting = range.partitions().into_iter();
        let mut pages: FuturesUnordered<_> = waiting
            .by_ref()
            .take(MAX_CONCURRENT)
            .map(|partition| self.page(range, partition, None))
            .collect();
        let mut seen = HashSet::new();
        while let Some(Page {
            partition,
            summaries,
            next,
        }) = pages.try_next().await?
        {
            for stored in summaries {
                if seen.insert(stored.position.hash) {
                    each(stored)?;
                }
            }
            if seen.len() > most {
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

    /// Reads the summaries at some positions, in no particular order. Leaves out those that have
    /// expired, and those whose shard is beyond the range or that begin after its window.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn summaries_at(
        &self,
        range: &SummaryRange<'_>,
        places: &[ChunkPlace],
    ) -> Result<Vec<StoredSummary>, StorageError> {
        let shards: BTreeMap<Position, u8> = places
            .iter()
            .filter(|place| u32::from(place.shard) < range.shards)
            .map(|place| (place.position, place.shard))
            .collect();
        let keys: Vec<Item> = shards
            .iter()
            .map(|(position, shard)| summary_key(range, *position, (*shard).into()))
            .collect();
        let table = &self.tables.telemetry;
        let read = self.get_all(table, &keys, SUMMARIES_PER_READ).await?;
        let rows: Vec<SummaryRow> = attribute::from_items(read)?;
        let stored = rows
            .into_iter()
            .filter(|row| row.expires_at > range.now.as_second())
            .filter_map(|row| {
                let shard = shards.get(&keys::parse_chunk(&row.sk)?)?;
                row.stored((*shard).into(), range.gaps)
            });
        Ok(stored
            .filter(|stored| stored.from < range.window.to)
            .collect())
    }

    /// Reads the chunks of some summaries, and decodes one after the other, in the order of the
    /// summaries: `decode` gets the place of the summary among them, and the stored chunk. A chunk
    /// that has expired or was deleted in the meantime is left out, and so is one that cannot be read,
    /// which becomes a gap.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn open(
        &self,
        range: &SummaryRange<'_>,
        summaries: &[&StoredSummary],
        mut decode: impl FnMut(usize, &[u8]) -> Result<(), FormError>,
    ) -> Result<(), StorageError> {
        let mut settled = summaries.iter();
        let is_settled = settled.all(|stored| stored.position.at < range.eventual_before);
        let mut place = 0;
        for group in within(summaries, MAX_BYTES_AT_ONCE) {
            let keys: Vec<Item> = group
                .iter()
                .map(|stored| chunk_key(range.application_id, range.signal, stored))
                .collect();
            let by_key = self.chunks(&keys, is_settled).await?;
            for (key, stored) in keys.into_iter().zip(group) {
                let decoded = match by_key.get(&key_of(&key)) {
                    // Since the summary was read.
                    Some(row) if row.is_deleted() => Ok(()),
                    Some(row) => row.decoded(|chunk| decode(place, chunk)),
                    None if stored.expires_at > range.now => {
                        Err(FormError::Damaged("the chunk is missing"))
                    }
                    None => Ok(()),
                };
                if let Err(error) = decoded {
                    let key = keys::chunk(stored.position);
                    range.gaps.record(stored.hour(), &key, error);
                }
                place += 1;
            }
        }
        Ok(())
    }

    /// Reads the chunks with these keys; skips keys without an item. If they are `settled`, reads
    /// with eventual consistency first, and with strong consistency only those that were missing.
    async fn chunks(
        &self,
        keys: &[Item],
        settled: bool,
    ) -> Result<HashMap<(String, String), ChunkRow>, StorageError> {
        let table = &self.tables.telemetry;
        let mut by_key = HashMap::new();
        if settled {
            let read = self.get_eventually(table, keys, CHUNKS_PER_READ).await?;
            add_chunks(&mut by_key, read)?;
        }
        let missing = keys.iter().filter(|key| !by_key.contains_key(&key_of(key)));
        let missing: Vec<Item> = missing.cloned().collect();
        let read = self.get_all(table, &missing, CHUNKS_PER_READ).await?;
        add_chunks(&mut by_key, read)?;
        Ok(by_key)
    }

    async fn page(
        &self,
        range: &SummaryRange<'_>,
        partition: Partition,
        start: Option<Item>,
    ) -> Result<Page, StorageError> {
        let order = Order::Oldest { at_most: None };
        let (summaries, next) = self.query(range, &partition, start, order).await?;
        Ok(Page {
            partition,
            summaries,
            next,
        })
    }

    /// Runs one query of one partition. Returns the summaries that have not expired, and the key
    /// at which the next query starts. Summaries that cannot be read become gaps.
    pub(super) async fn query(
        &self,
        range: &SummaryRange<'_>,
        partition: &Partition,
        start: Option<Item>,
        order: Order,
    ) -> Result<(Vec<StoredSummary>, Option<Item>), StorageError> {
        let (first, last) = range.sort_keys(&partition.part);
        if first > last {
            return Ok((Vec::new(), None));
        }
        let request = self
            .client
            .query()
            .table_name(&self.tables.telemetry)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", string(partition.name(range)))
            .expression_attribute_values(":from", string(first))
            .expression_attribute_values(":to", string(last))
            .consistent_read(partition.part.is_strong)
            .set_exclusive_start_key(start);
        let request = match order {
            Order::Oldest { at_most } => request.set_limit(at_most),
            Order::Newest { at_most } => request.scan_index_forward(false).limit(at_most),
        };
        let output = request.send().await.map_err(failed)?;
        let rows: Vec<SummaryRow> = attribute::from_items(output.items.unwrap_or_default())?;
        let summaries = rows
            .into_iter()
            .filter(|row| row.expires_at > range.now.as_second())
            .filter_map(|row| row.stored(partition.shard, range.gaps))
            .filter(|stored| stored.from < range.window.to && range.has(stored.position));
        Ok((summaries.collect(), output.last_evaluated_key))
    }
}

/// Order in which a query returns summaries.
#[derive(Clone, Copy)]
pub(super) enum Order {
    Oldest { at_most: Option<i32> },
    Newest { at_most: i32 },
}

/// Divides the summaries into groups whose chunks together have at most `most` bytes, or of one chunk.
fn within<'a, 's>(
    summaries: &'a [&'s StoredSummary],
    most: usize,
) -> impl Iterator<Item = &'a [&'s StoredSummary]> {
    let mut rest = summaries;
    std::iter::from_fn(move || {
        let mut bytes = 0_usize;
        let fitting = rest.iter().take_while(|stored| {
            bytes = bytes.saturating_add(stored.bytes);
            bytes <= most
        });
        let count = fitting.count().max(1).min(rest.len());
        let (group, left) = rest.split_at(count);
        rest = left;
        (!group.is_empty()).then_some(group)
    })
}

struct Page {
    partition: Partition,
    summaries: Vec<StoredSummary>,
    next: Option<Item>,
}

fn summary_key(range: &SummaryRange<'_>, position: Position, shard: u32) -> Item {
    let day = clock::floor(position.at, DAY);
    let pk = keys::summary_partition(range.application_id, range.signal, day, shard);
    attribute::key([(keys::PK, &pk), (keys::SK, &keys::chunk(position))])
}

fn chunk_key(application_id: ApplicationId, signal: Signal, stored: &StoredSummary) -> Item {
    let pk = keys::chunk_partition(application_id, signal, stored.hour(), stored.shard);
    let sk = keys::chunk(stored.position);
    attribute::key([(keys::PK, &pk), (keys::SK, &sk)])
}

/// Returns the partition and sort key of a key.
fn key_of(key: &Item) -> (String, String) {
    (text(key, keys::PK), text(key, keys::SK))
}

fn add_chunks(
    by_key: &mut HashMap<(String, String), ChunkRow>,
    items: Vec<Item>,
) -> Result<(), StorageError> {
    let rows: Vec<ChunkRow> = attribute::from_items(items)?;
    by_key.extend(
        rows.into_iter()
            .map(|row| ((row.pk.clone(), row.sk.clone()), row)),
    );
    Ok(())
}

fn text(key: &Item, name: &str) -> String {
    let value = key.get(name).map(AttributeValue::as_s);
    value.and_then(Result::ok).cloned().unwrap_or_default()
}

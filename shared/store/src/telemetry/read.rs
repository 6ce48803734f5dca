//! Reads the chunk summaries of a range, and the chunks of some of them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::stream::{FuturesUnordered, TryStreamExt};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_bytes::ByteBuf;

use super::{FORM, Gaps};
use crate::attribute::{self, Item, string};
use crate::error::failed;
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_telemetry::batch::{HOUR, Signal};
use upblit_telemetry::chunk::summary::{Extent, Summary};
use upblit_telemetry::chunk::{FormError, Position};
use upblit_telemetry::query::window::TimeWindow;

/// The form that the release before this one wrote.
const FORM_2: u8 = 2;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Number of queries that run concurrently.
const MAX_CONCURRENT: usize = 8;

/// Chunks read by one request. `BatchGetItem` returns at most 100 items and 16 MB; a chunk
/// has up to 350 KB.
const CHUNKS_PER_READ: usize = 40;

/// A range of chunk summaries of one application.
#[derive(Debug, Clone, Copy)]
pub struct SummaryRange<'a> {
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
    /// Summaries positioned earlier may be read with eventual consistency, which costs half.
    pub settled_before: Timestamp,
    /// Collects what cannot be read.
    pub gaps: &'a Gaps,
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
    /// Size of the stored chunk, in bytes.
    pub bytes: usize,
    /// Memory that its events take at most once they are decoded, in bytes.
    pub memory: usize,
    /// Expiry of the chunk and its summary.
    pub expires_at: Timestamp,
    form: u8,
    summary: Vec<u8>,
}

impl StoredSummary {
    /// Decodes the summary. `None` if it cannot be read, which becomes a gap.
    pub fn summary(&self, gaps: &Gaps) -> Option<Summary> {
        let summary = Summary::decode(&self.summary);
        let unreadable = |error: &FormError| {
            gaps.record(self.hour(), &keys::chunk(self.position), *error);
        };
        summary.inspect_err(unreadable).ok()
    }

    /// Whether a release wrote it that leaves dirty markers instead of late arrivals.
    pub fn is_form_2(&self) -> bool {
        self.form == FORM_2
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
    /// more than `most`. Pages are read concurrently. A batch that was sent again after a change
    /// of shards is in two of them, and counts once.
    ///
    /// # Errors
    /// When storage fails, or `each` does.
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

    /// Reads the chunks of some summaries, in the order of the summaries, and decodes each. A
    /// chunk that has expired in the meantime has no events, and neither has one that cannot be
    /// read, which becomes a gap.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn open<T: Default>(
        &self,
        range: &SummaryRange<'_>,
        summaries: &[&StoredSummary],
        decode: impl Fn(&[u8]) -> Result<T, FormError>,
    ) -> Result<Vec<T>, StorageError> {
        let keys: Vec<Item> = summaries
            .iter()
            .map(|stored| chunk_key(range.application_id, range.signal, stored))
            .collect();
        let table = &self.tables.telemetry;
        let read = self.get_all(table, &keys, CHUNKS_PER_READ).await?;
        let rows: Vec<ChunkRow> = attribute::from_items(read)?;
        let by_key: HashMap<(String, String), ChunkRow> = rows
            .into_iter()
            .map(|row| ((row.pk.clone(), row.sk.clone()), row))
            .collect();
        let mut opened = Vec::with_capacity(summaries.len());
        for (key, stored) in keys.into_iter().zip(summaries) {
            let row = by_key.get(&(text(&key, keys::PK), text(&key, keys::SK)));
            let decoded = match row {
                Some(row) => row.decoded(&decode).map(Some),
                None if stored.expires_at > range.now => {
                    Err(FormError::Damaged("the chunk is missing"))
                }
                None => Ok(None),
            };
            let decoded = decoded.unwrap_or_else(|error| {
                range
                    .gaps
                    .record(stored.hour(), &keys::chunk(stored.position), error);
                None
            });
            opened.push(decoded.unwrap_or_default());
        }
        Ok(opened)
    }

    async fn page(
        &self,
        range: &SummaryRange<'_>,
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

    /// Runs one query of one partition. Returns the summaries that have not expired, and the key
    /// at which the next query starts. Summaries of an unknown form become gaps.
    pub(super) async fn query(
        &self,
        range: &SummaryRange<'_>,
        partition: &Partition,
        start: Option<Item>,
        order: Order,
    ) -> Result<(Vec<StoredSummary>, Option<Item>), StorageError> {
        let request = self
            .client
            .query()
            .table_name(&self.tables.telemetry)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", string(partition.name(range)))
            .expression_attribute_values(":from", string(keys::from_time(partition.span.from)))
            .expression_attribute_values(":to", string(keys::from_time(partition.span.to)))
            .consistent_read(partition.span.is_strong)
            .set_exclusive_start_key(start);
        let request = match order {
            Order::Oldest => request,
            Order::Newest { at_most } => request.scan_index_forward(false).limit(at_most),
        };
        let output = request.send().await.map_err(failed)?;
        let rows: Vec<SummaryRow> = attribute::from_items(output.items.unwrap_or_default())?;
        let summaries = rows
            .into_iter()
            .filter(|row| row.expires_at > range.now.as_second())
            .filter_map(|row| row.stored(partition.shard, range.gaps))
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

/// Summaries of one day in one shard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Partition {
    pub(super) span: Span,
    pub(super) shard: u32,
}

/// A part of a day that is read in one way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    day: Timestamp,
    from: Timestamp,
    to: Timestamp,
    /// Whether to read with strong consistency.
    is_strong: bool,
}

struct Page {
    partition: Partition,
    summaries: Vec<StoredSummary>,
    next: Option<Item>,
}

impl Partition {
    fn name(&self, range: &SummaryRange<'_>) -> String {
        keys::summary_partition(
            range.application_id,
            range.signal,
            self.span.day,
            self.shard,
        )
    }
}

impl SummaryRange<'_> {
    /// The parts of the UTC days that the range overlaps, newest first.
    pub(super) fn spans(&self) -> Vec<Span> {
        let summaries = TimeWindow {
            from: self.window.from,
            to: self.before,
        };
        let in_day = |day| {
            let end = clock::after(day, DAY);
            let whole = Span {
                day,
                from: summaries.from.max(day),
                to: summaries.to.min(end),
                is_strong: true,
            };
            whole.divided(self.settled_before)
        };
        summaries.days().flat_map(in_day).collect()
    }

    fn partitions(&self) -> Vec<Partition> {
        let shards = 0..self.shards;
        self.spans()
            .into_iter()
            .flat_map(|span| shards.clone().map(move |shard| Partition { span, shard }))
            .collect()
    }
}

impl Span {
    /// The part that is read with strong consistency and the part that is not, where there are.
    fn divided(self, settled_before: Timestamp) -> Vec<Self> {
        // Not `clamp`, which panics if the range is in the future and so ends before it begins.
        let at = settled_before.max(self.from).min(self.to);
        let new = Self { from: at, ..self };
        let settled = Self {
            to: at,
            is_strong: false,
            ..self
        };
        let parts = [new, settled].into_iter();
        parts.filter(|part| part.from < part.to).collect()
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

/// A summary as stored. In form 2 the extent is in attributes of its own.
#[derive(Deserialize)]
struct SummaryRow {
    sk: String,
    #[serde(deserialize_with = "form")]
    format: u8,
    from_ms: Option<i64>,
    count: Option<u32>,
    bytes: Option<usize>,
    #[serde(default)]
    summary: ByteBuf,
    expires_at: i64,
}

#[derive(Deserialize)]
struct ChunkRow {
    pk: String,
    sk: String,
    #[serde(deserialize_with = "form")]
    format: u8,
    #[serde(default)]
    events: ByteBuf,
}

/// The form of an item. A number that does not fit is as unknown as any other.
fn form<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let form = i64::deserialize(deserializer)?;
    Ok(u8::try_from(form).unwrap_or(u8::MAX))
}

/// Memory of the events of a chunk of form 2 for each of its bytes, at most in usual traffic.
const FORM_2_MEMORY: usize = 40;

impl SummaryRow {
    /// The summary, unless it cannot be read.
    fn stored(self, shard: u32, gaps: &Gaps) -> Option<StoredSummary> {
        let position = keys::parse_chunk(&self.sk)?;
        let hour = clock::floor(position.at, HOUR);
        let extent = self.extent(hour);
        let extent = extent.inspect_err(|error| gaps.record(hour, &self.sk, *error));
        let extent = extent.ok()?;
        Some(StoredSummary {
            position,
            shard,
            from: clock::after(hour, Duration::from_millis(extent.from_ms.into())),
            count: extent.count,
            bytes: extent.bytes,
            memory: extent.memory,
            expires_at: clock::from_seconds(self.expires_at),
            form: self.format,
            summary: self.summary.into_vec(),
        })
    }

    fn extent(&self, hour: Timestamp) -> Result<Extent, FormError> {
        match (self.format, self.from_ms, self.count, self.bytes) {
            (FORM, ..) => Extent::of(&self.summary),
            (FORM_2, Some(from_ms), Some(count), Some(bytes)) => Ok(Extent {
                from_ms: u32::try_from(from_ms.saturating_sub(hour.as_millisecond()))
                    .unwrap_or_default(),
                count,
                bytes,
                memory: bytes.saturating_mul(FORM_2_MEMORY),
            }),
            (FORM_2, ..) => Err(FormError::Damaged("a summary of form 2")),
            (form, ..) => Err(FormError::Unknown(form)),
        }
    }
}

impl ChunkRow {
    fn decoded<T>(&self, decode: impl Fn(&[u8]) -> Result<T, FormError>) -> Result<T, FormError> {
        match self.format {
            FORM | FORM_2 => decode(&self.events),
            form => Err(FormError::Unknown(form)),
        }
    }
}

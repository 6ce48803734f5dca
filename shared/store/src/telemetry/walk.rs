//! Walks chunk summaries from the newest to the oldest, across days and shards.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::try_join_all;

use super::range::{PartOfDay, Partition, SummaryRange};
use super::read::Order;
use super::rows::StoredSummary;
use crate::attribute::Item;
use crate::{Database, StorageError};
use upblit_base::clock;
use upblit_telemetry::chunk::Position;

/// Summaries read by one query. A page of a list seldom needs more.
const SUMMARIES_PER_QUERY: i32 = 64;

/// The chunk summaries of a range, newest first.
pub struct SummaryWalk<'a> {
    database: &'a Database,
    range: SummaryRange<'a>,
    begin: Option<Position>,
    last: Option<Position>,
    shards: Vec<Shard>,
}

/// Progress of the walk in one shard.
struct Shard {
    number: u32,
    parts: VecDeque<PartOfDay>,
    start: Option<Item>,
    summaries: VecDeque<StoredSummary>,
}

impl Database {
    /// Walks the summaries of a range backwards, from the newest, or from `begin`, included.
    pub fn walk<'a>(
        &'a self,
        mut range: SummaryRange<'a>,
        begin: Option<Position>,
    ) -> SummaryWalk<'a> {
        if let Some(position) = begin {
            // Include the position itself and others of the same millisecond.
            let after = clock::after(position.at, Duration::from_millis(1));
            range.before = range.before.min(after);
        }
        let shards = (0..range.shards).map(|number| Shard {
            number,
            parts: range.parts_of_days().into(),
            start: None,
            summaries: VecDeque::new(),
        });
        SummaryWalk {
            database: self,
            range,
            begin,
            last: None,
            shards: shards.collect(),
        }
    }
}

impl SummaryWalk<'_> {
    /// The next older summary; `None` at the end of the range. A batch that was sent again after
    /// the number of shards changed may be stored in two shards, and is returned once.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn next(&mut self) -> Result<Option<StoredSummary>, StorageError> {
        while let Some(stored) = self.newest().await? {
            let is_new = self.last != Some(stored.position);
            self.last = Some(stored.position);
            if is_new && self.begin.is_none_or(|begin| stored.position <= begin) {
                return Ok(Some(stored));
            }
        }
        Ok(None)
    }

    /// Takes the newest summary of all shards. An empty shard compares as the oldest.
    async fn newest(&mut self) -> Result<Option<StoredSummary>, StorageError> {
        let database = self.database;
        let range = self.range;
        let shards = self.shards.iter_mut();
        try_join_all(shards.map(|shard| shard.fill(database, range))).await?;
        let newest = self
            .shards
            .iter_mut()
            .max_by_key(|shard| shard.summaries.front().map(|stored| stored.position));
        Ok(newest.and_then(|shard| shard.summaries.pop_front()))
    }
}

impl Shard {
    /// Reads more summaries if there are none left, until one is found or the range ends.
    async fn fill(
        &mut self,
        database: &Database,
        range: SummaryRange<'_>,
    ) -> Result<(), StorageError> {
        while self.summaries.is_empty() {
            let Some(part) = self.parts.front().copied() else {
                return Ok(());
            };
            let partition = Partition {
                part,
                shard: self.number,
            };
            let order = Order::Newest {
                at_most: SUMMARIES_PER_QUERY,
            };
            let start = self.start.take();
            let (summaries, next) = database.query(&range, &partition, start, order).await?;
            self.summaries.extend(summaries);
            self.start = next;
            if self.start.is_none() {
                self.parts.pop_front();
            }
        }
        Ok(())
    }
}

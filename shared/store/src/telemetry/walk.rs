//! Walks chunk summaries from the newest to the oldest, across days and shards.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::read::{HeadRange, Order, Partition, StoredHead};
use crate::attribute::Item;
use crate::{Database, StorageError};
use upblit_base::clock;
use upblit_telemetry::chunk::Position;

/// Summaries read by one query. A page of a list seldom needs more.
const HEADS_PER_QUERY: i32 = 64;

/// The chunk summaries of a range, newest first.
pub struct HeadWalk<'a> {
    database: &'a Database,
    range: HeadRange,
    begin: Option<Position>,
    shards: Vec<Shard>,
}

/// Progress of the walk in one shard.
struct Shard {
    number: u32,
    days: VecDeque<Timestamp>,
    start: Option<Item>,
    heads: VecDeque<StoredHead>,
}

impl Database {
    /// Walks the summaries of a range backwards, from the newest, or from `begin`, included.
    pub fn walk(&self, mut range: HeadRange, begin: Option<Position>) -> HeadWalk<'_> {
        if let Some(position) = begin {
            // Include the position itself and others of the same millisecond.
            let after = clock::after(position.at, Duration::from_millis(1));
            range.before = range.before.min(after);
        }
        let shards = (0..range.shards).map(|number| Shard {
            number,
            days: range.days().collect(),
            start: None,
            heads: VecDeque::new(),
        });
        HeadWalk {
            database: self,
            range,
            begin,
            shards: shards.collect(),
        }
    }
}

impl HeadWalk<'_> {
    /// The next older summary; `None` at the end of the range.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn next(&mut self) -> Result<Option<StoredHead>, StorageError> {
        while let Some(head) = self.newest().await? {
            if self.begin.is_none_or(|begin| head.position <= begin) {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// Takes the newest summary of all shards. An empty shard compares as the oldest.
    async fn newest(&mut self) -> Result<Option<StoredHead>, StorageError> {
        let (database, range) = (self.database, self.range);
        let shards = self.shards.iter_mut();
        try_join_all(shards.map(|shard| shard.fill(database, range))).await?;
        let newest = self
            .shards
            .iter_mut()
            .max_by_key(|shard| shard.heads.front().map(|head| head.position));
        Ok(newest.and_then(|shard| shard.heads.pop_front()))
    }
}

impl Shard {
    /// Reads more summaries if there are none left, until one is found or the range ends.
    async fn fill(&mut self, database: &Database, range: HeadRange) -> Result<(), StorageError> {
        while self.heads.is_empty() {
            let Some(day) = self.days.front().copied() else {
                return Ok(());
            };
            let partition = Partition {
                day,
                shard: self.number,
            };
            let order = Order::Newest {
                at_most: HEADS_PER_QUERY,
            };
            let start = self.start.take();
            let (heads, next) = database.query(&range, &partition, start, order).await?;
            self.heads.extend(heads);
            self.start = next;
            if self.start.is_none() {
                self.days.pop_front();
            }
        }
        Ok(())
    }
}

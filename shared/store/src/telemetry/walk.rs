//! Walking heads from the newest to the oldest, over days and shards.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::read::{HeadRange, Order, Partition, StoredHead};
use crate::attribute::Item;
use crate::{Database, StorageError};
use upblit_base::clock;
use upblit_telemetry::chunk::Position;

/// Heads of one query: a page of a list seldom needs more.
const HEADS_PER_QUERY: i32 = 64;

/// Heads of a range, newest first.
pub struct HeadWalk<'a> {
    database: &'a Database,
    range: HeadRange,
    begin: Option<Position>,
    shards: Vec<Shard>,
}

/// One shard's way back in time.
struct Shard {
    number: u32,
    days: VecDeque<Timestamp>,
    start: Option<Item>,
    heads: VecDeque<StoredHead>,
}

impl Database {
    /// Walks the heads of a range, from the newest, or from `begin` on.
    pub fn walk(&self, mut range: HeadRange, begin: Option<Position>) -> HeadWalk<'_> {
        if let Some(position) = begin {
            // The place itself is still to come, and others of its millisecond.
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
    /// The next head.
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

    /// The newest head of all shards; `None` for an empty shard sorts first.
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
    /// Reads on until there is a head or nothing is left.
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

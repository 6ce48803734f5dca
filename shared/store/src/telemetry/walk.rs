//! Walks chunk summaries in the order of their positions, across days and shards.

use std::collections::VecDeque;

use futures_util::future::try_join_all;

use super::range::{PartOfDay, Partition, SummaryRange};
use super::read::Order;
use super::rows::StoredSummary;
use crate::attribute::Item;
use crate::{Database, StorageError, keys};
use upblit_telemetry::chunk::Position;

/// Summaries read by the first query of a shard. A page of a list seldom needs more. Every
/// further query reads twice as many, because the walk is then a long one.
const FIRST_PAGE: i32 = 64;

/// Maximum number of summaries of one query: about a megabyte, DynamoDB's own limit.
const LARGEST_PAGE: i32 = 1_024;

/// Maximum number of queries that run at once while a walk crosses days without telemetry.
const MAX_AT_ONCE: usize = 32;

/// Direction of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the newest summary to the oldest.
    Older,
    /// From the oldest summary to the newest.
    Newer,
}

/// The chunk summaries of a range, one after the other. Parts of days follow each other in time, so
/// the walk finishes one part in all shards before it begins the next.
pub struct SummaryWalk<'a> {
    database: &'a Database,
    range: SummaryRange<'a>,
    direction: Direction,
    last: Option<Position>,
    /// The parts that were not begun.
    parts: VecDeque<PartOfDay>,
    /// The part that was begun, in each shard.
    shards: Vec<Shard>,
    page: i32,
    /// Number of parts that are begun at once. Grows while they are empty.
    width: usize,
    queries_left: usize,
    stopped: Option<Position>,
    has_copies: bool,
}

/// Progress in one shard of a part of a day.
struct Shard {
    partition: Partition,
    /// The summaries that were read and not returned.
    summaries: VecDeque<StoredSummary>,
    next: NextQuery,
}

/// Where the next query of a shard begins.
enum NextQuery {
    After(Item),
    Done,
}

impl Database {
    /// Walks the summaries of a range with at most this many queries. [`SummaryRange::prior_to`] and
    /// [`SummaryRange::at_or_after`] let a walk continue where an earlier one ended.
    pub fn walk<'a>(
        &'a self,
        range: SummaryRange<'a>,
        direction: Direction,
        max_queries: usize,
    ) -> SummaryWalk<'a> {
        let mut parts = range.parts_of_days();
        if direction == Direction::Newer {
            parts.reverse();
        }
        SummaryWalk {
            database: self,
            range,
            direction,
            last: None,
            parts: parts.into(),
            shards: Vec::new(),
            page: FIRST_PAGE,
            width: 1,
            queries_left: max_queries,
            stopped: None,
            has_copies: false,
        }
    }
}

impl SummaryWalk<'_> {
    /// Returns the walk with the largest pages, from the first query on.
    #[must_use]
    pub fn in_large_pages(self) -> Self {
        Self {
            page: LARGEST_PAGE,
            ..self
        }
    }

    /// Returns a batch that is stored in two shards twice.
    #[must_use]
    pub fn with_copies(self) -> Self {
        Self {
            has_copies: true,
            ..self
        }
    }

    /// Number of queries that the walk may still make.
    pub fn queries_left(&self) -> usize {
        self.queries_left
    }

    /// Returns the next summary; `None` at the end of the range, or if the queries are used up. A
    /// batch that was sent again after the number of shards changed may be stored in two shards, and
    /// is returned once.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn next(&mut self) -> Result<Option<StoredSummary>, StorageError> {
        while self.fill().await? {
            let Some(stored) = self.take() else {
                return Ok(None);
            };
            let is_new = self.has_copies || self.last != Some(stored.position);
            self.last = Some(stored.position);
            if is_new {
                return Ok(Some(stored));
            }
        }
        Ok(None)
    }

    /// Returns where another walk continues if the queries of this one are used up: towards older
    /// summaries, with those before this position; towards newer ones, with those at or after it.
    /// `None` if they are not used up.
    pub fn stopped(&self) -> Option<Position> {
        self.stopped
    }

    /// Reads until every shard has a summary or has ended, or the range has ended. Returns `false` if
    /// the queries are used up.
    async fn fill(&mut self) -> Result<bool, StorageError> {
        loop {
            let lacking = self
                .shards
                .iter()
                .filter(|shard| shard.is_lacking())
                .count();
            let has_more = self.shards.iter().any(|shard| !shard.summaries.is_empty());
            if lacking == 0 && (has_more || self.parts.is_empty()) {
                return Ok(true);
            }
            let needed = if lacking > 0 {
                lacking
            } else {
                self.range.shards as usize
            };
            if needed > self.queries_left {
                self.stopped = self.unread();
                return Ok(false);
            }
            if lacking > 0 {
                self.queries_left -= lacking;
                self.read_on().await?;
            } else {
                self.begin_parts().await?;
            }
        }
    }

    /// Reads more of the part that was begun, in the shards that lack summaries.
    async fn read_on(&mut self) -> Result<(), StorageError> {
        self.page = LARGEST_PAGE.min(self.page * 2);
        let database = self.database;
        let range = self.range;
        let order = self.order();
        let shards = self.shards.iter_mut().filter(|shard| shard.is_lacking());
        let reads = shards.map(|shard| shard.read(database, range, order));
        try_join_all(reads).await?;
        Ok(())
    }

    /// Begins the next part that is not empty. After an empty part, begins several at once.
    async fn begin_parts(&mut self) -> Result<(), StorageError> {
        let in_part = self.range.shards as usize;
        let widest = (MAX_AT_ONCE.min(self.queries_left) / in_part).max(1);
        let parts = self.parts.iter().take(self.width.min(widest));
        let parts: Vec<PartOfDay> = parts.copied().collect();
        let begun = parts.iter().flat_map(|part| self.begin(*part));
        let begun = try_join_all(begun).await?;
        self.queries_left = self.queries_left.saturating_sub(begun.len());
        let mut begun = begun.into_iter();
        self.width *= 2;
        for _ in parts {
            self.parts.pop_front();
            self.shards = begun.by_ref().take(in_part).collect();
            if self.shards.iter().any(|shard| !shard.is_over()) {
                // The following parts are read again after this one.
                self.width = 1;
                break;
            }
        }
        Ok(())
    }

    /// Makes the first queries of a part, one for each shard.
    fn begin(
        &self,
        part: PartOfDay,
    ) -> impl Iterator<Item = impl Future<Output = Result<Shard, StorageError>> + use<'_>> + use<'_>
    {
        let database = self.database;
        let range = self.range;
        let order = self.order();
        (0..range.shards).map(move |shard| async move {
            let partition = Partition { part, shard };
            let (summaries, next) = database.query(&range, &partition, None, order).await?;
            Ok(Shard {
                partition,
                summaries: summaries.into(),
                next: next.map_or(NextQuery::Done, NextQuery::After),
            })
        })
    }

    fn order(&self) -> Order {
        match self.direction {
            Direction::Older => Order::Newest { at_most: self.page },
            Direction::Newer => Order::Oldest {
                at_most: Some(self.page),
            },
        }
    }

    /// Takes the next summary of all shards.
    fn take(&mut self) -> Option<StoredSummary> {
        let shards = self.shards.iter_mut();
        let with_next = shards.filter_map(|shard| Some((shard.summaries.front()?.position, shard)));
        let next = match self.direction {
            Direction::Older => with_next.max_by_key(|(position, _)| *position),
            Direction::Newer => with_next.min_by_key(|(position, _)| *position),
        };
        next.and_then(|(_, shard)| shard.summaries.pop_front())
    }

    /// Returns the bound of the summaries that were not returned, as [`stopped`](Self::stopped) does.
    fn unread(&self) -> Option<Position> {
        let shards = self.shards.iter();
        let in_shards = shards.filter_map(|shard| shard.unread(self.direction));
        let next_part = self.parts.front().map(|part| match self.direction {
            Direction::Older => Position::first_at(part.to),
            Direction::Newer => Position::first_at(part.from),
        });
        match self.direction {
            Direction::Older => in_shards
                .chain(next_part)
                .max()
                .map(|bound| self.range.prior_to.map_or(bound, |end| bound.min(end))),
            Direction::Newer => in_shards.chain(next_part).min().max(self.range.at_or_after),
        }
    }
}

impl Shard {
    /// Returns whether all summaries that were read were returned, and the part may have more.
    fn is_lacking(&self) -> bool {
        self.summaries.is_empty() && matches!(self.next, NextQuery::After(_))
    }

    fn is_over(&self) -> bool {
        self.summaries.is_empty() && matches!(self.next, NextQuery::Done)
    }

    async fn read(
        &mut self,
        database: &Database,
        range: SummaryRange<'_>,
        order: Order,
    ) -> Result<(), StorageError> {
        let start = match std::mem::replace(&mut self.next, NextQuery::Done) {
            NextQuery::After(start) => Some(start),
            NextQuery::Done => None,
        };
        let (summaries, next) = database
            .query(&range, &self.partition, start, order)
            .await?;
        self.summaries = summaries.into();
        self.next = next.map_or(NextQuery::Done, NextQuery::After);
        Ok(())
    }

    /// Returns the bound of the summaries of the part that were not returned; `None` if all were.
    fn unread(&self, direction: Direction) -> Option<Position> {
        if let Some(next) = self.summaries.front() {
            return Some(match direction {
                Direction::Older => next.position.next(),
                Direction::Newer => next.position,
            });
        }
        let NextQuery::After(read) = &self.next else {
            return None;
        };
        let read = keys::parse_chunk(read.get(keys::SK)?.as_s().ok()?)?;
        Some(match direction {
            Direction::Older => read,
            Direction::Newer => read.next(),
        })
    }
}

//! The rows of a list in the order of their events, newest first. The search walks chunk summaries
//! backwards and reads matching chunks, several at a time. Chunks overlap in time, so a row is
//! returned once no unread chunk can hold a newer one: all events of a chunk happened at or before
//! its position.

mod merge;
mod progress;

use jiff::Timestamp;
use shared::store::Database;
use shared::store::telemetry::{Direction, StoredSummary, SummaryRange, SummaryWalk};
use shared::telemetry::chunk::summary::Summary;
use shared::telemetry::chunk::{FormError, Position};
use shared::telemetry::query::cursor::{ListPosition, RowKey};
use shared::web::error::Error;

use self::merge::{Merge, Source};
use self::progress::Progress;

/// Maximum number of summaries that one request reads.
const MAX_SUMMARIES: usize = 2_000;

/// Maximum number of queries for summaries, and how many more are allowed for each shard: a day
/// without telemetry takes one query in each shard.
const MAX_QUERIES: usize = 32;
const QUERIES_PER_SHARD: usize = 4;

/// Maximum number of times that one request reads chunks.
const MAX_READS: usize = 24;

/// Maximum memory for the decoded events of all chunks of one request, in bytes. Chunks that an
/// earlier page has begun do not count, so that every page makes progress.
const MAX_MEMORY: usize = 128 * 1024 * 1024;

/// Memory for the decoded events of chunks that are read together, in bytes; the last one may
/// exceed it. Only the rows that the page may still need are kept.
const MAX_MEMORY_AT_ONCE: usize = 48 * 1024 * 1024;

/// Maximum memory for rows that wait for their turn, in bytes.
const MAX_HELD_MEMORY: usize = 64 * 1024 * 1024;

/// Maximum number of chunks that are read together.
const MAX_AT_ONCE: usize = 40;

/// How a list turns chunks into rows.
pub(crate) trait Listing: Sync {
    /// What is decoded from a chunk or summary.
    type Decoded: Default + Send;
    /// A row before it is serialized.
    type Row: Send + Sync;

    /// Number of rows to examine for each row of the page: more than one if the filter drops many.
    fn tried_per_row(&self) -> usize;

    /// Largest number of rows to hold in memory.
    fn held_rows(&self, limit: usize) -> usize;

    /// Returns the number of rows that a chunk may hold according to its summary; `None` if none
    /// match.
    fn expected(&self, stored: &StoredSummary, summary: &Summary) -> Option<usize>;

    /// Takes the newest rows of the chunk out of its summary. Returns them, and whether the chunk
    /// has no others.
    fn summarized(&self, summary: &mut Summary) -> (Self::Decoded, bool);

    /// Decodes a stored chunk, whose summary states that its events take at most `most` bytes of
    /// memory.
    ///
    /// # Errors
    /// When the chunk cannot be read.
    fn decoded(&self, chunk: &[u8], most: usize) -> Result<Self::Decoded, FormError>;

    /// Returns the rows with their places in the list, in the same order for a chunk as for its
    /// summary: the first rows of the chunk are those of the summary.
    fn rows(
        &self,
        stored: &StoredSummary,
        summary: &Summary,
        decoded: Self::Decoded,
    ) -> Vec<(RowKey, Self::Row)>;

    /// Returns the memory that a row takes, in bytes.
    fn memory(&self, row: &Self::Row) -> usize;

    /// Returns whether a row is in the window and meets the conditions of the query.
    fn is_wanted(&self, row: &Self::Row) -> bool;

    /// Returns whether `row` is to be shown rather than `other`, which has the same place.
    fn is_better(&self, row: &Self::Row, other: &Self::Row) -> bool;
}

/// What comes next in a list.
pub(crate) enum Next<R> {
    /// The next row.
    Row(RowKey, R),
    /// There are no more rows.
    End,
    /// The request has read as much as it may. The next page has rows with smaller keys.
    Stopped(RowKey),
}

/// A search for the rows of one page.
pub(crate) struct Search<'a, L: Listing> {
    database: &'a Database,
    range: SummaryRange<'a>,
    listing: &'a L,
    limit: usize,
    before: RowKey,
    walk: SummaryWalk<'a>,
    /// The next summary of the walk.
    front: Option<StoredSummary>,
    merge: Merge<L::Row>,
    progress: Progress,
    /// Number of rows that were returned.
    taken: usize,
    reads: usize,
    memory: usize,
}

impl<'a, L: Listing> Search<'a, L> {
    /// Begins a search at a position, or with the newest rows.
    ///
    /// # Errors
    /// When storage fails.
    pub(crate) async fn begin(
        database: &'a Database,
        mut range: SummaryRange<'a>,
        start: Option<&ListPosition>,
        limit: usize,
        listing: &'a L,
    ) -> Result<Self, Error> {
        let before = start.map_or(RowKey::MAX, |start| start.before);
        let carried: Vec<_> = start
            .into_iter()
            .flat_map(|start| {
                start
                    .open
                    .iter()
                    .filter(|place| place.position >= start.walk)
            })
            .filter(|place| {
                range.window.from <= place.position.at && place.position.at < range.before
            })
            .copied()
            .collect();
        let opened = database.summaries_at(&range, &carried).await?;
        range.prior_to = start.map(|start| start.walk);
        let shards = range.shards as usize;
        let max_queries = MAX_QUERIES + QUERIES_PER_SHARD * shards;
        let mut walk = database.walk(range, Direction::Older, max_queries);
        let front = walk.next().await?;
        let mut search = Self {
            database,
            range,
            listing,
            limit,
            before,
            walk,
            front,
            merge: Merge::holding(listing.held_rows(limit), MAX_HELD_MEMORY),
            progress: Progress::from(start),
            taken: 0,
            reads: 0,
            memory: 0,
        };
        for stored in opened {
            search.add(stored, true);
        }
        Ok(search)
    }

    /// Returns the next row in the order of the list.
    ///
    /// # Errors
    /// When storage fails.
    pub(crate) async fn next(&mut self) -> Result<Next<L::Row>, Error> {
        loop {
            let unread = self.unread();
            if let Some((key, row)) = self.merge.pop(unread, |a, b| self.listing.is_better(a, b)) {
                self.taken += 1;
                return Ok(Next::Row(key, row));
            }
            if let Some(key) = self.merge.next_is_dropped(unread) {
                return Ok(Next::Stopped(key.next().min(self.before)));
            }
            let Some(milli) = unread else {
                return Ok(Next::End);
            };
            if self.is_exhausted() {
                return Ok(Next::Stopped(RowKey::after_milli(milli).min(self.before)));
            }
            self.read().await?;
        }
    }

    /// Returns where the page that follows the row with this key begins; `None` if there are no
    /// more rows.
    ///
    /// # Errors
    /// When too many chunks overlap for a cursor, and the request has not got any further.
    pub(crate) fn position(&self, before: RowKey) -> Result<Option<ListPosition>, Error> {
        let front = self.front.as_ref().map(|front| front.position.next());
        let walked_to = front.or(self.walk.stopped());
        self.progress
            .position(before, walked_to, self.merge.unopened())
    }

    /// Returns the time, in milliseconds, at or before which rows may still be unread; `None` if
    /// all have been read.
    fn unread(&self) -> Option<i64> {
        let stopped = self.walk.stopped().map(|stopped| stopped.at);
        let walk = self.front().or(stopped.map(Timestamp::as_millisecond));
        walk.max(self.merge.newest_unopened())
    }

    /// Returns the time of the next chunk of the walk, in milliseconds.
    fn front(&self) -> Option<i64> {
        let front = self.front.as_ref()?;
        Some(front.position.at.as_millisecond())
    }

    /// Returns whether the request may not read any more chunks.
    fn is_exhausted(&self) -> bool {
        let has_carried = self.merge.next_is_carried(self.front());
        let is_over = self.front.is_none() && self.merge.newest_unopened().is_none();
        is_over
            || (!has_carried
                && (self.progress.walked() >= MAX_SUMMARIES
                    || self.memory >= MAX_MEMORY
                    || self.reads >= MAX_READS))
    }

    /// Returns the number of rows to look for: those that the page still needs, and the first of
    /// the next page. If that many were found and more are requested, the page has dropped some,
    /// and as many are looked for as were found beyond the page.
    fn wanted(&self) -> usize {
        let page = self.limit + 1;
        if self.taken < page {
            page - self.taken
        } else {
            (self.taken - self.limit).min(page)
        }
    }

    /// Reads the next chunks, as many as may together hold the rows of the page.
    async fn read(&mut self) -> Result<(), Error> {
        let wanted = self.wanted();
        let mut picked: Vec<Source> = Vec::new();
        let mut expected = self.merge.ready();
        let mut memory = 0;
        let mut is_first = true;
        while picked.len() < MAX_AT_ONCE && memory < MAX_MEMORY_AT_ONCE && !self.is_exhausted() {
            // A chunk that may hold a row of the page is read even if there are enough rows.
            let may_hold_rows = match self.merge.nth_newest(wanted) {
                Some(nth) => self.unread() >= Some(nth),
                None => expected < wanted * self.listing.tried_per_row(),
            };
            if !may_hold_rows && !is_first {
                break;
            }
            is_first = false;
            let front = self.front();
            if let Some(source) = self.merge.take_unopened(front) {
                memory += source.stored.memory;
                if !source.is_carried {
                    self.memory += source.stored.memory;
                }
                expected += source.expected;
                picked.push(source);
            } else if let Some(stored) = self.front.take() {
                self.front = self.walk.next().await?;
                expected += self.add(stored, false);
            }
        }
        self.open(picked).await
    }

    /// Adds the rows that the summary of a chunk holds and, if the chunk has others, the chunk
    /// itself. Returns the number of rows that were added.
    fn add(&mut self, stored: StoredSummary, is_carried: bool) -> usize {
        if !is_carried {
            self.progress.walk(&stored);
        }
        let Some(mut summary) = stored.summary(self.range.gaps) else {
            return 0;
        };
        let Some(expected) = self.listing.expected(&stored, &summary) else {
            return 0;
        };
        let (decoded, is_complete) = self.listing.summarized(&mut summary);
        let rows = self.listing.rows(&stored, &summary, decoded);
        let returned = rows.len();
        let oldest = rows.last().map(|(key, _)| key.milli());
        self.keep(&stored, rows);
        if !is_complete {
            let at = stored.position.at.as_millisecond();
            self.merge.add_unopened(Source {
                newest: oldest.unwrap_or(at),
                returned,
                expected: expected.saturating_sub(returned).max(1),
                is_carried,
                stored,
            });
        }
        returned
    }

    /// Keeps the wanted rows of a chunk.
    fn keep(&mut self, stored: &StoredSummary, rows: Vec<(RowKey, L::Row)>) {
        for (key, row) in rows {
            if key < self.before && self.listing.is_wanted(&row) {
                self.progress.has_row(stored, key);
                let memory = self.listing.memory(&row);
                self.merge.push(key, row, memory);
            }
        }
    }

    /// Reads chunks, and keeps their rows other than those in their summaries. Chunks are decoded
    /// one at a time, and so are their summaries a second time: keeping those of all waiting chunks
    /// would take too much memory.
    async fn open(&mut self, sources: Vec<Source>) -> Result<(), Error> {
        if sources.is_empty() {
            return Ok(());
        }
        self.reads += 1;
        let closed: Vec<&StoredSummary> = sources.iter().map(|source| &source.stored).collect();
        let database = self.database;
        let range = self.range;
        let opened = database.open(&range, &closed, |place, chunk| {
            let Some(source) = sources.get(place) else {
                return Ok(());
            };
            let stored = &source.stored;
            let Some(summary) = stored.summary(range.gaps) else {
                return Ok(());
            };
            let decoded = self.listing.decoded(chunk, stored.stated_memory())?;
            let rows = self.listing.rows(stored, &summary, decoded);
            let rest = rows.into_iter().skip(source.returned).collect();
            self.keep(stored, rest);
            Ok(())
        });
        Ok(opened.await?)
    }
}

/// The first of all positions, before which a walk finds nothing.
const NOWHERE: Position = Position {
    at: Timestamp::UNIX_EPOCH,
    hash: [0; 16],
};

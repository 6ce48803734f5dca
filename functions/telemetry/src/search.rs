//! The rows of a list in the order of their events, newest first. The search walks chunk
//! summaries backwards and reads matching chunks several at a time. Chunks overlap in time, so a
//! row is returned once no chunk that is still unread can hold a newer one: all events of a chunk
//! happened at or before its position.

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

/// Number of summaries that one request reads.
const MAX_SUMMARIES: usize = 2_000;

/// Number of queries for summaries, and how many more there may be for each shard: each of the
/// days without telemetry takes one in every shard.
const MAX_QUERIES: usize = 32;
const QUERIES_PER_SHARD: usize = 4;

/// Number of times that one request reads chunks.
const MAX_READS: usize = 24;

/// Maximum memory for the decoded events of all chunks of one request, in bytes. Chunks that an
/// earlier page began are not counted, so that every page makes progress.
const MAX_MEMORY: usize = 128 * 1024 * 1024;

/// Maximum memory for the decoded events of chunks that are read together, in bytes. Of these only
/// the rows that the page may still need are kept.
const MAX_MEMORY_AT_ONCE: usize = 48 * 1024 * 1024;

/// Maximum memory for rows that wait for their turn, in bytes.
const MAX_HELD_MEMORY: usize = 64 * 1024 * 1024;

/// Number of chunks that are read together.
const MAX_AT_ONCE: usize = 40;

/// How a list turns chunks into rows.
pub(crate) trait Listing: Sync {
    /// What is decoded from a chunk or summary.
    type Decoded: Default + Send;
    /// A row before it is serialized.
    type Row: Send + Sync;

    /// Number of rows to examine for each row of the page; more if the filter drops many.
    fn tried_per_row(&self) -> usize;

    /// Largest number of rows to hold in memory.
    fn held_rows(&self, limit: usize) -> usize;

    /// Number of rows that a chunk may hold according to its summary; `None` if none match.
    fn expected(&self, stored: &StoredSummary, summary: &Summary) -> Option<usize>;

    /// Takes the newest rows of the chunk from its summary, and whether these are all.
    fn summarized(&self, summary: &mut Summary) -> (Self::Decoded, bool);

    /// Decodes a stored chunk, whose summary states that its events take at most `most` bytes of
    /// memory.
    ///
    /// # Errors
    /// When the chunk cannot be read.
    fn decoded(&self, chunk: &[u8], most: usize) -> Result<Self::Decoded, FormError>;

    /// The rows with their places in the list. Of the rows that a chunk has in common with its
    /// summary, both must have the same.
    fn rows(
        &self,
        stored: &StoredSummary,
        summary: &Summary,
        decoded: Self::Decoded,
    ) -> Vec<(RowKey, Self::Row)>;

    /// Memory of a row, in bytes.
    fn memory(&self, row: &Self::Row) -> usize;

    /// Whether a row is in the window and meets the conditions of the query.
    fn is_wanted(&self, row: &Self::Row) -> bool;

    /// Whether the first of two rows with the same place is the one to show.
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

    /// The next row in the order of the list.
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

    /// Where a page begins that follows the row with this key; `None` if there are no more rows.
    ///
    /// # Errors
    /// When too many chunks overlap for a cursor, and the request has not got any further.
    pub(crate) fn position(&self, before: RowKey) -> Result<Option<ListPosition>, Error> {
        let front = self.front.as_ref().map(|front| front.position.next());
        let walked_to = front.or(self.walk.stopped());
        self.progress
            .position(before, walked_to, self.merge.unopened())
    }

    /// The time, in milliseconds, at or before which there may be rows that are not read yet;
    /// `None` if all are.
    fn unread(&self) -> Option<i64> {
        let stopped = self.walk.stopped().map(|stopped| stopped.at);
        let walk = self.front().or(stopped.map(Timestamp::as_millisecond));
        walk.max(self.merge.newest_unopened())
    }

    /// The time of the next chunk of the walk, in milliseconds.
    fn front(&self) -> Option<i64> {
        let front = self.front.as_ref()?;
        Some(front.position.at.as_millisecond())
    }

    /// Whether the request may not read any more.
    fn is_exhausted(&self) -> bool {
        let has_carried = self.merge.next_is_carried(self.front());
        let is_over = self.front.is_none() && self.merge.newest_unopened().is_none();
        is_over
            || (!has_carried
                && (self.progress.walked() >= MAX_SUMMARIES
                    || self.memory >= MAX_MEMORY
                    || self.reads >= MAX_READS))
    }

    /// Number of rows to look for: those that the page still needs, and the first of the
    /// next page. If these were found and more are requested, the page has dropped some. It
    /// then looks for as many again as were found beyond the page.
    fn wanted(&self) -> usize {
        let page = self.limit + 1;
        if self.taken < page {
            page - self.taken
        } else {
            (self.taken - self.limit).min(page)
        }
    }

    /// Reads the next chunks that together may hold the rows of the page.
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

    /// Adds a chunk: the rows that its summary holds, and itself if it has others. Returns the
    /// number of rows that were added.
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

    /// Reads chunks, and keeps their rows other than those in their summaries. One chunk at a time is
    /// decoded, and its summary once more, as those of all chunks that wait would take too much.
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

/// The first position of all, before which no walk finds anything.
const NOWHERE: Position = Position {
    at: Timestamp::UNIX_EPOCH,
    hash: [0; 16],
};

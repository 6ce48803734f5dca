//! The rows of a list as one stream. It walks chunk summaries from the newest on, reads
//! matching chunks several at a time, and returns their rows. The stream ends with the
//! window, or when the request reaches its search limit.

use futures_util::stream::{self, Stream};
use shared::store::Database;
use shared::store::telemetry::{StoredSummary, SummaryRange, SummaryWalk};
use shared::telemetry::chunk::FormError;
use shared::telemetry::chunk::summary::Summary;
use shared::telemetry::query::cursor::RowPosition;
use shared::web::error::Error;

use crate::page::{Found, PageRequest, one_by_one};

/// Number of summaries that one request reads.
const MAX_SUMMARIES: usize = 2_000;

/// Maximum memory for the decoded events of all chunks of one request, in bytes.
const MAX_MEMORY: usize = 128 * 1024 * 1024;

/// Maximum memory for the decoded events of chunks that are read together, in bytes.
const MAX_MEMORY_AT_ONCE: usize = 48 * 1024 * 1024;

/// Number of chunks that are read together.
const MAX_AT_ONCE: usize = 40;

/// How a list turns chunks into rows.
pub(crate) trait Listing: Sync {
    /// A row before it is serialized.
    type Row: Send + Sync;

    /// Number of rows to examine for each row of the page; more if the filter drops many.
    fn tried_per_row(&self) -> usize;

    /// Number of rows that a chunk may hold according to its summary; `None` if none match.
    fn expected(&self, stored: &StoredSummary, summary: &Summary) -> Option<usize>;

    /// The newest rows of the chunk that the summary holds, newest first, and whether these are
    /// all.
    fn summarized(&self, summary: &mut Summary) -> (Vec<Self::Row>, bool);

    /// All rows of a stored chunk, newest first.
    ///
    /// # Errors
    /// When the chunk cannot be read.
    fn rows(&self, chunk: &[u8]) -> Result<Vec<Self::Row>, FormError>;

    /// Whether a row is in the window and meets the conditions of the query.
    fn is_wanted(&self, row: &Self::Row) -> bool;
}

/// Searches a range for rows, from the position at which the page begins.
pub(crate) fn found<'a, L: Listing>(
    database: &'a Database,
    range: SummaryRange<'a>,
    page: PageRequest,
    listing: &'a L,
) -> impl Stream<Item = Result<Found<L::Row>, Error>> + Send + 'a {
    let search = Search {
        database,
        range,
        page,
        listing,
        walk: database.walk(range, page.begin()),
        pending: None,
        summaries: 0,
        memory: 0,
        rows: 0,
        is_over: false,
    };
    let batches = stream::try_unfold(search, |mut search| async move {
        let batch = search.next().await?;
        Ok((!batch.is_empty()).then_some((batch, search)))
    });
    one_by_one(batches)
}

/// State of a search.
struct Search<'a, L: Listing> {
    database: &'a Database,
    range: SummaryRange<'a>,
    page: PageRequest,
    listing: &'a L,
    walk: SummaryWalk<'a>,
    /// A chunk of which only the rows in its summary were returned.
    pending: Option<Chunk<L::Row>>,
    /// Number of summaries read so far.
    summaries: usize,
    /// Memory of the events of the chunks that matched so far, in bytes.
    memory: usize,
    /// Number of rows found so far.
    rows: usize,
    is_over: bool,
}

/// A matching chunk, or a part of its rows.
struct Chunk<R> {
    stored: StoredSummary,
    /// Rows that the summary holds; `None` if the chunk has to be read.
    summarized: Option<Vec<R>>,
    /// Number of the chunk's newest rows that were returned before.
    returned: usize,
    /// Number of rows that may match.
    expected: usize,
}

impl<R> Chunk<R> {
    /// Memory of the events to decode, in bytes.
    fn memory(&self) -> usize {
        match self.summarized {
            Some(_) => 0,
            None => self.stored.memory,
        }
    }
}

impl<L: Listing> Search<'_, L> {
    /// The rows of the next chunks that have any; empty at the end.
    async fn next(&mut self) -> Result<Vec<Found<L::Row>>, Error> {
        let mut found = Vec::new();
        while found.is_empty() && !self.is_over {
            let (chunks, rest) = self.matching().await?;
            found = self.open(chunks).await?;
            self.rows += found.len();
            found.extend(rest.map(|at| Found { at, row: None }));
        }
        Ok(found)
    }

    /// The next chunks that together may hold the rows of the page, newest first, and
    /// the position at which the next request continues if this one has reached its limit.
    async fn matching(&mut self) -> Result<(Vec<Chunk<L::Row>>, Option<RowPosition>), Error> {
        let wanted = self.wanted() * self.listing.tried_per_row();
        let mut matching = Vec::from_iter(self.pending.take());
        let mut expected = 0;
        let mut memory = 0;
        while expected < wanted && matching.len() < MAX_AT_ONCE && memory < MAX_MEMORY_AT_ONCE {
            let Some(stored) = self.walk.next().await? else {
                self.is_over = true;
                break;
            };
            if self.summaries >= MAX_SUMMARIES || self.memory >= MAX_MEMORY {
                self.is_over = true;
                let next = RowPosition {
                    chunk: stored.position,
                    skip: 0,
                };
                return Ok((matching, Some(next)));
            }
            self.summaries += 1;
            let Some(parts) = self.parts(stored) else {
                continue;
            };
            for part in parts {
                if expected >= wanted {
                    self.pending = Some(part);
                    break;
                }
                expected += part.expected;
                memory += part.memory();
                self.memory += part.memory();
                matching.push(part);
            }
        }
        Ok((matching, None))
    }

    /// Splits a chunk into the rows that its summary holds and the rest, which has to be read.
    /// Omits an empty part. `None` if no row matches, or the summary cannot be read.
    fn parts(&self, stored: StoredSummary) -> Option<impl Iterator<Item = Chunk<L::Row>> + use<L>> {
        let mut summary = stored.summary(self.range.gaps)?;
        let expected = self.listing.expected(&stored, &summary)?;
        let (summarized, is_complete) = self.listing.summarized(&mut summary);
        let returned = summarized.len();
        let rest = Chunk {
            stored: stored.clone(),
            summarized: None,
            returned,
            expected: expected.saturating_sub(returned),
        };
        let first = Chunk {
            stored,
            summarized: Some(summarized),
            returned: 0,
            expected: returned,
        };
        let first = Some(first).filter(|_| returned > 0 || is_complete);
        let rest = Some(rest).filter(|_| !is_complete);
        Some(first.into_iter().chain(rest))
    }

    /// Number of rows to look for: those that the page still needs, and the first of the
    /// next page. If these were found and more are requested, the page has dropped some. It
    /// then looks for as many again as were found beyond the page.
    fn wanted(&self) -> usize {
        let page = self.page.limit + 1;
        if self.rows < page {
            page - self.rows
        } else {
            (self.rows - self.page.limit).min(page)
        }
    }

    async fn open(&self, chunks: Vec<Chunk<L::Row>>) -> Result<Vec<Found<L::Row>>, Error> {
        let closed: Vec<&StoredSummary> = chunks
            .iter()
            .filter(|chunk| chunk.summarized.is_none())
            .map(|chunk| &chunk.stored)
            .collect();
        let opened = self
            .database
            .open(&self.range, &closed, |chunk| self.listing.rows(chunk));
        let mut opened = opened.await?.into_iter();
        let mut found = Vec::new();
        for Chunk {
            stored,
            summarized,
            returned,
            ..
        } in chunks
        {
            let rows = summarized.unwrap_or_else(|| opened.next().unwrap_or_default());
            let chunk = stored.position;
            let seen = self.page.seen_of(chunk).max(returned);
            let rows = rows.into_iter().enumerate().skip(seen);
            let wanted = rows.filter(|(_, row)| self.listing.is_wanted(row));
            found.extend(wanted.map(|(skip, row)| Found {
                at: RowPosition { chunk, skip },
                row: Some(row),
            }));
        }
        Ok(found)
    }
}

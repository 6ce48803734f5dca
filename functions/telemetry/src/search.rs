//! The rows of a list as one stream. It walks chunk summaries from the newest on, reads
//! matching chunks several at a time, and returns their rows. The stream ends with the
//! window, or when the request reaches its search limit.

use futures_util::stream::{self, Stream};
use shared::store::Database;
use shared::store::telemetry::{StoredSummary, SummaryRange, SummaryWalk};
use shared::telemetry::chunk::summary::Summary;
use shared::telemetry::event::Event;
use shared::telemetry::query::cursor::RowPosition;
use shared::web::error::Error;

use crate::page::{Found, PageRequest, one_by_one};

/// Number of summaries that one request reads.
const MAX_SUMMARIES: usize = 2_000;

/// Size of the chunks that one request reads, in bytes.
const MAX_READ_BYTES: usize = 24 * 1024 * 1024;

/// Number of chunks that are read together.
const MAX_AT_ONCE: usize = 40;

/// How a list turns chunks into rows.
pub(crate) trait Listing: Sync {
    /// Type of the events in the chunks.
    type Event: Event + Send;
    /// A row before it is serialized.
    type Row: Send;

    /// Number of rows to examine for each row of the page; more if the filter drops many.
    fn tried_per_row(&self) -> usize;

    /// Number of rows that a chunk may hold according to its summary; `None` if none match.
    fn expected(&self, stored: &StoredSummary, summary: &Summary) -> Option<usize>;

    /// Whether the summary holds the rows, so that the chunk need not be read.
    fn has_rows(&self, summary: &Summary) -> bool;

    /// The matching rows of a chunk, newest first, each with a number that is the same for
    /// every page. `events` is empty if the summary holds the rows.
    fn rows(&self, summary: Summary, events: Vec<Self::Event>) -> Vec<(usize, Self::Row)>;
}

/// Searches a range for rows, from the position at which the page begins.
pub(crate) fn found<'a, L: Listing>(
    database: &'a Database,
    range: SummaryRange,
    page: PageRequest,
    listing: &'a L,
) -> impl Stream<Item = Result<Found<L::Row>, Error>> + Send + 'a {
    let search = Search {
        database,
        range,
        page,
        listing,
        walk: database.walk(range, page.begin()),
        summaries: 0,
        bytes: 0,
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
struct Search<'a, L> {
    database: &'a Database,
    range: SummaryRange,
    page: PageRequest,
    listing: &'a L,
    walk: SummaryWalk<'a>,
    /// Number of summaries read so far.
    summaries: usize,
    /// Size of the chunks that matched so far, in bytes.
    bytes: usize,
    /// Number of rows found so far.
    rows: usize,
    is_over: bool,
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

    /// The next summaries that together may hold the rows of the page, newest first, and
    /// the position at which the next request continues if this one has reached its limit.
    async fn matching(
        &mut self,
    ) -> Result<(Vec<(StoredSummary, Summary)>, Option<RowPosition>), Error> {
        let wanted = self.wanted() * self.listing.tried_per_row();
        let mut matching = Vec::new();
        let mut expected = 0;
        while expected < wanted && matching.len() < MAX_AT_ONCE {
            let Some(stored) = self.walk.next().await? else {
                self.is_over = true;
                break;
            };
            if self.summaries >= MAX_SUMMARIES || self.bytes >= MAX_READ_BYTES {
                self.is_over = true;
                let next = RowPosition {
                    chunk: stored.position,
                    skip: 0,
                };
                return Ok((matching, Some(next)));
            }
            self.summaries += 1;
            let summary = stored.summary()?;
            if let Some(rows) = self.listing.expected(&stored, &summary) {
                expected += rows;
                self.bytes += stored.bytes;
                matching.push((stored, summary));
            }
        }
        Ok((matching, None))
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

    async fn open(
        &self,
        chunks: Vec<(StoredSummary, Summary)>,
    ) -> Result<Vec<Found<L::Row>>, Error> {
        let is_closed = |(_, summary): &&(StoredSummary, Summary)| !self.listing.has_rows(summary);
        let closed: Vec<_> = chunks
            .iter()
            .filter(is_closed)
            .map(|(stored, _)| stored)
            .collect();
        let opened = self.database.open(self.range.application_id, &closed);
        let mut opened = opened.await?.into_iter();
        let mut found = Vec::new();
        for (stored, summary) in chunks {
            let events = if self.listing.has_rows(&summary) {
                Vec::new()
            } else {
                opened.next().unwrap_or_default()
            };
            let chunk = stored.position;
            let seen = self.page.seen_of(chunk);
            let rows = self.listing.rows(summary, events).into_iter();
            found.extend(
                rows.filter(|(skip, _)| *skip >= seen)
                    .map(|(skip, row)| Found {
                        at: RowPosition { chunk, skip },
                        row: Some(row),
                    }),
            );
        }
        Ok(found)
    }
}

//! The rows of a list as one stream: chunk summaries are walked from the newest on,
//! chunks that match are opened together, and their rows follow one another. The
//! stream ends with the window, or where one answer has searched enough.

use futures_util::stream::{self, Stream};
use shared::store::Database;
use shared::store::telemetry::{HeadRange, HeadWalk, StoredHead};
use shared::telemetry::chunk::head::Summary;
use shared::telemetry::event::Event;
use shared::telemetry::query::cursor::RowPosition;
use shared::web::error::Error;

use crate::page::{Found, PageRequest, one_by_one};

/// Heads that one answer looks at.
const MAX_HEADS: usize = 2_000;

/// Bytes of the blobs that one answer opens.
const MAX_BLOB_BYTES: usize = 24 * 1024 * 1024;

/// Heads that are opened together.
const MAX_AT_ONCE: usize = 40;

/// What a list makes of chunks.
pub(crate) trait Listing: Sync {
    /// The events that are listed.
    type Event: Event + Send;
    /// A row, before it is written as JSON.
    type Row: Send;

    /// Rows to look at for each row of the page: more where a filter drops many.
    fn tried_per_row(&self) -> usize;

    /// Rows that a chunk may hold, judged by its summary; `None` if none match.
    fn expected(&self, head: &StoredHead, summary: &Summary) -> Option<usize>;

    /// Whether the summary alone has the rows.
    fn is_summed_up(&self, summary: &Summary) -> bool;

    /// The rows of a chunk that match, newest first, each with a number that is the
    /// same on every page. `events` is empty where the summary alone has the rows.
    fn rows(&self, summary: Summary, events: Vec<Self::Event>) -> Vec<(usize, Self::Row)>;
}

/// The rows of a range from the place on where the page begins.
pub(crate) fn found<'a, L: Listing>(
    database: &'a Database,
    range: HeadRange,
    page: PageRequest,
    listing: &'a L,
) -> impl Stream<Item = Result<Found<L::Row>, Error>> + Send + 'a {
    let search = Search {
        database,
        range,
        page,
        listing,
        walk: database.walk(range, page.begin()),
        heads: 0,
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

/// A walk that stops when it has seen enough.
struct Search<'a, L> {
    database: &'a Database,
    range: HeadRange,
    page: PageRequest,
    listing: &'a L,
    walk: HeadWalk<'a>,
    /// Heads seen so far.
    heads: usize,
    /// Bytes of the chunks that matched so far.
    bytes: usize,
    /// Rows found so far.
    rows: usize,
    is_over: bool,
}

impl<L: Listing> Search<'_, L> {
    /// The rows of the next chunks that have any; none at the end.
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

    /// The next heads that may hold the rows of the page together, newest first, and
    /// where another request goes on if this one has seen enough.
    async fn matching(
        &mut self,
    ) -> Result<(Vec<(StoredHead, Summary)>, Option<RowPosition>), Error> {
        let wanted = self.wanted() * self.listing.tried_per_row();
        let (mut matching, mut expected) = (Vec::new(), 0);
        while expected < wanted && matching.len() < MAX_AT_ONCE {
            let Some(head) = self.walk.next().await? else {
                self.is_over = true;
                break;
            };
            if self.heads >= MAX_HEADS || self.bytes >= MAX_BLOB_BYTES {
                self.is_over = true;
                let (chunk, skip) = (head.position, 0);
                return Ok((matching, Some(RowPosition { chunk, skip })));
            }
            self.heads += 1;
            let summary = head.summary()?;
            if let Some(rows) = self.listing.expected(&head, &summary) {
                expected += rows;
                self.bytes += head.bytes;
                matching.push((head, summary));
            }
        }
        Ok((matching, None))
    }

    /// Rows to look for: those that the page still needs, and the first of the next page.
    /// Asked for more than these, it looks for as many as it found too many: the page
    /// had to drop some, and may drop many.
    fn wanted(&self) -> usize {
        let page = self.page.limit + 1;
        if self.rows < page {
            page - self.rows
        } else {
            (self.rows - self.page.limit).min(page)
        }
    }

    async fn open(&self, chunks: Vec<(StoredHead, Summary)>) -> Result<Vec<Found<L::Row>>, Error> {
        let is_closed = |(_, summary): &&(StoredHead, Summary)| !self.listing.is_summed_up(summary);
        let closed: Vec<_> = chunks.iter().filter(is_closed).map(|(h, _)| h).collect();
        let opened = self.database.open(self.range.application_id, &closed);
        let mut opened = opened.await?.into_iter();
        let mut found = Vec::new();
        for (head, summary) in chunks {
            let events = if self.listing.is_summed_up(&summary) {
                Vec::new()
            } else {
                opened.next().unwrap_or_default()
            };
            let chunk = head.position;
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

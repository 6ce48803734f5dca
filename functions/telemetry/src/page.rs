//! A page of rows that fits into a response of at most 6 MB, the limit of Lambda.

use std::pin::pin;

use futures_util::stream::{self, Stream, TryStreamExt};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use shared::base::cursor::{Cursor, List};
use shared::telemetry::chunk::Position;
use shared::telemetry::query::cursor::RowPosition;
use shared::web::error::Error;
use shared::web::query::Limit;

/// Number of rows of a page: 1 to 200.
pub(crate) type PageLimit = Limit<200>;

/// Size at which a page is full, in bytes as Lambda counts them. The remaining 2 MB are more than
/// the largest row, which may be added last.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Size and start of the requested page.
#[derive(Clone, Copy)]
pub(crate) struct PageRequest {
    /// Largest number of rows.
    pub(crate) limit: usize,
    next: Option<RowPosition>,
}

impl PageRequest {
    /// Builds the request from the query parameters.
    pub(crate) fn of<L>(limit: PageLimit, cursor: Option<&Cursor<L>>) -> Self
    where
        L: List<Position = RowPosition>,
    {
        Self {
            limit: limit.get().into(),
            next: cursor.map(|cursor| cursor.0),
        }
    }

    /// Chunk at which the page begins; `None` for the first page.
    pub(crate) fn begin(&self) -> Option<Position> {
        self.next.map(|row| row.chunk)
    }

    /// Number of rows of a chunk that were on earlier pages.
    pub(crate) fn seen_of(&self, chunk: Position) -> usize {
        let row = self.next.filter(|row| row.chunk == chunk);
        row.map_or(0, |row| row.skip)
    }
}

/// The next row of a list, or the point where the search stopped.
pub(crate) struct Found<T> {
    /// Position at which the next page may begin.
    pub(crate) at: RowPosition,
    /// The row; `None` if the request has reached its search limit.
    pub(crate) row: Option<T>,
}

/// Flattens a stream of batches.
pub(crate) fn one_by_one<T>(
    batches: impl Stream<Item = Result<Vec<T>, Error>>,
) -> impl Stream<Item = Result<T, Error>> {
    batches
        .map_ok(|batch| stream::iter(batch.into_iter().map(Ok::<_, Error>)))
        .try_flatten()
}

/// Collects the rows of a page, and the position at which the next page begins. Takes one more row
/// from the stream than the page holds.
///
/// # Errors
/// The errors of the stream, and of `push`, which adds a row.
pub(crate) async fn filled<T>(
    found: impl Stream<Item = Result<Found<T>, Error>>,
    limit: usize,
    push: impl Fn(&mut Rows, T) -> Result<(), Error>,
) -> Result<(Rows, Option<RowPosition>), Error> {
    let mut found = pin!(found);
    let mut rows = Rows::up_to(limit);
    while let Some(Found { at, row }) = found.try_next().await? {
        match row {
            Some(row) if rows.room() > 0 => push(&mut rows, row)?,
            _ => return Ok((rows, Some(at))),
        }
    }
    Ok((rows, None))
}

/// Rows as JSON, limited in number and size.
pub(crate) struct Rows {
    rows: Vec<(Timestamp, Box<RawValue>)>,
    bytes: usize,
    limit: usize,
}

impl Rows {
    /// An empty list of at most `limit` rows.
    pub(crate) fn up_to(limit: usize) -> Self {
        Self {
            rows: Vec::new(),
            bytes: 0,
            limit,
        }
    }

    /// Shares the size limit with other rows of the same response.
    pub(crate) fn sharing_the_size_of(self, others: &Self) -> Self {
        Self {
            bytes: self.bytes + others.bytes,
            ..self
        }
    }

    /// Number of rows that may still be added.
    pub(crate) fn room(&self) -> usize {
        if self.bytes < MAX_BYTES {
            self.limit.saturating_sub(self.rows.len())
        } else {
            0
        }
    }

    /// Adds a row. The last row may exceed the size limit; no single row is too large for a
    /// response.
    ///
    /// # Errors
    /// When the row cannot be serialized, which no input can cause.
    pub(crate) fn push(&mut self, at: Timestamp, row: &impl Serialize) -> Result<(), Error> {
        let row = serde_json::value::to_raw_value(row);
        let row = row.map_err(|error| Error::Internal(error.into()))?;
        self.bytes += bytes_in_lambda(row.get());
        self.rows.push((at, row));
        Ok(())
    }

    /// The rows in the order they were added.
    pub(crate) fn in_order(self) -> Vec<Box<RawValue>> {
        self.rows.into_iter().map(|(_, row)| row).collect()
    }

    /// The rows, newest first. Chunks overlap in time, so rows are not added in order.
    pub(crate) fn newest_first(mut self) -> Vec<Box<RawValue>> {
        self.rows.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        self.in_order()
    }
}

/// Size of a JSON text in a Lambda response, whose body is a JSON string: quotes and
/// backslashes are escaped.
fn bytes_in_lambda(json: &str) -> usize {
    let is_escaped = |byte: &u8| matches!(byte, b'"' | b'\\');
    json.len() + json.bytes().filter(|byte| is_escaped(byte)).count()
}

//! A page of rows that fits in an answer: Lambda's may have 6 MB.

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

/// Rows of a page.
pub(crate) type PageLimit = Limit<200>;

/// Most bytes of the rows of an answer, as Lambda counts them. What is left to the 6 MB
/// is more than the largest row has.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// How many rows are asked for, and where to begin.
#[derive(Clone, Copy)]
pub(crate) struct PageRequest {
    /// At most so many.
    pub(crate) limit: usize,
    next: Option<RowPosition>,
}

impl PageRequest {
    /// From the parameters of the query.
    pub(crate) fn of<L>(limit: PageLimit, cursor: Option<&Cursor<L>>) -> Self
    where
        L: List<Position = RowPosition>,
    {
        Self {
            limit: limit.get().into(),
            next: cursor.map(|cursor| cursor.0),
        }
    }

    /// The chunk to begin with.
    pub(crate) fn begin(&self) -> Option<Position> {
        self.next.map(|row| row.chunk)
    }

    /// How many rows of a chunk were on the page before.
    pub(crate) fn seen_of(&self, chunk: Position) -> usize {
        let row = self.next.filter(|row| row.chunk == chunk);
        row.map_or(0, |row| row.skip)
    }
}

/// What a list finds next.
pub(crate) struct Found<T> {
    /// Its place, where a page may begin.
    pub(crate) at: RowPosition,
    /// The row; `None` where one answer has searched enough.
    pub(crate) row: Option<T>,
}

/// What comes in batches, one by one.
pub(crate) fn one_by_one<T>(
    batches: impl Stream<Item = Result<Vec<T>, Error>>,
) -> impl Stream<Item = Result<T, Error>> {
    batches
        .map_ok(|batch| stream::iter(batch.into_iter().map(Ok::<_, Error>)))
        .try_flatten()
}

/// The rows of a page, and where the next page begins. Asks for one row more than the
/// page has room for.
///
/// # Errors
/// Those of the stream, and of `push`, which writes a row.
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

/// Rows as JSON, up to a number and a size.
pub(crate) struct Rows {
    rows: Vec<(Timestamp, Box<RawValue>)>,
    bytes: usize,
    limit: usize,
}

impl Rows {
    /// No rows yet.
    pub(crate) fn up_to(limit: usize) -> Self {
        Self {
            rows: Vec::new(),
            bytes: 0,
            limit,
        }
    }

    /// The same, in an answer that has these rows too.
    pub(crate) fn beside(self, others: &Self) -> Self {
        Self {
            bytes: self.bytes + others.bytes,
            ..self
        }
    }

    /// How many more rows may be added.
    pub(crate) fn room(&self) -> usize {
        if self.bytes < MAX_BYTES {
            self.limit.saturating_sub(self.rows.len())
        } else {
            0
        }
    }

    /// Adds a row. The last may go beyond the size: no single one is too large.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no input can cause.
    pub(crate) fn push(&mut self, at: Timestamp, row: &impl Serialize) -> Result<(), Error> {
        let row = serde_json::value::to_raw_value(row);
        let row = row.map_err(|error| Error::Internal(error.into()))?;
        self.bytes += bytes_in_lambda(row.get());
        self.rows.push((at, row));
        Ok(())
    }

    /// In the order they were added.
    pub(crate) fn in_order(self) -> Vec<Box<RawValue>> {
        self.rows.into_iter().map(|(_, row)| row).collect()
    }

    /// The newest first: batches overlap, so their rows did not come in order.
    pub(crate) fn newest_first(mut self) -> Vec<Box<RawValue>> {
        self.rows.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        self.in_order()
    }
}

/// The bytes of JSON inside JSON: a function hands its body over as a string.
fn bytes_in_lambda(json: &str) -> usize {
    let is_escaped = |byte: &u8| matches!(byte, b'"' | b'\\');
    json.len() + json.bytes().filter(|byte| is_escaped(byte)).count()
}

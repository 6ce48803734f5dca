//! A page of rows that fits into a response of at most 6 MB, the limit of Lambda.

use serde::Serialize;
use serde_json::value::RawValue;
use shared::web::error::Error;
use shared::web::query::Limit;

/// Number of rows on a page: 1 to 200.
pub(crate) type PageLimit = Limit<200>;

/// Size at which a page is full, in bytes as Lambda counts them. The last row may exceed it; no row
/// is larger than the remaining 2 MB.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Rows as JSON, limited in number and size.
pub(crate) struct Rows {
    rows: Vec<Box<RawValue>>,
    bytes: usize,
    limit: usize,
}

impl Rows {
    /// Creates an empty list of at most `limit` rows.
    pub(crate) fn up_to(limit: usize) -> Self {
        Self {
            rows: Vec::new(),
            bytes: 0,
            limit,
        }
    }

    /// Counts the size of other rows of the same response towards the limit.
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
    pub(crate) fn push(&mut self, row: &impl Serialize) -> Result<(), Error> {
        let row = serde_json::value::to_raw_value(row);
        let row = row.map_err(|error| Error::Internal(error.into()))?;
        self.bytes += bytes_in_lambda(row.get());
        self.rows.push(row);
        Ok(())
    }

    /// Returns the rows in the order in which they were added.
    pub(crate) fn in_order(self) -> Vec<Box<RawValue>> {
        self.rows
    }
}

/// Size of a JSON text in a Lambda response, whose body is a JSON string: quotes and
/// backslashes are escaped.
fn bytes_in_lambda(json: &str) -> usize {
    let is_escaped = |byte: &u8| matches!(byte, b'"' | b'\\');
    json.len() + json.bytes().filter(|byte| is_escaped(byte)).count()
}

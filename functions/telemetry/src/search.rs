//! Looking for heads that may hold what a list asks for, as far back as one
//! answer may look.

use shared::store::telemetry::{HeadWalk, StoredHead};
use shared::telemetry::chunk::head::Summary;
use shared::telemetry::query::cursor::RowPosition;
use shared::web::error::Error;

/// Heads that one answer looks at.
const MAX_HEADS: usize = 2_000;

/// Bytes of the blobs that one answer opens.
const MAX_BLOB_BYTES: usize = 24 * 1024 * 1024;

/// Heads that are opened together.
const MAX_AT_ONCE: usize = 40;

/// A walk that stops when it has seen enough.
pub(crate) struct Search<'a> {
    walk: HeadWalk<'a>,
    heads: usize,
    bytes: usize,
    is_over: bool,
    rest: Option<RowPosition>,
}

impl<'a> Search<'a> {
    /// Searches along a walk.
    pub(crate) fn along(walk: HeadWalk<'a>) -> Self {
        Self {
            walk,
            heads: 0,
            bytes: 0,
            is_over: false,
            rest: None,
        }
    }

    /// The next heads, newest first, that may hold `rows` rows together; `may_hold`
    /// tells of each how many, or none. Empty when the search is over.
    ///
    /// # Errors
    /// When storage fails.
    pub(crate) async fn next(
        &mut self,
        rows: usize,
        may_hold: impl Fn(&StoredHead, &Summary) -> Option<usize>,
    ) -> Result<Vec<(StoredHead, Summary)>, Error> {
        let (mut found, mut expected) = (Vec::new(), 0);
        while !self.is_over && expected < rows.max(1) && found.len() < MAX_AT_ONCE {
            let Some(head) = self.walk.next().await? else {
                self.is_over = true;
                break;
            };
            if self.heads >= MAX_HEADS || self.bytes >= MAX_BLOB_BYTES {
                self.is_over = true;
                self.rest = Some(RowPosition {
                    chunk: head.position,
                    skip: 0,
                });
                break;
            }
            self.heads += 1;
            let summary = head.summary()?;
            if let Some(rows) = may_hold(&head, &summary) {
                expected += rows;
                self.bytes += head.bytes;
                found.push((head, summary));
            }
        }
        Ok(found)
    }

    /// Where to go on after a search that is over; `None` at the end of the window.
    pub(crate) fn rest(&self) -> Option<RowPosition> {
        self.rest
    }
}

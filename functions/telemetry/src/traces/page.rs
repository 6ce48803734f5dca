//! A page of the list of traces.

use serde_json::value::RawValue;
use shared::telemetry::query::cursor::{ListPosition, RowKey};
use shared::telemetry::query::listing::StatusFilter;
use shared::web::error::Error;

use super::adjacent_chunks::{Candidate, completed};
use super::{Row, TraceList};
use crate::archive::Archive;
use crate::page::Rows;
use crate::search::{Next, Search};

/// Maximum number of times that one request looks up adjacent chunks.
const MAX_LOOKUPS: usize = 3;

/// Number of rows whose adjacent chunks are looked up together if adjacent chunks decide which rows
/// are wanted.
const UNDECIDED_AT_ONCE: usize = 400;

/// A page of traces that is being filled.
pub(super) struct TracePage<'a> {
    state: &'a crate::State,
    archive: &'a Archive,
    list: &'a TraceList,
    rows: Rows,
    /// Place of the last row that was examined.
    last: RowKey,
    /// Number of times that adjacent chunks were looked up.
    lookups: usize,
}

impl<'a> TracePage<'a> {
    /// Creates an empty page of at most `limit` rows.
    pub(super) fn of(
        state: &'a crate::State,
        archive: &'a Archive,
        list: &'a TraceList,
        limit: usize,
    ) -> Self {
        Self {
            state,
            archive,
            list,
            rows: Rows::up_to(limit),
            last: RowKey::MAX,
            lookups: 0,
        }
    }

    /// Returns the rows, newest first.
    pub(super) fn rows(self) -> Vec<Box<RawValue>> {
        self.rows.in_order()
    }

    /// Fills the page. Returns where the next page begins.
    ///
    /// # Errors
    /// When storage fails.
    pub(super) async fn fill(
        &mut self,
        search: &mut Search<'_, TraceList>,
    ) -> Result<Option<ListPosition>, Error> {
        loop {
            let room = self.rows.room();
            let wanted = if room > 0 && self.list.is_undecided() {
                UNDECIDED_AT_ONCE
            } else {
                room.max(1)
            };
            let (candidates, end) = batch(search, wanted).await?;
            if room == 0 || self.lookups >= MAX_LOOKUPS {
                let is_last = candidates.is_empty() && matches!(end, Some(Next::End));
                return if is_last {
                    Ok(None)
                } else {
                    search.position(self.last)
                };
            }
            self.lookups += 1;
            if !self.add(candidates).await? {
                return search.position(self.last);
            }
            match end {
                Some(Next::Stopped(before)) => return search.position(before.min(self.last)),
                Some(_) => return Ok(None),
                None => {}
            }
        }
    }

    /// Adds the traces of some candidates. Returns `false` if there was no room for all.
    async fn add(&mut self, candidates: Vec<Candidate>) -> Result<bool, Error> {
        let filter = &self.list.filter;
        let keys: Vec<RowKey> = candidates.iter().map(Candidate::key).collect();
        let completed = completed(self.state, self.archive, self.list, candidates).await?;
        for (key, row) in keys.into_iter().zip(completed) {
            let row = row.filter(|(entry, counts)| filter.accepts(entry, counts.errors));
            if let Some((entry, counts)) = row {
                if self.rows.room() == 0 {
                    return Ok(false);
                }
                self.rows.push(&Row::of(&entry, counts))?;
            }
            self.last = key;
        }
        Ok(true)
    }
}

impl TraceList {
    /// Returns whether adjacent chunks decide which rows are wanted.
    fn is_undecided(&self) -> bool {
        let by_spans = !self.filter.spans.is_open() && self.filter.has_conditions_on_rows();
        by_spans || self.failed_only()
    }

    /// Returns whether only traces with a failed span are wanted.
    pub(super) fn failed_only(&self) -> bool {
        self.filter.status == Some(StatusFilter::Error)
    }
}

/// Returns the next rows of a search and, if there are fewer than wanted, why.
async fn batch(
    search: &mut Search<'_, TraceList>,
    wanted: usize,
) -> Result<(Vec<Candidate>, Option<Next<Candidate>>), Error> {
    let mut candidates = Vec::new();
    while candidates.len() < wanted {
        match search.next().await? {
            Next::Row(_, candidate) => candidates.push(candidate),
            end => return Ok((candidates, Some(end))),
        }
    }
    Ok((candidates, None))
}

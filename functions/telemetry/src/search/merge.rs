//! Rows and chunks that wait for their turn in a list.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use shared::store::telemetry::StoredSummary;
use shared::telemetry::chunk::summary::Summary;
use shared::telemetry::query::cursor::{ChunkPlace, RowKey};

/// A chunk with rows that are not read yet.
pub(super) struct Source {
    /// Time at or before which these rows are, in milliseconds.
    pub(super) newest: i64,
    /// Number of the chunk's newest rows that its summary held.
    pub(super) returned: usize,
    /// Number of rows that it may hold.
    pub(super) expected: usize,
    /// Whether an earlier page began it.
    pub(super) is_carried: bool,
    pub(super) stored: StoredSummary,
    pub(super) summary: Summary,
}

/// Rows that were read, and chunks that were not.
pub(super) struct Merge<R> {
    rows: BinaryHeap<Waiting<R>>,
    unopened: BinaryHeap<Source>,
    most: usize,
    /// Greatest key of the rows that were dropped because there were too many.
    dropped: Option<RowKey>,
}

struct Waiting<R> {
    key: RowKey,
    row: R,
}

impl<R> Merge<R> {
    /// Keeps at most this many rows, the newest.
    pub(super) fn holding(most: usize) -> Self {
        Self {
            rows: BinaryHeap::new(),
            unopened: BinaryHeap::new(),
            most,
            dropped: None,
        }
    }

    pub(super) fn push(&mut self, key: RowKey, row: R) {
        self.rows.push(Waiting { key, row });
        if self.rows.len() >= self.most * 2 {
            let rows = std::mem::take(&mut self.rows).into_sorted_vec();
            let cut = rows.len() - self.most;
            let newest_dropped = cut.checked_sub(1).and_then(|last| rows.get(last));
            self.dropped = self.dropped.max(newest_dropped.map(|row| row.key));
            self.rows = rows.into_iter().skip(cut).collect();
        }
    }

    /// Takes the newest row, unless a newer one may still be unread or was dropped. Of several rows
    /// with its key, takes the best.
    pub(super) fn pop(
        &mut self,
        unread: Option<i64>,
        is_better: impl Fn(&R, &R) -> bool,
    ) -> Option<(RowKey, R)> {
        let newest = self.rows.peek()?.key;
        if unread.is_some_and(|unread| newest.milli() <= unread) || self.dropped > Some(newest) {
            return None;
        }
        let Waiting { key, mut row } = self.rows.pop()?;
        while self.rows.peek().is_some_and(|next| next.key == key) {
            let other = self.rows.pop()?.row;
            if is_better(&other, &row) {
                row = other;
            }
        }
        Some((key, row))
    }

    /// The key of the next row if that row was dropped.
    pub(super) fn next_is_dropped(&self, unread: Option<i64>) -> Option<RowKey> {
        let dropped = self.dropped?;
        let is_next = self.rows.peek().is_none_or(|row| row.key < dropped);
        let is_read = unread.is_none_or(|unread| unread < dropped.milli());
        (is_next && is_read).then_some(dropped)
    }

    /// Number of rows that wait.
    pub(super) fn ready(&self) -> usize {
        self.rows.len()
    }

    /// Time of the row that is `number`-th from the newest, in milliseconds.
    pub(super) fn nth_newest(&self, number: usize) -> Option<i64> {
        let index = self.rows.len().checked_sub(number.max(1))?;
        let mut keys: Vec<RowKey> = self.rows.iter().map(|row| row.key).collect();
        let (_, nth, _) = keys.select_nth_unstable(index);
        Some(nth.milli())
    }

    pub(super) fn add_unopened(&mut self, source: Source) {
        self.unopened.push(source);
    }

    /// Time at or before which chunks that are not read have rows, in milliseconds.
    pub(super) fn newest_unopened(&self) -> Option<i64> {
        self.unopened.peek().map(|source| source.newest)
    }

    /// Whether the chunk whose turn it is was begun by an earlier page. `front` is the time of the
    /// next chunk of the walk.
    pub(super) fn next_is_carried(&self, front: Option<i64>) -> bool {
        let next = self.unopened.peek();
        next.is_some_and(|source| source.is_carried && front <= Some(source.newest))
    }

    /// Takes the chunk whose turn it is, unless the walk has newer ones.
    pub(super) fn take_unopened(&mut self, front: Option<i64>) -> Option<Source> {
        let newest = self.newest_unopened()?;
        if front.is_some_and(|front| front > newest) {
            return None;
        }
        self.unopened.pop()
    }

    /// The chunks that were not read.
    pub(super) fn unopened(&self) -> impl Iterator<Item = ChunkPlace> {
        self.unopened.iter().map(|source| source.stored.place())
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Source {}

impl PartialOrd for Source {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Source {
    fn cmp(&self, other: &Self) -> Ordering {
        // Carried chunks come first, because they do not count against the limits of the request.
        let rank = |source: &Self| (source.newest, source.is_carried, source.stored.position);
        rank(self).cmp(&rank(other))
    }
}

impl<R> PartialEq for Waiting<R> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<R> Eq for Waiting<R> {}

impl<R> PartialOrd for Waiting<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R> Ord for Waiting<R> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

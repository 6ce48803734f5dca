//! Rows and chunks that wait for their turn in a list.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use shared::store::telemetry::StoredSummary;
use shared::telemetry::query::cursor::{ChunkPlace, RowKey};

/// A chunk with rows that are not read yet.
pub(super) struct Source {
    /// Time at or before which these rows are, in milliseconds.
    pub(super) newest: i64,
    /// Number of its newest rows, which its summary held.
    pub(super) returned: usize,
    /// Number of further rows that it may hold.
    pub(super) expected: usize,
    /// Whether an earlier page has begun it.
    pub(super) is_carried: bool,
    pub(super) stored: StoredSummary,
}

/// Rows that were read, and chunks that were not.
pub(super) struct Merge<R> {
    rows: BinaryHeap<Waiting<R>>,
    unopened: BinaryHeap<Source>,
    most: usize,
    /// Memory of the rows in bytes, and its limit.
    memory: usize,
    most_memory: usize,
    /// Greatest key of the rows that were dropped because there were too many.
    dropped: Option<RowKey>,
}

struct Waiting<R> {
    key: RowKey,
    row: R,
    memory: usize,
}

impl<R> Merge<R> {
    /// Creates an empty merge. Once it holds twice `most` rows, or more than `most_memory` bytes,
    /// it drops the oldest rows: at most `most` rows with half of that memory stay.
    pub(super) fn holding(most: usize, most_memory: usize) -> Self {
        Self {
            memory: 0,
            most_memory,
            rows: BinaryHeap::new(),
            unopened: BinaryHeap::new(),
            most,
            dropped: None,
        }
    }

    /// Adds a row that takes this many bytes.
    pub(super) fn push(&mut self, key: RowKey, row: R, memory: usize) {
        self.memory += memory;
        self.rows.push(Waiting { key, row, memory });
        if self.rows.len() >= self.most * 2 || self.memory > self.most_memory {
            self.drop_oldest();
        }
    }

    /// Drops the oldest rows until at most `most` are left, in half of their memory. The newest one
    /// stays in any case.
    fn drop_oldest(&mut self) {
        let newest_first = std::mem::take(&mut self.rows).into_sorted_vec();
        let mut newest_first = newest_first.into_iter().rev();
        self.memory = 0;
        for row in newest_first.by_ref() {
            let fits = self.memory + row.memory <= self.most_memory / 2;
            if !self.rows.is_empty() && (!fits || self.rows.len() >= self.most) {
                self.dropped = self.dropped.max(Some(row.key));
                break;
            }
            self.memory += row.memory;
            self.rows.push(row);
        }
    }

    /// Takes the newest row, unless a newer one may be unread or was dropped. Of several rows with
    /// the same key, takes the best.
    pub(super) fn pop(
        &mut self,
        unread: Option<i64>,
        is_better: impl Fn(&R, &R) -> bool,
    ) -> Option<(RowKey, R)> {
        let newest = self.rows.peek()?.key;
        if unread.is_some_and(|unread| newest.milli() <= unread) || self.dropped > Some(newest) {
            return None;
        }
        let (key, mut row) = self.take_newest()?;
        while self.rows.peek().is_some_and(|next| next.key == key) {
            let (_, other) = self.take_newest()?;
            if is_better(&other, &row) {
                row = other;
            }
        }
        Some((key, row))
    }

    fn take_newest(&mut self) -> Option<(RowKey, R)> {
        let Waiting { key, row, memory } = self.rows.pop()?;
        self.memory -= memory;
        Some((key, row))
    }

    /// Returns the key of the next row if that row was dropped.
    pub(super) fn next_is_dropped(&self, unread: Option<i64>) -> Option<RowKey> {
        let dropped = self.dropped?;
        let is_next = self.rows.peek().is_none_or(|row| row.key < dropped);
        let is_read = unread.is_none_or(|unread| unread < dropped.milli());
        (is_next && is_read).then_some(dropped)
    }

    /// Returns the number of waiting rows.
    pub(super) fn ready(&self) -> usize {
        self.rows.len()
    }

    /// Returns the time of the row that is `number`-th from the newest, in milliseconds.
    pub(super) fn nth_newest(&self, number: usize) -> Option<i64> {
        let index = self.rows.len().checked_sub(number.max(1))?;
        let mut keys: Vec<RowKey> = self.rows.iter().map(|row| row.key).collect();
        let (_, nth, _) = keys.select_nth_unstable(index);
        Some(nth.milli())
    }

    pub(super) fn add_unopened(&mut self, source: Source) {
        self.unopened.push(source);
    }

    /// Returns the time at or before which unread chunks have rows, in milliseconds.
    pub(super) fn newest_unopened(&self) -> Option<i64> {
        self.unopened.peek().map(|source| source.newest)
    }

    /// Returns whether the next chunk to read was begun by an earlier page. `front` is the time of
    /// the next chunk of the walk.
    pub(super) fn next_is_carried(&self, front: Option<i64>) -> bool {
        let next = self.unopened.peek();
        next.is_some_and(|source| source.is_carried && front <= Some(source.newest))
    }

    /// Takes the newest unread chunk, unless the walk has a newer one.
    pub(super) fn take_unopened(&mut self, front: Option<i64>) -> Option<Source> {
        let newest = self.newest_unopened()?;
        if front.is_some_and(|front| front > newest) {
            return None;
        }
        self.unopened.pop()
    }

    /// Returns the chunks that were not read.
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

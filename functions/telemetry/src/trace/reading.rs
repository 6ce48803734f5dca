//! Reads the summaries and chunks that may hold events of one trace.

use std::time::Duration;

use shared::base::clock;
use shared::store::telemetry::{Direction, StoredSummary, SummaryRange};
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::Position;
use shared::telemetry::chunk::codec::{self, Rows};
use shared::telemetry::chunk::summary::fingerprint;
use shared::telemetry::event::Event;
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;

use crate::archive::Archive;

/// Maximum number of queries for summaries of spans, and how many more are allowed for each shard.
const MAX_QUERIES: usize = 40;
const QUERIES_PER_SHARD: usize = 6;

/// Maximum number of queries for summaries of log records on each side of what was searched before,
/// and how many more are allowed for each shard.
const MAX_LOG_QUERIES: usize = 4;
const LOG_QUERIES_PER_SHARD: usize = 2;

/// Maximum number of summaries that one request reads for a signal, and of chunks that it opens.
const MAX_SUMMARIES: usize = 4_000;
const MAX_CHUNKS: usize = 400;
const MAX_LOG_CHUNKS: usize = 200;

/// Maximum memory for the decoded events of the chunks of a signal, in bytes. Events of other
/// traces are not decoded.
const MAX_MEMORY: usize = 128 * 1024 * 1024;

/// Maximum number of chunks that are read together.
const MAX_AT_ONCE: usize = 40;

/// What one request may still read.
pub(super) struct Budget {
    queries: usize,
    summaries: usize,
    chunks: usize,
    memory: usize,
}

impl Budget {
    /// Returns the budget of a search for spans.
    pub(super) fn of_spans(shards: u32) -> Self {
        Self {
            queries: MAX_QUERIES + QUERIES_PER_SHARD * shards as usize,
            summaries: MAX_SUMMARIES,
            chunks: MAX_CHUNKS,
            memory: MAX_MEMORY,
        }
    }

    /// Returns the budget of a search for log records on one side of what was searched before.
    pub(super) fn of_logs(shards: u32) -> Self {
        Self {
            queries: MAX_LOG_QUERIES + LOG_QUERIES_PER_SHARD * shards as usize,
            summaries: MAX_SUMMARIES / 2,
            chunks: MAX_LOG_CHUNKS / 2,
            memory: MAX_MEMORY / 2,
        }
    }

    fn is_used_up(&self) -> bool {
        self.summaries == 0 || self.chunks == 0 || self.memory == 0
    }
}

/// Returns the range of summaries from one position (included) to another (excluded).
pub(super) fn between(
    archive: &Archive,
    signal: Signal,
    from: Position,
    end: Position,
) -> SummaryRange<'_> {
    let window = TimeWindow {
        from: from.at,
        to: clock::after(end.at, Duration::from_millis(1)),
    };
    SummaryRange {
        at_or_after: Some(from),
        prior_to: Some(end),
        ..archive.summaries_at(signal, window)
    }
}

/// A range of summaries to search for a trace.
pub(super) struct Reading<'a> {
    pub(super) state: &'a crate::State,
    pub(super) trace_id: &'a str,
    pub(super) range: SummaryRange<'a>,
    pub(super) direction: Direction,
}

impl Reading<'_> {
    /// Reads the summaries, and adds the chunks that may hold events of the trace. Returns `None`
    /// if the whole range was read, and otherwise the position between what was read and the rest.
    ///
    /// # Errors
    /// When storage fails.
    pub(super) async fn summaries(
        &self,
        budget: &mut Budget,
        chunks: &mut Vec<StoredSummary>,
    ) -> Result<Option<Position>, Error> {
        let trace = fingerprint(self.trace_id);
        let database = &self.state.database;
        let walk = database.walk(self.range, self.direction, budget.queries);
        let mut walk = walk.in_large_pages();
        let mut reached = None;
        while let Some(stored) = walk.next().await? {
            if budget.is_used_up() {
                reached = Some(match self.direction {
                    Direction::Older => stored.position.next(),
                    Direction::Newer => stored.position,
                });
                break;
            }
            budget.summaries -= 1;
            let summary = stored.summary(self.range.gaps);
            if summary.is_some_and(|summary| summary.may_hold_trace(trace)) {
                budget.chunks -= 1;
                budget.memory = budget.memory.saturating_sub(stored.memory);
                chunks.push(stored.without_summary());
            }
        }
        budget.queries = walk.queries_left();
        Ok(reached.or(walk.stopped()))
    }
}

/// Returns the events of the trace in these chunks.
///
/// # Errors
/// When storage fails.
pub(super) async fn events<E: Event>(
    state: &crate::State,
    range: &SummaryRange<'_>,
    trace_id: &str,
    mut chunks: Vec<StoredSummary>,
) -> Result<Vec<E>, Error> {
    chunks.sort_by_key(|stored| stored.position);
    let mut events = Vec::new();
    for chunks in chunks.chunks(MAX_AT_ONCE) {
        let closed: Vec<&StoredSummary> = chunks.iter().collect();
        let decode = |place: usize, chunk: &[u8]| {
            let most = closed.get(place).map_or(0, |stored| stored.stated_memory());
            events.extend(codec::decode_within::<E>(
                chunk,
                Rows::OfTrace(trace_id),
                most,
            )?);
            Ok(())
        };
        state.database.open(range, &closed, decode).await?;
    }
    Ok(events)
}

//! Ranges of chunk summaries, and the queries that read them.

use jiff::Timestamp;

use super::Gaps;
use crate::keys;
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_telemetry::batch::{DAY, Signal};
use upblit_telemetry::chunk::Position;
use upblit_telemetry::query::window::TimeWindow;

/// A range of chunk summaries of one application.
#[derive(Debug, Clone, Copy)]
pub struct SummaryRange<'a> {
    /// Application that the telemetry belongs to.
    pub application_id: ApplicationId,
    /// Signal of the events.
    pub signal: Signal,
    /// Number of shards that the telemetry is spread over.
    pub shards: u32,
    /// Query window. The range has the chunks that may hold events of it.
    pub window: TimeWindow,
    /// Chunks positioned at this time or later are excluded.
    pub before: Timestamp,
    /// If given, only chunks positioned before this one are in the range.
    pub prior_to: Option<Position>,
    /// If given, only chunks at this position or after it are in the range.
    pub at_or_after: Option<Position>,
    /// Current time. Items that have expired are ignored, even if not deleted yet.
    pub now: Timestamp,
    /// Summaries positioned earlier may be read with eventual consistency, which costs half.
    pub eventual_before: Timestamp,
    /// Collects what cannot be read.
    pub gaps: &'a Gaps,
}

/// Summaries of one day in one shard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Partition {
    pub(super) part: PartOfDay,
    pub(super) shard: u32,
}

/// A part of a day that is read in one way.
#[derive(Debug, Clone, Copy)]
pub(super) struct PartOfDay {
    day: Timestamp,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// Whether to read with strong consistency.
    pub(super) is_strong: bool,
}

impl Partition {
    /// Partition key of the summaries.
    pub(super) fn name(&self, range: &SummaryRange<'_>) -> String {
        keys::summary_partition(
            range.application_id,
            range.signal,
            self.part.day,
            self.shard,
        )
    }
}

impl SummaryRange<'_> {
    /// Returns the first and last sort key that a query of a part of a day may return. DynamoDB
    /// includes both, so [`has`](Self::has) decides about the last.
    pub(super) fn sort_keys(&self, part: &PartOfDay) -> (String, String) {
        let from = keys::from_time(part.from);
        let to = keys::from_time(part.to);
        let first = self.at_or_after.map(keys::chunk);
        let end = self.prior_to.map(keys::chunk);
        (
            first.map_or(from.clone(), |first| first.max(from)),
            end.map_or(to.clone(), |end| end.min(to)),
        )
    }

    /// Returns whether a position is within `at_or_after` and `prior_to`.
    pub(super) fn has(&self, position: Position) -> bool {
        self.at_or_after.is_none_or(|first| first <= position)
            && self.prior_to.is_none_or(|end| position < end)
    }

    /// Returns the parts of the UTC days that the range overlaps, newest first.
    pub(super) fn parts_of_days(&self) -> Vec<PartOfDay> {
        let summaries = TimeWindow {
            from: self.window.from,
            to: self.before,
        };
        let summaries = summaries.within(TimeWindow {
            from: self.at_or_after.map_or(Timestamp::MIN, |first| first.at),
            to: self.prior_to.map_or(Timestamp::MAX, Position::end),
        });
        let in_day = |day| {
            let end = clock::after(day, DAY);
            let whole = PartOfDay {
                day,
                from: summaries.from.max(day),
                to: summaries.to.min(end),
                is_strong: true,
            };
            whole.divided(self.eventual_before)
        };
        summaries.days().flat_map(in_day).collect()
    }

    /// Returns one partition for each part of a day and shard.
    pub(super) fn partitions(&self) -> Vec<Partition> {
        let shards = 0..self.shards;
        self.parts_of_days()
            .into_iter()
            .flat_map(|part| shards.clone().map(move |shard| Partition { part, shard }))
            .collect()
    }
}

impl PartOfDay {
    /// Divides a part into one that is read with strong consistency and one that is not. Leaves out
    /// empty ones.
    fn divided(self, eventual_before: Timestamp) -> Vec<Self> {
        // Not `clamp`, which panics if the range is in the future and so ends before it begins.
        let at = eventual_before.max(self.from).min(self.to);
        let new = Self { from: at, ..self };
        let old = Self {
            to: at,
            is_strong: false,
            ..self
        };
        let parts = [new, old].into_iter();
        parts.filter(|part| part.from < part.to).collect()
    }
}

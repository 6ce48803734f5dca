//! Usage: what an application has sent in a day, by signal, and what was read of it. Each instance adds requests up in
//! memory and writes the total together with a lease of the day's quota, or after five minutes.
//!
//! The counts are approximate. An instance that stops usually loses less than five minutes of them,
//! and a write whose response was lost may be counted twice.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use upblit_base::clock;

use crate::batch::Signal;

/// Minimum time between two writes of an application's usage that do not accompany a lease. A
/// revert is written at once.
pub(crate) const WRITE_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// Requests, events and write units of one signal. Signed, because corrections can be negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignalUsage {
    /// Number of requests that were charged to the day's quota.
    pub requests: i64,
    /// Number of events in them, accepted or not.
    pub events: i64,
    /// Write units charged for them.
    pub units: i64,
}

impl SignalUsage {
    fn plus(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            events: self.events + other.events,
            units: self.units + other.units,
        }
    }

    fn reverted(self) -> Self {
        Self {
            requests: -self.requests,
            events: -self.events,
            units: -self.units,
        }
    }
}

/// What was read. Counts of corrections are negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadUsage {
    /// Number of queries that were charged to the quota of the day.
    pub queries: i64,
    /// Read units that they were charged.
    pub units: i64,
}

/// What was sent, by signal, and what was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Usage by requests with spans.
    pub traces: SignalUsage,
    /// Usage by requests with log records.
    pub logs: SignalUsage,
    /// Queries about both.
    pub reads: ReadUsage,
    /// Number of batches that the quota of the creator refused, although that of the application did not.
    pub refused_for_creator: i64,
}

impl Usage {
    /// Returns the usage of one batch that the quota of the creator refused.
    pub fn of_refusal_for_creator() -> Self {
        Self {
            refused_for_creator: 1,
            ..Self::default()
        }
    }

    /// Returns the usage of queries, and none of what was sent.
    pub fn of_reads(reads: ReadUsage) -> Self {
        Self {
            reads,
            ..Self::default()
        }
    }

    /// Returns the usage of one signal, and none of the others.
    pub fn of(signal: Signal, usage: SignalUsage) -> Self {
        let mut all = Self::default();
        match signal {
            Signal::Traces => all.traces = usage,
            Signal::Logs => all.logs = usage,
        }
        all
    }

    /// Adds two totals.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            traces: self.traces.plus(other.traces),
            logs: self.logs.plus(other.logs),
            reads: ReadUsage {
                queries: self.reads.queries + other.reads.queries,
                units: self.reads.units + other.reads.units,
            },
            refused_for_creator: self.refused_for_creator + other.refused_for_creator,
        }
    }

    /// Returns this usage with all counts negated, so that adding it cancels this usage.
    #[must_use]
    pub fn reverted(self) -> Self {
        Self {
            traces: self.traces.reverted(),
            logs: self.logs.reverted(),
            reads: ReadUsage {
                queries: -self.reads.queries,
                units: -self.reads.units,
            },
            refused_for_creator: -self.refused_for_creator,
        }
    }

    /// Returns whether all counts are zero.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// The usage of an application that an instance has not written yet, by day (UTC).
#[derive(Debug, Clone, Default)]
pub struct PendingUsage {
    days: BTreeMap<Date, Usage>,
    written_at: Option<Timestamp>,
}

impl PendingUsage {
    /// Adds to the usage of a day.
    pub fn add(&mut self, day: Date, usage: Usage) {
        let total = self.days.entry(day).or_default();
        *total = total.plus(usage);
    }

    /// Subtracts usage of a day, which may already have been written. [`Self::due`] then returns the
    /// correction without waiting, because an instance that only refuses requests may soon end.
    pub fn revert(&mut self, day: Date, usage: Usage) {
        self.add(day, usage.reverted());
        self.written_at = None;
    }

    /// Takes the pending usage of a day, to be written at `now`. The caller adds it again if the write
    /// fails.
    pub fn take(&mut self, day: Date, now: Timestamp) -> Usage {
        self.written_at = Some(now);
        self.days.remove(&day).unwrap_or_default()
    }

    /// Takes all pending usage, by day, unless the last write was less than five minutes ago. Usage is
    /// due at once before the first write and after [`Self::revert`]. The caller adds it again if the
    /// write fails.
    pub fn due(&mut self, now: Timestamp) -> BTreeMap<Date, Usage> {
        let is_recent = |at| clock::is_within(WRITE_INTERVAL, at, now);
        if self.written_at.is_some_and(is_recent) {
            return BTreeMap::new();
        }
        self.written_at = Some(now);
        let mut due = std::mem::take(&mut self.days);
        due.retain(|_, usage| !usage.is_zero());
        due
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn usage(requests: i64, units: i64) -> Usage {
        let usage = SignalUsage {
            requests,
            events: 10 * requests,
            units,
        };
        Usage::of(Signal::Logs, usage)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn pending_usage_is_taken_with_a_lease_and_later_every_five_minutes() {
        let today = date(2026, 11, 27);
        let mut pending = PendingUsage::default();
        pending.add(today, usage(1, 2));
        assert_eq!(pending.take(today, at(0)), usage(1, 2));
        pending.add(today, usage(1, 2));
        pending.add(today, usage(0, 5));
        assert!(pending.due(at(299)).is_empty());
        assert_eq!(pending.due(at(300)), BTreeMap::from([(today, usage(1, 7))]));
        pending.add(today, usage(1, 2));
        assert!(pending.due(at(301)).is_empty());
    }

    #[test]
    fn usage_of_yesterday_is_written_to_yesterday() {
        let [yesterday, today] = [date(2026, 11, 26), date(2026, 11, 27)];
        let mut pending = PendingUsage::default();
        pending.add(yesterday, usage(3, 6));
        pending.add(today, usage(1, 2));
        assert_eq!(pending.take(today, at(0)), usage(1, 2));
        assert_eq!(
            pending.due(at(300)),
            BTreeMap::from([(yesterday, usage(3, 6))])
        );
    }

    #[test]
    fn the_revert_of_written_usage_is_due_at_once() {
        let today = date(2026, 11, 27);
        let mut pending = PendingUsage::default();
        pending.add(today, usage(1, 2));
        assert_eq!(pending.take(today, at(0)), usage(1, 2));
        pending.revert(today, usage(1, 2));
        assert_eq!(pending.due(at(1)), BTreeMap::from([(today, usage(-1, -2))]));
    }

    #[test]
    fn a_correction_that_cancels_out_is_not_written() {
        let today = date(2026, 11, 27);
        let mut pending = PendingUsage::default();
        pending.add(today, usage(1, 2));
        pending.add(today, usage(-1, -2));
        assert!(pending.due(at(0)).is_empty());
    }
}

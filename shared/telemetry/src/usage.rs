//! Usage: what an application has sent in a day, by signal. Each instance adds requests up in
//! memory and writes the total together with a lease of the day's quota, or after five minutes.
//!
//! The counts are approximate. An instance that stops loses less than five minutes of them, and a
//! write whose response was lost may be counted twice.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use upblit_base::clock;

use crate::batch::Signal;

/// Shortest time between two writes that an instance makes of usage alone.
pub(crate) const WRITE_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// What was sent of one signal. Counts of corrections are negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignalUsage {
    /// Number of requests that were charged to the quota of the day.
    pub requests: i64,
    /// Number of events in them, accepted or not.
    pub events: i64,
    /// Write units that they were charged.
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

/// What was sent, by signal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Batches of spans.
    pub traces: SignalUsage,
    /// Batches of log records.
    pub logs: SignalUsage,
}

impl Usage {
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
        }
    }

    /// Returns the negative counts, which cancel this usage in a total.
    #[must_use]
    pub fn reverted(self) -> Self {
        Self {
            traces: self.traces.reverted(),
            logs: self.logs.reverted(),
        }
    }

    /// Returns whether all counts are zero.
    pub fn is_none(&self) -> bool {
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

    /// Reverts usage of a day that may be written already. [`Self::due`] then returns the correction
    /// at once, because an instance whose requests are denied may end soon.
    pub fn revert(&mut self, day: Date, usage: Usage) {
        self.add(day, usage.reverted());
        self.written_at = None;
    }

    /// Takes what is pending of a day, for a write at `now`. The caller adds it again if the write
    /// fails.
    pub fn take(&mut self, day: Date, now: Timestamp) -> Usage {
        self.written_at = Some(now);
        self.days.remove(&day).unwrap_or_default()
    }

    /// Takes everything that is pending, by day, if the last write is more than five minutes ago.
    /// The caller adds it again if the write fails.
    pub fn due(&mut self, now: Timestamp) -> BTreeMap<Date, Usage> {
        let is_recent = |at| clock::is_within(WRITE_INTERVAL, at, now);
        if self.written_at.is_some_and(is_recent) {
            return BTreeMap::new();
        }
        self.written_at = Some(now);
        let mut due = std::mem::take(&mut self.days);
        due.retain(|_, usage| !usage.is_none());
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
    fn what_is_pending_is_taken_with_a_lease_and_later_every_five_minutes() {
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
    fn what_was_written_and_is_reverted_is_due_at_once() {
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

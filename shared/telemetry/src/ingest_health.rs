//! How an API key fares at ingest: what was accepted, what was not and why,
//! whether the sender's clock is right. Each instance sums it up and seldom
//! writes the sum, so that a request costs no write.
//!
//! It is a statistic. Less than a minute of it is lost with an instance; and a
//! write that was applied but whose answer was lost is counted twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::decode::Report;
use crate::reject_reason::RejectReason;
use upblit_base::clock;

/// How often one instance writes one key's sum, at most, in the usual case.
pub const WRITE_INTERVAL: Duration = Duration::from_secs(60);

/// How often it does when there is news: the first request of a day, or the
/// first error of a kind on that day.
pub const NEWS_INTERVAL: Duration = Duration::from_secs(5);

/// Longest description of an error, in characters.
pub const MAX_DETAIL_CHARS: usize = 200;

/// What became of a key's requests over a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The first request of this time.
    pub since: Timestamp,
    /// The last request of this time, whatever came of it.
    pub last_seen_at: Timestamp,
    /// Events accepted. Negative in a sum that takes back what was written before.
    pub accepted: i64,
    /// Events, and whole requests, that were not accepted.
    pub rejected_by: BTreeMap<RejectReason, i64>,
    /// The latest of these.
    pub last_error: Option<LastError>,
    /// By how many milliseconds the sender's clock was ahead of ours when it last
    /// told a time; behind when negative. A batch that was sent again makes it
    /// look behind: it tells when it was sent first.
    pub clock_skew_ms: Option<i64>,
}

/// Why something was not accepted, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// When.
    pub at: Timestamp,
    /// Why, in one word.
    pub reason: RejectReason,
    /// What the sender was told, within [`MAX_DETAIL_CHARS`].
    pub detail: String,
}

impl Health {
    /// Of one request, the batch of which was read.
    pub fn of_batch(report: &Report, now: Timestamp) -> Self {
        let last_error = report.errors.last().map(|rejection| {
            let (pointer, reason) = (&rejection.error.pointer, &rejection.error.reason);
            LastError::new(now, rejection.kind, &format!("{pointer}: {reason}"))
        });
        let counts = report.rejected_by.iter();
        Self {
            accepted: signed(report.accepted),
            rejected_by: counts.map(|(kind, n)| (*kind, signed(*n))).collect(),
            last_error,
            clock_skew_ms: clock_skew_ms(report, now),
            ..Self::at(now)
        }
    }

    /// Of one request that was refused as a whole, and how that was explained
    /// to the sender.
    pub fn of_refusal(reason: RejectReason, detail: &str, now: Timestamp) -> Self {
        Self {
            rejected_by: BTreeMap::from([(reason, 1)]),
            last_error: Some(LastError::new(now, reason, detail)),
            ..Self::at(now)
        }
    }

    /// The sum of both, whichever came first.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        for (reason, count) in other.rejected_by {
            *self.rejected_by.entry(reason).or_default() += count;
        }
        self.rejected_by.retain(|_, count| *count != 0);
        let errors = [self.last_error, other.last_error].into_iter().flatten();
        let skews = if self.last_seen_at <= other.last_seen_at {
            [other.clock_skew_ms, self.clock_skew_ms]
        } else {
            [self.clock_skew_ms, other.clock_skew_ms]
        };
        Self {
            since: self.since.min(other.since),
            last_seen_at: self.last_seen_at.max(other.last_seen_at),
            accepted: self.accepted + other.accepted,
            rejected_by: self.rejected_by,
            last_error: errors.max_by_key(|error| error.at),
            clock_skew_ms: skews.into_iter().flatten().next(),
        }
    }

    /// Everything that was not accepted.
    pub fn rejected(&self) -> i64 {
        self.rejected_by.values().sum()
    }

    /// What sums up with this to a request of which nothing counts.
    fn taken_back(&self) -> Self {
        let counts = self.rejected_by.iter();
        Self {
            accepted: -self.accepted,
            rejected_by: counts.map(|(kind, n)| (*kind, -n)).collect(),
            ..Self::at(self.last_seen_at)
        }
    }

    fn at(now: Timestamp) -> Self {
        Self {
            since: now,
            last_seen_at: now,
            accepted: 0,
            rejected_by: BTreeMap::new(),
            last_error: None,
            clock_skew_ms: None,
        }
    }
}

impl LastError {
    fn new(at: Timestamp, reason: RejectReason, detail: &str) -> Self {
        let detail = detail.chars().filter(|char| !char.is_control());
        Self {
            at,
            reason,
            detail: detail.take(MAX_DETAIL_CHARS).collect(),
        }
    }
}

/// The UTC day of a time: sums are kept by day.
pub fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// The days whose sums are shown: yesterday and today.
pub fn shown_days(now: Timestamp) -> [Date; 2] {
    let yesterday = clock::before(now, Duration::from_secs(24 * 60 * 60));
    [day_of(yesterday), day_of(now)]
}

/// What one instance has seen of a key and not written yet.
#[derive(Debug, Default)]
pub struct Pending {
    sums: BTreeMap<Date, Health>,
    attempted_at: Option<Timestamp>,
    /// The day of the last sum that was written, and the kinds of error that
    /// were written on that day.
    told: Option<(Date, BTreeSet<RejectReason>)>,
}

impl Pending {
    /// Adds a request.
    pub fn note(&mut self, seen: Health) {
        self.add(day_of(seen.last_seen_at), seen);
    }

    /// Takes a request back, written or not: its sender was told to send it again.
    pub fn take_back(&mut self, seen: &Health) {
        self.note(seen.taken_back());
    }

    /// The sums to be written now, by day; none while the time has not come.
    /// Each must be followed by [`Self::written`] or [`Self::not_written`].
    pub fn due(&mut self, now: Timestamp) -> BTreeMap<Date, Health> {
        let interval = if self.has_news(now) {
            NEWS_INTERVAL
        } else {
            WRITE_INTERVAL
        };
        let attempted_at = self.attempted_at;
        if attempted_at.is_some_and(|at| clock::is_within(interval, at, now)) {
            return BTreeMap::new();
        }
        self.attempted_at = Some(now);
        let [first_shown, _] = shown_days(now);
        self.sums.retain(|day, _| *day >= first_shown);
        std::mem::take(&mut self.sums)
    }

    /// Notes that a sum was written.
    pub fn written(&mut self, day: Date, sum: &Health) {
        let kinds = sum.rejected_by.keys().copied();
        match &mut self.told {
            Some((told_day, told)) if *told_day == day => told.extend(kinds),
            Some((told_day, _)) if *told_day > day => {}
            _ => self.told = Some((day, kinds.collect())),
        }
    }

    /// Keeps a sum that could not be written.
    pub fn not_written(&mut self, day: Date, sum: Health) {
        self.add(day, sum);
    }

    fn add(&mut self, day: Date, sum: Health) {
        let sum = match self.sums.remove(&day) {
            Some(before) => before.plus(sum),
            None => sum,
        };
        self.sums.insert(day, sum);
    }

    fn has_news(&self, now: Timestamp) -> bool {
        let today = day_of(now);
        let told = self.told.as_ref().filter(|(day, _)| *day == today);
        let Some((_, told)) = told else {
            return true;
        };
        let sum = self.sums.get(&today);
        sum.is_some_and(|sum| sum.rejected_by.keys().any(|kind| !told.contains(kind)))
    }
}

/// The time of sending is the best the sender tells of its clock; an event that
/// ended in the future tells as much.
fn clock_skew_ms(report: &Report, now: Timestamp) -> Option<i64> {
    let ahead = report.latest_end.filter(|end| *end > now);
    let told = report.sent_at.or(ahead)?;
    Some(told.as_millisecond() - now.as_millisecond())
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;

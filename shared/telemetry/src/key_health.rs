//! Key health: what ingest accepted and rejected for an API key, the reasons, and how far
//! the sender's clock is off. Each instance adds requests up in memory and writes the
//! total at most once a minute, so that a request costs no write.
//!
//! The counts are approximate. An instance that stops loses those since its last write, usually less
//! than a minute of them, and a write whose response was lost may be counted twice.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::decode::Report;
use crate::reject_reason::RejectReason;
use upblit_base::clock;
use upblit_base::field_error::FieldError;

/// Minimum time between two writes of one instance for one key, if there is no news.
pub(crate) const WRITE_INTERVAL: Duration = Duration::from_secs(60);

/// Minimum time between two writes if there is news: the first request of a day, or the
/// first error for a reason on that day.
pub(crate) const NEWS_INTERVAL: Duration = Duration::from_secs(5);

/// Longest detail of an error, in characters.
pub const MAX_DETAIL_CHARS: usize = 200;

/// Results of the requests with a key during a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHealth {
    /// Time of the first request of the period.
    pub since: Timestamp,
    /// Time of the last request of the period, accepted or refused.
    pub last_seen_at: Timestamp,
    /// Number of events accepted. Negative in a total that reverts counts already written.
    pub accepted: i64,
    /// Number of accepted events that were cut to fit the limits.
    pub truncated: i64,
    /// Number of accepted events from which credentials or card numbers were removed.
    pub scrubbed: i64,
    /// Number of events rejected and of requests refused, by reason.
    pub rejected_by: BTreeMap<RejectReason, i64>,
    /// The last rejection that a response described. A response describes at most 20.
    pub last_error: Option<LastError>,
    /// Milliseconds by which the sender's clock was ahead of the server's at the last
    /// request that allowed an estimate; negative if behind. A retried batch makes the
    /// clock look behind, because it holds the time of the first attempt.
    pub clock_skew_ms: Option<i64>,
    /// Percentage of the day's quota that was used up at the last write, if it was high.
    pub quota_percent: Option<u8>,
}

/// The last rejection of an event or request that was described to the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// Time of the request.
    pub at: Timestamp,
    /// Reason it is counted under.
    pub reason: RejectReason,
    /// Error message as returned to the sender, up to [`MAX_DETAIL_CHARS`].
    pub detail: String,
}

impl KeyHealth {
    /// Counts one request whose batch could be read.
    pub fn of_batch(report: &Report, now: Timestamp) -> Self {
        let last_error = report.errors.last().map(|rejection| {
            let FieldError { pointer, reason } = &rejection.error;
            let detail = if pointer.is_empty() {
                reason.clone()
            } else {
                format!("{pointer}: {reason}")
            };
            LastError::new(now, rejection.kind, &detail)
        });
        let counts = report.rejected_by.iter();
        Self {
            accepted: signed(report.accepted),
            truncated: signed(report.truncated),
            scrubbed: signed(report.scrubbed),
            rejected_by: counts.map(|(kind, n)| (*kind, signed(*n))).collect(),
            last_error,
            clock_skew_ms: clock_skew_ms(report, now),
            ..Self::at(now)
        }
    }

    /// Counts one request that was refused as a whole. `detail` is the error message returned to the
    /// sender.
    pub fn of_refusal(reason: RejectReason, detail: &str, now: Timestamp) -> Self {
        Self {
            rejected_by: BTreeMap::from([(reason, 1)]),
            last_error: Some(LastError::new(now, reason, detail)),
            ..Self::at(now)
        }
    }

    /// Adds two periods, in either order.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        let quota_percent = self.latest_quota_percent(&other);
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
            truncated: self.truncated + other.truncated,
            scrubbed: self.scrubbed + other.scrubbed,
            rejected_by: self.rejected_by,
            last_error: errors.max_by_key(|error| error.at),
            clock_skew_ms: skews.into_iter().flatten().next(),
            quota_percent,
        }
    }

    /// Returns the number of events rejected and requests refused.
    pub fn rejected(&self) -> i64 {
        self.rejected_by.values().sum()
    }

    /// Returns the percentage of today's quota that is used up. `None` if it was not high, or there was
    /// no request today.
    pub fn quota_percent_on(&self, now: Timestamp) -> Option<u8> {
        let is_of_today = day_of(self.last_seen_at) == day_of(now);
        self.quota_percent.filter(|_| is_of_today)
    }

    /// Returns the negated counts, which cancel this request in a total.
    fn reverted(&self) -> Self {
        let counts = self.rejected_by.iter();
        Self {
            accepted: -self.accepted,
            truncated: -self.truncated,
            scrubbed: -self.scrubbed,
            rejected_by: counts.map(|(kind, n)| (*kind, -n)).collect(),
            ..Self::at(self.last_seen_at)
        }
    }

    fn at(now: Timestamp) -> Self {
        Self {
            since: now,
            last_seen_at: now,
            accepted: 0,
            truncated: 0,
            scrubbed: 0,
            rejected_by: BTreeMap::new(),
            last_error: None,
            clock_skew_ms: None,
            quota_percent: None,
        }
    }

    /// Returns the percentage on the later of two days. Within a day it only grows.
    fn latest_quota_percent(&self, other: &Self) -> Option<u8> {
        let days = [day_of(self.last_seen_at), day_of(other.last_seen_at)];
        match days[0].cmp(&days[1]) {
            Ordering::Less => other.quota_percent,
            Ordering::Equal => self.quota_percent.max(other.quota_percent),
            Ordering::Greater => self.quota_percent,
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

/// Returns the UTC day of a time. Totals are kept by day.
pub(crate) fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// Returns the days that key health covers: yesterday and today (UTC).
pub fn shown_days(now: Timestamp) -> [Date; 2] {
    let yesterday = clock::before(now, Duration::from_secs(24 * 60 * 60));
    [day_of(yesterday), day_of(now)]
}

/// The totals for one key that an instance has not written yet.
#[derive(Debug, Default)]
pub struct Pending {
    totals: BTreeMap<Date, KeyHealth>,
    attempted_at: Option<Timestamp>,
    /// Day of the last total written, and the reasons written for that day.
    written: Option<(Date, BTreeSet<RejectReason>)>,
}

impl Pending {
    /// Adds a request to the counts of its day.
    pub fn record(&mut self, request: KeyHealth) {
        self.add(day_of(request.last_seen_at), request);
    }

    /// Reverts a request that was recorded, whether written or not. For a request that
    /// failed later, which its sender will retry.
    pub fn revert(&mut self, request: &KeyHealth) {
        self.record(request.reverted());
    }

    /// Takes the totals that are due to be written, by day; empty if it is too early. Drops totals of
    /// days that are no longer shown. The caller must report each with [`Self::written`] or
    /// [`Self::not_written`].
    pub fn due(&mut self, now: Timestamp) -> BTreeMap<Date, KeyHealth> {
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
        self.totals.retain(|day, _| *day >= first_shown);
        std::mem::take(&mut self.totals)
    }

    /// Records that a total was written.
    pub fn written(&mut self, day: Date, total: &KeyHealth) {
        let reasons = total.rejected_by.keys().copied();
        match &mut self.written {
            Some((last_day, written)) if *last_day == day => written.extend(reasons),
            Some((last_day, _)) if *last_day > day => {}
            _ => self.written = Some((day, reasons.collect())),
        }
    }

    /// Puts back a total that could not be written.
    pub fn not_written(&mut self, day: Date, total: KeyHealth) {
        self.add(day, total);
    }

    fn add(&mut self, day: Date, health: KeyHealth) {
        let total = match self.totals.remove(&day) {
            Some(before) => before.plus(health),
            None => health,
        };
        self.totals.insert(day, total);
    }

    fn has_news(&self, now: Timestamp) -> bool {
        let today = day_of(now);
        let written_today = self.written.as_ref().filter(|(day, _)| *day == today);
        let Some((_, written)) = written_today else {
            return true;
        };
        let total = self.totals.get(&today);
        total.is_some_and(|total| {
            let mut reasons = total.rejected_by.keys();
            reasons.any(|reason| !written.contains(reason))
        })
    }
}

/// Estimates the skew from the time of sending. Without one, uses the latest end of an event that is
/// still in the future; `None` if there is none.
fn clock_skew_ms(report: &Report, now: Timestamp) -> Option<i64> {
    let ahead = report.latest_end.filter(|end| *end > now);
    let sender_time = report.sent_at.or(ahead)?;
    Some(sender_time.as_millisecond() - now.as_millisecond())
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;

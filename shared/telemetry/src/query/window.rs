//! Query windows: the time range of a query.

use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;

use crate::batch::{DAY, HOUR};
use crate::decode::MAX_AHEAD;
use upblit_base::clock;

/// Length of the window when the query does not give one.
pub(crate) const DEFAULT: Duration = HOUR;

/// Time range that includes `from` and excludes `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeWindow {
    /// Start, included.
    pub from: Timestamp,
    /// End, excluded.
    pub to: Timestamp,
}

/// The window is empty or ends before it begins.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be before `to`")]
pub struct InvalidWindow;

impl TimeWindow {
    /// Returns the window of a query: the last hour by default. Without `to`, it extends into the
    /// future by [`MAX_AHEAD`], to include events from clocks that are ahead.
    ///
    /// # Errors
    /// When `from` is not before `to`.
    pub fn requested(
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Self, InvalidWindow> {
        let end = to.unwrap_or_else(|| clock::after(now, MAX_AHEAD));
        let begin = from.unwrap_or_else(|| clock::before(end.min(now), DEFAULT));
        if begin < end {
            Ok(Self {
                from: begin,
                to: end,
            })
        } else {
            Err(InvalidWindow)
        }
    }

    /// Returns the window from `margin` before a time to `margin` after it.
    pub fn around(at: Timestamp, margin: Duration) -> Self {
        Self {
            from: clock::before(at, margin),
            to: clock::after(at, margin),
        }
    }

    /// Returns whether the window contains a time.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// Returns whether another window lies entirely within this one.
    pub fn covers(&self, other: &Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// Returns the smallest window that covers both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
        }
    }

    /// Returns the time between start and end.
    pub fn length(&self) -> Duration {
        self.to.duration_since(self.from).unsigned_abs()
    }

    /// Returns the part within another window; may be empty.
    #[must_use]
    pub fn within(self, limits: Self) -> Self {
        Self {
            from: self.from.max(limits.from),
            to: self.to.min(limits.to),
        }
    }

    /// Returns the starts of the UTC days that the window overlaps, newest first.
    pub fn days(&self) -> impl Iterator<Item = Timestamp> + use<> {
        let last = clock::before(self.to, Duration::from_millis(1));
        let oldest = clock::floor(self.from, DAY);
        let newest = Some(clock::floor(last, DAY));
        std::iter::successors(newest, |day| Some(clock::before(*day, DAY)))
            .take_while(move |day| *day >= oldest)
    }

    /// Returns the starts of the hours that the window overlaps, oldest first.
    pub fn hours(&self) -> impl Iterator<Item = Timestamp> + use<> {
        let end = self.to;
        let first = Some(clock::floor(self.from, HOUR));
        std::iter::successors(first, |hour| Some(clock::after(*hour, HOUR)))
            .take_while(move |hour| *hour < end)
    }

    /// Returns the end of the hour in which the window ends. A chunk with events of the window may
    /// also hold later events, but none of the next hour.
    pub fn last_hour(&self) -> Timestamp {
        let last = clock::before(self.to, Duration::from_millis(1));
        clock::after(clock::floor(last, HOUR), HOUR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-01-31T12:30:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_must_begin_before_it_ends() {
        let early = at("2026-01-31T10:00:00Z");
        let late = at("2026-01-31T11:00:00Z");
        let requested = |from, to| TimeWindow::requested(from, to, at(NOW));
        assert_eq!(requested(Some(late), Some(early)), Err(InvalidWindow));
        assert_eq!(requested(Some(early), Some(early)), Err(InvalidWindow));
        let tomorrow = at("2026-02-01T12:30:00Z");
        assert_eq!(requested(Some(tomorrow), None), Err(InvalidWindow));
        let window = requested(Some(early), Some(late)).unwrap();
        assert!(window.contains(early) && !window.contains(late));
    }

    #[test]
    fn the_default_window_is_the_last_hour_and_includes_clocks_that_are_ahead() {
        let window = TimeWindow::requested(None, None, at(NOW)).unwrap();
        assert_eq!(window.from, at("2026-01-31T11:30:00Z"));
        assert_eq!(window.to, at("2026-01-31T12:35:00Z"));
        let past = TimeWindow::requested(None, Some(at("2026-01-30T00:00:00Z")), at(NOW)).unwrap();
        assert_eq!(past.from, at("2026-01-29T23:00:00Z"));
    }

    #[test]
    fn the_last_chunk_of_a_window_may_reach_to_the_end_of_the_hour() {
        let window = TimeWindow::around(at(NOW), Duration::from_secs(60));
        assert_eq!(window.last_hour(), at("2026-01-31T13:00:00Z"));
        let hour = TimeWindow::around(at(NOW), Duration::from_secs(30 * 60));
        assert_eq!(hour.last_hour(), at("2026-01-31T13:00:00Z"));
        assert!(window.covers(&TimeWindow::around(at(NOW), Duration::from_secs(59))));
        assert!(!window.covers(&TimeWindow::around(at(NOW), Duration::from_secs(61))));
        let later = TimeWindow {
            from: at(NOW),
            to: Timestamp::MAX,
        };
        let part = window.within(later);
        assert_eq!((part.from, part.to), (at(NOW), window.to));
    }
}

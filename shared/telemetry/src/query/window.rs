//! The stretch of time a question is about.

use std::time::Duration;

use jiff::Timestamp;
use thiserror::Error;

use crate::batch::HOUR;
use crate::decode::MAX_AHEAD;
use upblit_base::clock;

/// What is looked at unless the question says otherwise.
pub const DEFAULT: Duration = HOUR;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// From a time, included, to a time, excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

/// The window ends before it begins.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be before `to`")]
pub struct InvalidWindow;

impl Window {
    /// What was asked for: the last hour unless told otherwise. Without an end it
    /// holds what clocks ahead of ours have sent, too.
    ///
    /// # Errors
    /// When it ends before it begins.
    pub fn asked(
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

    /// The time around a moment.
    pub fn around(at: Timestamp, margin: Duration) -> Self {
        Self {
            from: clock::before(at, margin),
            to: clock::after(at, margin),
        }
    }

    /// Whether the time is inside.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// Whether all of another window is inside.
    pub fn covers(&self, other: &Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// The time from the earlier beginning to the later end of two windows.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
        }
    }

    /// How long it is.
    pub fn length(&self) -> Duration {
        self.to.duration_since(self.from).unsigned_abs()
    }

    /// Without what is older than `oldest`; may become empty.
    #[must_use]
    pub fn since(self, oldest: Timestamp) -> Self {
        Self {
            from: self.from.max(oldest),
            ..self
        }
    }

    /// The days (UTC) that it touches, newest first.
    pub fn days(&self) -> impl Iterator<Item = Timestamp> + use<> {
        let last = clock::before(self.to, Duration::from_millis(1));
        let oldest = clock::floor(self.from, DAY);
        let newest = Some(clock::floor(last, DAY));
        std::iter::successors(newest, |day| Some(clock::before(*day, DAY)))
            .take_while(move |day| *day >= oldest)
    }

    /// The end of the hour it ends in: a chunk that holds events of the window
    /// may hold later ones too, but none of the next hour.
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
    fn a_window_must_not_end_before_it_begins() {
        let (early, late) = (at("2026-01-31T10:00:00Z"), at("2026-01-31T11:00:00Z"));
        let asked = |from, to| Window::asked(from, to, at(NOW));
        assert_eq!(asked(Some(late), Some(early)), Err(InvalidWindow));
        assert_eq!(asked(Some(early), Some(early)), Err(InvalidWindow));
        let tomorrow = at("2026-02-01T12:30:00Z");
        assert_eq!(asked(Some(tomorrow), None), Err(InvalidWindow));
        let window = asked(Some(early), Some(late)).unwrap();
        assert!(window.contains(early) && !window.contains(late));
    }

    #[test]
    fn without_bounds_it_is_the_last_hour_and_what_clocks_ahead_sent() {
        let window = Window::asked(None, None, at(NOW)).unwrap();
        assert_eq!(window.from, at("2026-01-31T11:30:00Z"));
        assert_eq!(window.to, at("2026-01-31T12:35:00Z"));
        let past = Window::asked(None, Some(at("2026-01-30T00:00:00Z")), at(NOW)).unwrap();
        assert_eq!(past.from, at("2026-01-29T23:00:00Z"));
    }

    #[test]
    fn its_last_chunk_may_end_with_the_hour() {
        let window = Window::around(at(NOW), Duration::from_secs(60));
        assert_eq!(window.last_hour(), at("2026-01-31T13:00:00Z"));
        let hour = Window::around(at(NOW), Duration::from_secs(30 * 60));
        assert_eq!(hour.last_hour(), at("2026-01-31T13:00:00Z"));
        assert!(window.covers(&Window::around(at(NOW), Duration::from_secs(59))));
        assert!(!window.covers(&Window::around(at(NOW), Duration::from_secs(61))));
        assert_eq!(window.since(at(NOW)).from, at(NOW));
    }
}

//! The sums of a whole hour, made once and kept, so that metrics of a long time
//! need not read every head of it again.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bucket::{self, Bucket};
use super::window::Window;
use crate::batch::HOUR;
use crate::chunk::blob;
use crate::chunk::head::Summary;
use upblit_base::clock;

/// How long after its end an hour is settled. Nearly all telemetry comes within
/// seconds; what is stored later than this tells so, and the sums are made anew.
const SETTLED_AFTER: Duration = Duration::from_secs(10 * 60);

/// What the clocks of two functions may differ by, and a write may take.
const MARGIN: Duration = Duration::from_secs(60);

/// Whether sums may have been made already of the hour that begins at `hour`.
pub fn is_settled(hour: Timestamp, now: Timestamp) -> bool {
    now >= clock::after(hour, HOUR + SETTLED_AFTER)
}

/// An hour's events, by five minutes of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rollup(BTreeMap<u8, Bucket>);

impl Rollup {
    /// Adds what a head of the hour tells.
    pub fn add(&mut self, summary: &Summary) {
        for (minute, counted) in &summary.minutes {
            self.0.entry(minute / 5).or_default().add(counted);
        }
    }

    /// The buckets that are not empty, with their beginnings in the hour that
    /// begins at `hour`.
    pub fn buckets(&self, hour: Timestamp) -> impl Iterator<Item = (Timestamp, &Bucket)> {
        let buckets = self.0.iter();
        buckets.map(move |(slot, bucket)| {
            let at = clock::after(hour, bucket::FINEST * u32::from(*slot));
            (at, bucket)
        })
    }

    /// As stored: JSON, zstd.
    ///
    /// # Errors
    /// When compression fails, which no input can cause.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        blob::compress(self)
    }

    /// Reads a stored one.
    ///
    /// # Errors
    /// When it is none.
    pub fn decode(encoded: &[u8]) -> io::Result<Self> {
        Ok(serde_json::from_slice(&zstd::decode_all(encoded)?)?)
    }
}

/// A window as it is best read.
#[derive(Debug, PartialEq, Eq)]
pub struct Parts {
    /// Whole hours that are settled, by their beginnings.
    pub hours: Vec<Timestamp>,
    /// What is before and after them.
    pub rest: Vec<Window>,
}

impl Parts {
    /// Of a window. Hours that began before `since` are not summed up: a part of them
    /// has expired, or there is hardly anything to be found.
    pub fn of(window: Window, since: Timestamp, now: Timestamp) -> Self {
        let last = clock::before(now, HOUR + SETTLED_AFTER + MARGIN);
        let end = clock::after(clock::floor(last, HOUR), HOUR).min(clock::floor(window.to, HOUR));
        let begin = clock::after(window.from.max(since), HOUR - Duration::from_millis(1));
        let begin = clock::floor(begin, HOUR);
        if begin >= end {
            return Self {
                hours: Vec::new(),
                rest: vec![window],
            };
        }
        let hours = std::iter::successors(Some(begin), |hour| Some(clock::after(*hour, HOUR)));
        let around = [(window.from, begin), (end, window.to)];
        let around = around.map(|(from, to)| Window { from, to });
        Self {
            hours: hours.take_while(|hour| *hour < end).collect(),
            rest: around
                .into_iter()
                .filter(|rest| rest.from < rest.to)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Span;

    fn at(text: &str) -> Timestamp {
        format!("2026-01-31T{text}Z").parse().unwrap()
    }

    fn window(from: &str, to: &str) -> Window {
        Window {
            from: at(from),
            to: at(to),
        }
    }

    fn parts(from: &str, to: &str, now: &str) -> (Vec<Timestamp>, Vec<Window>) {
        let Parts { hours, rest } = Parts::of(window(from, to), Timestamp::UNIX_EPOCH, at(now));
        (hours, rest)
    }

    #[test]
    fn whole_settled_hours_are_told_from_what_is_around_them() {
        let (hours, rest) = parts("08:30:00", "12:40:00", "12:30:00");
        assert_eq!(hours, [at("09:00:00"), at("10:00:00"), at("11:00:00")]);
        assert_eq!(
            rest,
            [
                window("08:30:00", "09:00:00"),
                window("12:00:00", "12:40:00")
            ]
        );
        let (hours, rest) = parts("08:00:00", "10:00:00", "12:30:00");
        assert_eq!(hours, [at("08:00:00"), at("09:00:00")]);
        assert_eq!(rest, []);
    }

    #[test]
    fn a_window_without_a_whole_settled_hour_is_read_as_it_is() {
        for (from, to, now) in [
            ("11:30:00", "12:30:00", "12:30:00"),
            ("11:00:00", "12:10:59", "12:10:59"),
            ("09:00:01", "09:59:00", "12:30:00"),
        ] {
            assert_eq!(parts(from, to, now), (vec![], vec![window(from, to)]));
        }
        let (hours, _) = parts("11:00:00", "12:11:00", "12:11:00");
        assert_eq!(hours, [at("11:00:00")]);
    }

    #[test]
    fn hours_before_the_time_are_read_by_their_heads() {
        let parts = Parts::of(
            window("08:00:00", "11:00:00"),
            at("09:00:01"),
            at("12:30:00"),
        );
        assert_eq!(parts.hours, [at("10:00:00")]);
        assert_eq!(parts.rest, [window("08:00:00", "10:00:00")]);
    }

    /// Whoever stores something before an hour is settled need not tell: nobody has
    /// summed it up, even if their clock is ahead.
    #[test]
    fn no_hour_is_summed_up_that_a_writer_takes_for_unsettled() {
        let hour = at("11:00:00");
        assert!(!is_settled(hour, at("12:09:59")));
        assert!(is_settled(hour, at("12:10:00")));
        let (hours, _) = parts("11:00:00", "12:00:00", "12:10:59");
        assert_eq!(hours, []);
    }

    #[test]
    fn sums_are_stored_and_read_as_they_are() {
        let span = |minute: i64, duration_ms| Span {
            start_ns: (at("11:00:00").as_second() + minute * 60) * 1_000_000_000,
            duration_ms: Some(duration_ms),
            ..Span::default()
        };
        let spans = [span(0, 10.0), span(4, 20.0), span(5, 30.0), span(59, 40.0)];
        let mut rollup = Rollup::default();
        for span in &spans {
            rollup.add(&Summary::of(&[span]));
        }
        let again = Rollup::decode(&rollup.encode().unwrap()).unwrap();
        assert_eq!(again, rollup);
        let buckets: Vec<_> = again.buckets(at("11:00:00")).collect();
        let counts = buckets.iter().map(|(at, bucket)| (*at, bucket.all.count));
        assert_eq!(
            counts.collect::<Vec<_>>(),
            [
                (at("11:00:00"), 2),
                (at("11:05:00"), 1),
                (at("11:55:00"), 1)
            ]
        );
    }
}

//! Rollups: the stored statistics of a whole hour, computed once, so that metrics of a
//! long window need not read every chunk summary again.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bucket::{self, Bucket};
use super::window::TimeWindow;
use crate::batch::HOUR;
use crate::chunk::codec;
use crate::chunk::summary::Summary;
use upblit_base::clock;

/// Time after its end at which an hour is sealed. Nearly all telemetry arrives within
/// seconds. Events of a sealed hour are stored with a dirty marker, which makes the next
/// reader compute the rollup again.
const SEALED_AFTER: Duration = Duration::from_secs(10 * 60);

/// Allowance for clock differences between functions and for the duration of a write.
const MARGIN: Duration = Duration::from_secs(60);

/// Whether the hour that begins at `hour` is sealed, so a rollup of it may exist.
pub fn is_sealed(hour: Timestamp, now: Timestamp) -> bool {
    now >= clock::after(hour, HOUR + SEALED_AFTER)
}

/// Statistics of one hour, in buckets of five minutes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rollup(BTreeMap<u8, Bucket>);

impl Rollup {
    /// Adds the summary of a chunk of the hour.
    pub fn add(&mut self, summary: &Summary) {
        for (minute, counted) in &summary.minutes {
            self.0.entry(minute / 5).or_default().add(counted);
        }
    }

    /// The buckets that are not empty, with their start times, for the hour that begins at
    /// `hour`.
    pub fn buckets(&self, hour: Timestamp) -> impl Iterator<Item = (Timestamp, &Bucket)> {
        let buckets = self.0.iter();
        buckets.map(move |(slot, bucket)| {
            let at = clock::after(hour, bucket::FINEST * u32::from(*slot));
            (at, bucket)
        })
    }

    /// Encodes the rollup as zstd-compressed JSON.
    ///
    /// # Errors
    /// When compression fails, which no input can cause.
    pub fn encode(&self) -> io::Result<Vec<u8>> {
        codec::compress(self)
    }

    /// Decodes a stored rollup.
    ///
    /// # Errors
    /// When the bytes are not an encoded rollup.
    pub fn decode(encoded: &[u8]) -> io::Result<Self> {
        Ok(serde_json::from_slice(&zstd::decode_all(encoded)?)?)
    }
}

/// A window, split into whole sealed hours and the rest.
#[derive(Debug, PartialEq, Eq)]
pub struct Parts {
    /// Start times of the whole sealed hours, to be read from rollups.
    pub hours: Vec<Timestamp>,
    /// The parts before and after these hours, to be read from chunk summaries.
    pub rest: Vec<TimeWindow>,
}

impl Parts {
    /// Splits a window. Hours that began before `since` have no rollup: they have partly
    /// expired, or hold hardly any events.
    pub fn of(window: TimeWindow, since: Timestamp, now: Timestamp) -> Self {
        let last = clock::before(now, HOUR + SEALED_AFTER + MARGIN);
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
        let around = around.map(|(from, to)| TimeWindow { from, to });
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

    fn window(from: &str, to: &str) -> TimeWindow {
        TimeWindow {
            from: at(from),
            to: at(to),
        }
    }

    fn parts(from: &str, to: &str, now: &str) -> (Vec<Timestamp>, Vec<TimeWindow>) {
        let Parts { hours, rest } = Parts::of(window(from, to), Timestamp::UNIX_EPOCH, at(now));
        (hours, rest)
    }

    #[test]
    fn a_window_is_split_into_whole_sealed_hours_and_the_rest() {
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
    fn a_window_without_a_whole_sealed_hour_is_not_split() {
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
    fn hours_that_began_too_early_are_read_from_their_summaries() {
        let parts = Parts::of(
            window("08:00:00", "11:00:00"),
            at("09:00:01"),
            at("12:30:00"),
        );
        assert_eq!(parts.hours, [at("10:00:00")]);
        assert_eq!(parts.rest, [window("08:00:00", "10:00:00")]);
    }

    /// Events stored before an hour is sealed need no dirty marker: no reader has rolled
    /// the hour up yet, even with a clock that is ahead.
    #[test]
    fn no_hour_is_rolled_up_while_a_writer_may_consider_it_open() {
        let hour = at("11:00:00");
        assert!(!is_sealed(hour, at("12:09:59")));
        assert!(is_sealed(hour, at("12:10:00")));
        let (hours, _) = parts("11:00:00", "12:00:00", "12:10:59");
        assert_eq!(hours, []);
    }

    #[test]
    fn a_rollup_is_decoded_as_it_was_encoded() {
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

//! Counts, failures and durations over time, from heads alone.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rollup::Rollup;
use super::window::Window;
use crate::chunk::head::{Minute, Stats, Summary};
use upblit_base::clock;

/// How wide a bucket may be.
pub const STEPS: [Duration; 5] = [
    Duration::from_secs(300),
    Duration::from_secs(900),
    Duration::from_secs(3_600),
    Duration::from_secs(21_600),
    Duration::from_secs(86_400),
];

const MINUTE: Duration = Duration::from_secs(60);

/// Buckets of one width over a window.
#[derive(Debug)]
pub struct Series {
    window: Window,
    step: Duration,
    buckets: BTreeMap<Timestamp, Bucket>,
}

/// What happened in one bucket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// All events.
    pub all: Stats,
    /// Those that are requests to a service.
    pub requests: Stats,
}

impl Series {
    /// Empty buckets over a window, which is widened to whole buckets.
    pub fn over(window: Window, step: Duration) -> Self {
        let window = aligned(window, step);
        let starts = std::iter::successors(Some(window.from), |at| Some(clock::after(*at, step)));
        let starts = starts.take_while(|at| *at < window.to);
        Self {
            window,
            step,
            buckets: starts.map(|at| (at, Bucket::default())).collect(),
        }
    }

    /// What it is over.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Adds what a head tells of the hour its events started in.
    pub fn add(&mut self, hour: Timestamp, summary: &Summary) {
        for (minute, counted) in &summary.minutes {
            let at = clock::after(hour, MINUTE * u32::from(*minute));
            if let Some(bucket) = self.buckets.get_mut(&clock::floor(at, self.step)) {
                bucket.add(counted);
            }
        }
    }

    /// Adds the sums of a whole hour.
    pub fn add_hour(&mut self, hour: Timestamp, rollup: &Rollup) {
        for (at, counted) in rollup.buckets(hour) {
            if let Some(bucket) = self.buckets.get_mut(&clock::floor(at, self.step)) {
                bucket.merge(counted);
            }
        }
    }

    /// Every bucket and its beginning, in order.
    pub fn buckets(&self) -> impl Iterator<Item = (Timestamp, &Bucket)> {
        self.buckets.iter().map(|(at, bucket)| (*at, bucket))
    }

    /// All buckets together.
    pub fn total(&self) -> Bucket {
        let mut total = Bucket::default();
        for bucket in self.buckets.values() {
            total.merge(bucket);
        }
        total
    }
}

impl Bucket {
    pub(super) fn add(&mut self, minute: &Minute) {
        self.all.merge(&minute.all);
        self.requests.merge(minute.requests());
    }

    fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        self.requests.merge(&other.requests);
    }
}

fn aligned(window: Window, step: Duration) -> Window {
    let last = clock::before(window.to, Duration::from_millis(1));
    Window {
        from: clock::floor(window.from, step),
        to: clock::after(clock::floor(last, step), step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Span, SpanKind};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn span(start: &str, duration_ms: f64) -> Span {
        Span {
            start_ns: i64::try_from(at(start).as_nanosecond()).unwrap(),
            duration_ms: Some(duration_ms),
            ..Span::default()
        }
    }

    fn series(from: &str, to: &str) -> Series {
        let window = Window {
            from: at(from),
            to: at(to),
        };
        Series::over(window, STEPS[0])
    }

    #[test]
    fn a_window_is_widened_to_whole_buckets_and_empty_ones_are_there() {
        let series = series("2026-01-31T12:02:00Z", "2026-01-31T12:10:00.001Z");
        let starts: Vec<_> = series.buckets().map(|(at, _)| at.to_string()).collect();
        assert_eq!(
            starts,
            [
                "2026-01-31T12:00:00Z",
                "2026-01-31T12:05:00Z",
                "2026-01-31T12:10:00Z"
            ]
        );
        assert_eq!(series.total(), Bucket::default());
    }

    #[test]
    fn events_count_in_the_bucket_of_their_minute_and_nowhere_else() {
        let mut series = series("2026-01-31T12:00:00Z", "2026-01-31T12:15:00Z");
        let inside = Span {
            kind: Some(SpanKind::Internal),
            parent_span_id: Some("a".to_owned()),
            ..span("2026-01-31T12:04:59.999Z", 1_000.0)
        };
        let failed = Span {
            status: Some(500),
            ..span("2026-01-31T12:05:00Z", 20.0)
        };
        let spans = [
            span("2026-01-31T12:00:00Z", 10.0),
            inside,
            failed,
            span("2026-01-31T12:15:00Z", 10.0),
        ];
        let summary = Summary::of(&spans.iter().collect::<Vec<_>>());
        series.add(at("2026-01-31T12:00:00Z"), &summary);
        let counts: Vec<_> = series
            .buckets()
            .map(|(_, b)| (b.all.count, b.all.errors, b.requests.count))
            .collect();
        assert_eq!(counts, [(2, 0, 1), (1, 1, 1), (0, 0, 0)]);
        let total = series.total();
        let durations = total.all.durations.unwrap();
        assert_eq!((durations.min, durations.max), (10.0, 1_000.0));
        assert_eq!(
            durations.quantile(1.0),
            Some(1_000.0),
            "not beyond the longest"
        );
        assert_eq!(total.requests.durations.unwrap().max, 20.0);
    }
}

//! Counts, failures and durations over time, computed from chunk summaries and rollups.

mod newest;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use thiserror::Error;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::bucket::{self, Bucket};
use super::rollup::HourRollup;
use super::window::TimeWindow;
use upblit_base::clock;

pub use newest::Newest;

/// Width of a bucket: 5 or 15 minutes, 1 or 6 hours, or a day. Five minutes by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct Step(Duration);

impl Step {
    const SECONDS: [u64; 5] = [300, 900, 3_600, 21_600, 86_400];

    /// Returns the width of a bucket.
    pub fn length(self) -> Duration {
        self.0
    }
}

impl Default for Step {
    fn default() -> Self {
        Self(bucket::FINEST)
    }
}

/// The number of seconds is not a [`Step`].
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be 300, 900, 3600, 21600 or 86400 seconds")]
pub struct InvalidStep;

impl TryFrom<u64> for Step {
    type Error = InvalidStep;

    fn try_from(seconds: u64) -> Result<Self, InvalidStep> {
        let is_known = Self::SECONDS.contains(&seconds);
        let step = is_known.then(|| Self(Duration::from_secs(seconds)));
        step.ok_or(InvalidStep)
    }
}

impl PartialSchema for Step {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .enum_values(Some(Self::SECONDS))
            .default(Some(bucket::FINEST.as_secs().into()))
            .into()
    }
}

impl ToSchema for Step {}

/// Consecutive buckets of the same width that cover a window.
#[derive(Debug)]
pub struct Series {
    window: TimeWindow,
    step: Duration,
    buckets: BTreeMap<Timestamp, Bucket>,
}

impl Series {
    /// Creates empty buckets for a window, which is widened to whole buckets.
    pub fn over(window: TimeWindow, step: Step) -> Self {
        let step = step.length();
        let window = aligned(window, step);
        let starts = std::iter::successors(Some(window.from), |at| Some(clock::after(*at, step)));
        let starts = starts.take_while(|at| *at < window.to);
        Self {
            window,
            step,
            buckets: starts.map(|at| (at, Bucket::default())).collect(),
        }
    }

    /// Returns the widened window.
    pub fn window(&self) -> TimeWindow {
        self.window
    }

    /// Adds the rollup of the hour that begins at `hour`. Events outside the window are ignored.
    pub fn add_hour(&mut self, hour: Timestamp, rollup: &HourRollup) {
        for (at, counted) in rollup.buckets(hour) {
            if let Some(bucket) = self.buckets.get_mut(&clock::floor(at, self.step)) {
                bucket.merge(counted);
            }
        }
    }

    /// Adds the buckets of another series of the same window and step.
    fn merge(&mut self, other: Self) {
        for (at, counted) in &other.buckets {
            if let Some(bucket) = self.buckets.get_mut(at) {
                bucket.merge(counted);
            }
        }
    }

    /// Starts the series at the bucket that begins at `from`, and adds the buckets before it to that
    /// bucket.
    fn cut_before(&mut self, from: Timestamp) {
        let kept = self.buckets.split_off(&from);
        let before = std::mem::replace(&mut self.buckets, kept);
        if let Some(first) = self.buckets.get_mut(&from) {
            before.values().for_each(|bucket| first.merge(bucket));
        }
        self.window.from = from;
    }

    /// Returns all buckets with their start times, oldest first.
    pub fn buckets(&self) -> impl Iterator<Item = (Timestamp, &Bucket)> {
        self.buckets.iter().map(|(at, bucket)| (*at, bucket))
    }

    /// Returns the total of all buckets.
    pub fn total(&self) -> Bucket {
        let mut total = Bucket::default();
        for bucket in self.buckets.values() {
            total.merge(bucket);
        }
        total
    }
}

fn aligned(window: TimeWindow, step: Duration) -> TimeWindow {
    let last = clock::before(window.to, Duration::from_millis(1));
    TimeWindow {
        from: clock::floor(window.from, step),
        to: clock::after(clock::floor(last, step), step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::summary::Summary;
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
        let window = TimeWindow {
            from: at(from),
            to: at(to),
        };
        Series::over(window, Step::default())
    }

    #[test]
    fn a_window_is_widened_to_whole_buckets_including_empty_ones() {
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
    fn every_event_counts_in_the_bucket_of_its_minute_only() {
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
        let hour = at("2026-01-31T12:00:00Z");
        let mut rollup = HourRollup::expiring(Timestamp::MAX);
        rollup.add([0; 16], &summary, Timestamp::MAX);
        series.add_hour(hour, &rollup);
        let counts: Vec<_> = series
            .buckets()
            .map(|(_, b)| (b.all.count, b.all.errors, b.requests.count))
            .collect();
        assert_eq!(counts, [(2, 0, 1), (1, 1, 1), (0, 0, 0)]);
        let total = series.total();
        let durations = total.all.durations.unwrap();
        assert_eq!((durations.min_ms(), durations.max_ms()), (10.0, 1_000.0));
        assert_eq!(
            durations.quantile_ms(1.0),
            Some(1_000.0),
            "not beyond the longest"
        );
        assert_eq!(total.requests.durations.unwrap().max_ms(), 20.0);
    }
}

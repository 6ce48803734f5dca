//! Metrics of the newest part of a window that has too many chunks for one response.

use std::time::Duration;

use jiff::Timestamp;

use super::{Series, Step};
use crate::chunk::Position;
use crate::query::cursor::MetricsPosition;
use crate::query::rollup::HourRollup;
use crate::query::window::TimeWindow;
use upblit_base::clock;

/// Counts chunks from the newest to the oldest. If it stops early, it stops at the start of a bucket,
/// unless not even one bucket was counted.
///
/// Chunks overlap: one that was counted may have events of buckets before the oldest one of the part.
/// They are added to the oldest one, so that every chunk is counted in exactly one part.
#[derive(Debug)]
pub struct Newest {
    /// The window of all parts.
    window: TimeWindow,
    step: Step,
    /// Buckets of which all chunks were counted.
    series: Series,
    /// What the chunks of the bucket in progress add.
    begun: Series,
    /// Start of the bucket in progress.
    bucket: Timestamp,
    /// Whether a bucket was completed before the one in progress.
    is_further: bool,
}

impl Newest {
    /// Begins with the newest chunk of a window, or after an earlier part.
    pub fn of(window: TimeWindow, step: Step, before: Option<Position>) -> Self {
        let end = before.map_or(window.to, |before| before.end().min(window.to));
        let left = TimeWindow { to: end, ..window };
        let series = Series::over(left, step);
        let bucket = last_bucket(end, step);
        Self {
            window,
            step,
            begun: Series::over(left, step),
            series,
            bucket,
            is_further: false,
        }
    }

    /// Returns the window that is left, widened to whole buckets.
    pub fn window(&self) -> TimeWindow {
        self.series.window()
    }

    /// Adds an hour, or a part of it, whose newest chunk is at this time. It must not be newer than
    /// what was added before.
    pub fn add(&mut self, at: Timestamp, hour: Timestamp, rollup: &HourRollup) {
        let bucket = clock::floor(at, self.step.length()).min(self.bucket);
        if bucket < self.bucket {
            self.complete();
            self.bucket = bucket;
        }
        self.begun.add_hour(hour, rollup);
    }

    /// Returns the series of the whole window that was left.
    pub fn finish(mut self) -> Series {
        self.complete();
        self.series
    }

    /// Stops before the end: chunks before this position were not counted. Returns the series of the
    /// part that was counted, and where the next part begins.
    pub fn stop(mut self, before: Position) -> (Series, MetricsPosition) {
        let unread = last_bucket(before.end().min(self.window().to), self.step);
        let next = clock::after(unread, self.step.length());
        let (from, before) = if unread < self.bucket {
            self.complete();
            (next, Position::first_at(next))
        } else if self.is_further {
            (next, Position::first_at(next))
        } else {
            self.complete();
            (unread, before)
        };
        self.series.cut_before(from);
        let window = self.window;
        (self.series, MetricsPosition { window, before })
    }

    fn complete(&mut self) {
        let empty = Series::over(self.series.window(), self.step);
        self.series.merge(std::mem::replace(&mut self.begun, empty));
        self.is_further = true;
    }
}

/// Returns the start of the bucket in which a window ends.
fn last_bucket(end: Timestamp, step: Step) -> Timestamp {
    clock::floor(clock::before(end, Duration::from_millis(1)), step.length())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::summary::Summary;
    use crate::event::Span;

    fn at(text: &str) -> Timestamp {
        format!("2026-01-31T{text}Z").parse().unwrap()
    }

    fn hour_to_half_past() -> TimeWindow {
        TimeWindow {
            from: at("11:30:00"),
            to: at("12:30:00"),
        }
    }

    fn newest(before: Option<Position>) -> Newest {
        Newest::of(hour_to_half_past(), Step::default(), before)
    }

    /// Adds a chunk with one span in each of these minutes after 12:00.
    fn add(newest: &mut Newest, minutes: &[i64]) {
        let start = |minute| (at("12:00:00").as_second() + minute * 60) * 1_000_000_000;
        let spans = minutes.iter().map(|minute| Span {
            start_ns: start(minute),
            ..Span::default()
        });
        let spans: Vec<Span> = spans.collect();
        let summary = Summary::of(&spans.iter().collect::<Vec<_>>());
        let mut rollup = HourRollup::expiring(Timestamp::MAX);
        rollup.add([0; 16], &summary, Timestamp::MAX);
        let last = Duration::from_secs(60 * u64::try_from(*minutes.iter().max().unwrap()).unwrap());
        let hour = at("12:00:00");
        newest.add(clock::after(hour, last), hour, &rollup);
    }

    /// Returns the counts of the buckets that are not empty, by minute.
    fn counts(series: &Series) -> Vec<(i64, u64)> {
        let minute = |at_bucket: Timestamp| (at_bucket - at("12:00:00")).get_seconds() / 60;
        let buckets = series.buckets();
        let buckets = buckets.map(|(at, bucket)| (minute(at), bucket.all.count));
        buckets.filter(|(_, count)| *count > 0).collect()
    }

    #[test]
    fn a_part_ends_with_a_whole_bucket_and_keeps_all_events_of_its_chunks() {
        let mut part = newest(None);
        for minutes in [
            &[29, 24][..],
            &[27],
            &[26, 3],
            &[24],
            &[22],
            &[20, 19],
            &[17, 16],
        ] {
            add(&mut part, minutes);
        }
        // 12:15 to 12:20 was only begun.
        let (series, next) = part.stop(Position::first_at(at("12:16:30")));
        assert_eq!(counts(&series), [(20, 6), (25, 3)]);
        assert_eq!(series.window().from, at("12:20:00"));
        assert_eq!(next.before, Position::first_at(at("12:20:00")));
        let mut rest = newest(Some(next.before));
        for minutes in [&[17, 16][..], &[16]] {
            add(&mut rest, minutes);
        }
        let rest = rest.finish();
        assert_eq!(counts(&rest), [(15, 3)]);
        assert_eq!(rest.window().to, at("12:20:00"));
    }

    #[test]
    fn a_part_that_stops_between_two_buckets_has_all_that_was_counted() {
        let mut part = newest(None);
        add(&mut part, &[26]);
        let (series, next) = part.stop(Position::first_at(at("12:25:00")));
        assert_eq!(counts(&series), [(25, 1)]);
        assert_eq!(next.before, Position::first_at(at("12:25:00")));
    }

    #[test]
    fn a_bucket_with_too_many_chunks_is_in_several_parts() {
        let mut part = newest(None);
        add(&mut part, &[29, 20]);
        let before = Position {
            hash: [7; 16],
            ..Position::first_at(at("12:28:00"))
        };
        let (series, next) = part.stop(before);
        assert_eq!(counts(&series), [(25, 2)]);
        assert_eq!(
            next,
            MetricsPosition {
                window: hour_to_half_past(),
                before
            }
        );
        let mut rest = newest(Some(before));
        add(&mut rest, &[27]);
        assert_eq!(counts(&rest.finish()), [(25, 1)]);
    }

    #[test]
    fn chunks_after_the_end_of_the_window_are_counted_in_it() {
        let mut part = newest(None);
        add(&mut part, &[45, 29, 24]);
        let before = Position::first_at(at("12:40:00"));
        let (series, next) = part.stop(before);
        assert_eq!(counts(&series), [(25, 2)]);
        assert_eq!(next.before, before);
    }
}

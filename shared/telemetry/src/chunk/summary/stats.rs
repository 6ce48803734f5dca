//! Counts, failures and durations of events. Two of them can be merged, in any order with the
//! same result: all numbers are integers.

use crate::chunk::bytes::{FormError, Reader, put, put_wide};
use crate::chunk::sketch::Sketch;
use crate::event::nanoseconds;

/// Statistics of the events of one minute.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Minute {
    /// All events of the minute.
    pub all: Stats,
    /// Requests to a service; `None` if all events are requests.
    requests: Option<Stats>,
}

/// Counts, failures and durations of some events. A sampled span counts as often as its
/// [weight](crate::event::Span::weight).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Number of events.
    pub count: u64,
    /// Number of events that failed.
    pub errors: u64,
    /// Durations of the events that have one. Log records have none.
    pub durations: Option<Durations>,
}

/// Distribution of durations, in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durations {
    /// Number of events with a duration.
    pub count: u64,
    /// Sum of all durations.
    pub sum: u128,
    /// Shortest duration.
    pub min: u64,
    /// Longest duration.
    pub max: u64,
    /// Histogram from which percentiles are estimated.
    pub sketch: Sketch,
}

/// Contribution of an event to statistics.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    /// Number of events that it represents; more than one for a sampled span.
    pub(crate) weight: u64,
    /// Whether the event failed.
    pub(crate) is_error: bool,
    /// Duration of the event in milliseconds, if known.
    pub(crate) duration_ms: Option<f64>,
}

impl Minute {
    /// Creates statistics from those of all events, and those of the requests unless all are requests.
    pub(crate) fn from_parts(all: Stats, requests: Option<Stats>) -> Self {
        Self { all, requests }
    }

    /// Counts an event.
    pub(crate) fn count(&mut self, counted: Counted, is_request: bool) {
        if !is_request && self.requests.is_none() {
            self.requests = Some(self.all.clone());
        }
        self.all.count(counted);
        if is_request && let Some(requests) = &mut self.requests {
            requests.count(counted);
        }
    }

    /// Returns the statistics of the requests to a service; see
    /// [`Span::is_request`](crate::event::Span::is_request).
    pub(crate) fn requests(&self) -> &Stats {
        self.requests.as_ref().unwrap_or(&self.all)
    }

    /// Appends the statistics in stored form.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        self.all.put(out);
        out.push(self.requests.is_some().into());
        if let Some(requests) = &self.requests {
            requests.put(out);
        }
    }

    /// Reads what [`put`](Self::put) wrote.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, FormError> {
        let all = Stats::read(reader)?;
        let requests = match reader.byte()? {
            0 => None,
            _ => Some(Stats::read(reader)?),
        };
        Ok(Self { all, requests })
    }
}

impl Stats {
    /// Adds the counts and durations of other events.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.errors = self.errors.saturating_add(other.errors);
        match (&mut self.durations, &other.durations) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (mine @ None, theirs) => mine.clone_from(theirs),
            (Some(_), None) => {}
        }
    }

    /// Counts an event.
    pub(crate) fn count(&mut self, counted: Counted) {
        let weight = counted.weight;
        self.count = self.count.saturating_add(weight);
        if counted.is_error {
            self.errors = self.errors.saturating_add(weight);
        }
        if let Some(duration) = counted.duration_ms {
            self.durations
                .get_or_insert_with(Durations::default)
                .add(duration, weight);
        }
    }

    /// Returns the same statistics with fewer buckets of durations.
    pub(crate) fn coarse(&self) -> Self {
        let durations = self.durations.as_ref().map(|durations| Durations {
            sketch: durations.sketch.coarse(),
            ..durations.clone()
        });
        Self {
            durations,
            ..self.clone()
        }
    }

    /// Appends the statistics in stored form.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put(out, self.count);
        put(out, self.errors);
        let durations = self.durations.as_ref();
        put(out, durations.map_or(0, |durations| durations.count));
        if let Some(durations) = durations {
            put_wide(out, durations.sum);
            put(out, durations.min);
            put(out, durations.max.saturating_sub(durations.min));
            durations.sketch.put(out);
        }
    }

    /// Reads what [`put`](Self::put) wrote.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, FormError> {
        Ok(Self {
            count: reader.number()?,
            errors: reader.number()?,
            durations: match reader.number()? {
                0 => None,
                count => Some(Durations::read(reader, count)?),
            },
        })
    }
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0,
            min: u64::MAX,
            max: 0,
            sketch: Sketch::default(),
        }
    }
}

impl Durations {
    /// Returns the arithmetic mean, in milliseconds.
    #[expect(
        clippy::cast_precision_loss,
        reason = "an average needs 53 bits at most"
    )]
    pub fn average_ms(&self) -> f64 {
        self.sum as f64 / self.count as f64 / 1e6
    }

    /// Returns the shortest duration, in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "exact below 104 days")]
    pub fn min_ms(&self) -> f64 {
        self.min as f64 / 1e6
    }

    /// Returns the longest duration, in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "exact below 104 days")]
    pub fn max_ms(&self) -> f64 {
        self.max as f64 / 1e6
    }

    /// Estimates the duration in milliseconds that a share of `quantile` (0 to 1) does not
    /// exceed, as accurately as [`Sketch::quantile`], and never outside the shortest and longest
    /// duration.
    pub fn quantile_ms(&self, quantile: f64) -> Option<f64> {
        let estimate = self.sketch.quantile(quantile)?;
        Some(estimate.max(self.min_ms()).min(self.max_ms()))
    }

    fn add(&mut self, duration_ms: f64, weight: u64) {
        let nanoseconds = nanoseconds(duration_ms);
        let weighted = u128::from(nanoseconds) * u128::from(weight);
        self.count = self.count.saturating_add(weight);
        self.sum = self.sum.saturating_add(weighted);
        self.min = self.min.min(nanoseconds);
        self.max = self.max.max(nanoseconds);
        self.sketch.add(duration_ms, weight);
    }

    fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.saturating_add(other.sum);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sketch.merge(&other.sketch);
    }

    fn read(reader: &mut Reader<'_>, count: u64) -> Result<Self, FormError> {
        let sum = reader.wide()?;
        let min = reader.number()?;
        Ok(Self {
            count,
            sum,
            min,
            max: min.saturating_add(reader.number()?),
            sketch: Sketch::read(reader)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_beyond_four_billion_add_up() {
        let mut half = Stats::default();
        half.count(Counted {
            weight: 3_000_000_000,
            is_error: true,
            duration_ms: Some(2.0),
        });
        let mut all = half.clone();
        all.merge(&half);
        assert_eq!((all.count, all.errors), (6_000_000_000, 6_000_000_000));
        let durations = all.durations.unwrap();
        assert_eq!(durations.count, 6_000_000_000);
        assert_eq!(durations.average_ms(), 2.0);
    }

    #[test]
    fn the_largest_weights_and_durations_do_not_overflow() {
        let mut stats = Stats::default();
        let most = Counted {
            weight: u64::MAX,
            is_error: true,
            duration_ms: Some(f64::MAX),
        };
        stats.count(most);
        stats.count(most);
        stats.merge(&stats.clone());
        let mut bytes = Vec::new();
        stats.put(&mut bytes);
        assert_eq!(Stats::read(&mut Reader::new(&bytes, 0)), Ok(stats));
    }
}

//! Counts, failures and durations of events. Two of them can be merged.

use serde::{Deserialize, Serialize};

use crate::chunk::sketch::Sketch;

/// Statistics of the events of one minute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Minute {
    /// All events of the minute.
    pub all: Stats,
    /// Requests to a service; `None` if all events are requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requests: Option<Stats>,
}

/// Counts, failures and durations of some events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Number of events.
    pub count: u64,
    /// Number of events that failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub errors: u64,
    /// Durations of the events that have one. Log records have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durations: Option<Durations>,
}

/// Distribution of durations, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Durations {
    /// Number of durations.
    pub count: u64,
    /// Sum of all durations.
    pub sum: f64,
    /// Shortest duration.
    pub min: f64,
    /// Longest duration.
    pub max: f64,
    /// Histogram from which percentiles are estimated.
    pub sketch: Sketch,
}

impl Minute {
    /// Counts an event.
    pub(crate) fn count(&mut self, is_error: bool, duration_ms: Option<f64>, is_request: bool) {
        if !is_request && self.requests.is_none() {
            self.requests = Some(self.all.clone());
        }
        self.all.count(is_error, duration_ms);
        if is_request && let Some(requests) = &mut self.requests {
            requests.count(is_error, duration_ms);
        }
    }

    /// Statistics of the requests to a service, [`Span::is_request`](crate::event::Span::is_request).
    pub(crate) fn requests(&self) -> &Stats {
        self.requests.as_ref().unwrap_or(&self.all)
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

    fn count(&mut self, is_error: bool, duration_ms: Option<f64>) {
        self.count += 1;
        self.errors += u64::from(is_error);
        if let Some(duration) = duration_ms {
            self.durations
                .get_or_insert_with(Durations::default)
                .add(duration);
        }
    }
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0.0,
            min: f64::INFINITY,
            max: 0.0,
            sketch: Sketch::default(),
        }
    }
}

impl Durations {
    /// Arithmetic mean.
    pub fn average(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// Estimates the duration that a share of `quantile` (0 to 1) does not exceed, within
    /// 2 % and never outside the shortest and longest duration.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let estimate = self.sketch.quantile(quantile)?;
        Some(estimate.clamp(self.min, self.max))
    }

    fn add(&mut self, duration: f64) {
        self.count += 1;
        self.sum += duration;
        self.min = self.min.min(duration);
        self.max = self.max.max(duration);
        self.sketch.add(duration);
    }

    fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sketch.merge(&other.sketch);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_beyond_four_billion_add_up_and_are_stored_as_numbers() {
        let stored = r#"{"count":3000000000,"errors":2500000000,"durations":{"count":3000000000,"sum":6000000000.0,"min":1.0,"max":3.0,"sketch":{"200":3000000000}}}"#;
        let half: Stats = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_string(&half).unwrap(), stored);
        let mut all = half.clone();
        all.merge(&half);
        assert_eq!((all.count, all.errors), (6_000_000_000, 5_000_000_000));
        let durations = all.durations.unwrap();
        assert_eq!(durations.count, 6_000_000_000);
        assert_eq!(durations.average(), 2.0);
    }
}

//! Counts, failures and durations, which add up.

use serde::{Deserialize, Serialize};

use crate::chunk::sketch::Sketch;

/// The events of one minute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Minute {
    /// All of them.
    pub all: Stats,
    /// Those that are requests to a service; `None`: all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requests: Option<Stats>,
}

/// Counts, failures and durations of some events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// How many.
    pub count: u64,
    /// How many failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub errors: u64,
    /// Durations of those that tell one; logs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durations: Option<Durations>,
}

/// Durations, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Durations {
    /// How many.
    pub count: u64,
    /// All together.
    pub sum: f64,
    /// The shortest.
    pub min: f64,
    /// The longest.
    pub max: f64,
    /// Their distribution.
    pub sketch: Sketch,
}

impl Minute {
    /// Counts an event.
    pub fn count(&mut self, is_error: bool, duration_ms: Option<f64>, is_request: bool) {
        if !is_request && self.requests.is_none() {
            self.requests = Some(self.all.clone());
        }
        self.all.count(is_error, duration_ms);
        if is_request && let Some(requests) = &mut self.requests {
            requests.count(is_error, duration_ms);
        }
    }

    /// Those that are requests to a service.
    pub fn requests(&self) -> &Stats {
        self.requests.as_ref().unwrap_or(&self.all)
    }
}

impl Stats {
    /// Adds others.
    pub fn merge(&mut self, other: &Self) {
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
    /// The mean.
    pub fn average(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// The duration that a share of `quantile` (0 to 1) does not exceed, within
    /// 2 %, and never beyond the shortest and the longest.
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

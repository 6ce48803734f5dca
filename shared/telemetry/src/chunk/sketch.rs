//! A histogram of durations with a bounded relative error, after DDSketch (Masson, Rim,
//! Lee 2019). Sketches can be merged, so percentiles of any window come from the chunk
//! summaries in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Ratio between the bounds of neighbouring buckets: 4 %, so percentiles are within 2 %.
const GAMMA: f64 = 1.04;

/// Durations below a microsecond share one bucket.
const SMALLEST_MS: f64 = 0.001;

/// Counts of durations by logarithmic bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sketch(BTreeMap<u16, u64>);

impl Sketch {
    /// Counts one duration, in milliseconds.
    pub fn add(&mut self, duration_ms: f64) {
        *self.0.entry(bucket_of(duration_ms)).or_default() += 1;
    }

    /// Adds another sketch's counts.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            let sum = self.0.entry(*bucket).or_default();
            *sum = sum.saturating_add(*count);
        }
    }

    /// Estimates the duration, in milliseconds, that a share of `quantile` (0 to 1) does
    /// not exceed, within 2 %. `None` if nothing was counted.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let total: f64 = self.0.values().map(|count| *count as f64).sum();
        let rank = (total * quantile).ceil().max(1.0);
        let mut seen = 0.0;
        self.0.iter().find_map(|(bucket, count)| {
            seen += *count as f64;
            (seen >= rank).then(|| middle_of(*bucket))
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to u16"
)]
fn bucket_of(duration_ms: f64) -> u16 {
    let bucket = (duration_ms.max(SMALLEST_MS) / SMALLEST_MS)
        .log(GAMMA)
        .ceil();
    bucket.clamp(0.0, f64::from(u16::MAX)) as u16
}

fn middle_of(bucket: u16) -> f64 {
    // The value whose relative distance to both ends of the bucket is the same.
    SMALLEST_MS * GAMMA.powi(bucket.into()) * 2.0 / (1.0 + GAMMA)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sketch(durations: &[f64]) -> Sketch {
        let mut sketch = Sketch::default();
        durations.iter().for_each(|duration| sketch.add(*duration));
        sketch
    }

    #[test]
    fn an_empty_sketch_has_no_quantiles() {
        assert_eq!(Sketch::default().quantile(0.5), None);
    }

    #[test]
    fn more_than_four_billion_durations_have_the_percentiles_of_all() {
        let half = |bucket| serde_json::from_str(&format!("{{\"{bucket}\":3000000000}}"));
        let (fast, slow): (Sketch, Sketch) = (half(100).unwrap(), half(300).unwrap());
        let mut merged = fast.clone();
        merged.merge(&slow);
        merged.merge(&slow);
        assert_eq!(merged.quantile(0.3), fast.quantile(1.0));
        assert_eq!(merged.quantile(0.5), slow.quantile(1.0));
        let stored = serde_json::to_string(&merged).unwrap();
        assert_eq!(stored, r#"{"100":3000000000,"300":6000000000}"#);
        assert_eq!(serde_json::from_str::<Sketch>(&stored).unwrap(), merged);
    }

    proptest! {
        #[test]
        fn quantiles_are_within_two_percent(
            mut durations in prop::collection::vec(0.01f64..1e7, 1..200),
            quantile in 0.0f64..=1.0,
        ) {
            let estimate = sketch(&durations).quantile(quantile).unwrap();
            durations.sort_by(f64::total_cmp);
            let rank = (durations.len() as f64 * quantile).ceil().max(1.0) as usize;
            let exact = durations[rank - 1];
            prop_assert!((estimate - exact).abs() <= exact * 0.0201, "{estimate} for {exact}");
        }

        #[test]
        fn merging_two_sketches_equals_counting_in_one(
            one in prop::collection::vec(0.0f64..1e7, 0..50),
            two in prop::collection::vec(0.0f64..1e7, 0..50),
        ) {
            let mut merged = sketch(&one);
            merged.merge(&sketch(&two));
            prop_assert_eq!(merged, sketch(&[one, two].concat()));
        }
    }
}

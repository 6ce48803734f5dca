//! A histogram of durations with a bounded relative error, after DDSketch (Masson, Rim,
//! Lee 2019). Sketches can be merged, so percentiles of any window come from the chunk
//! summaries in it.

use std::collections::BTreeMap;

use super::bytes::{FormError, Reader, put, put_len};

/// Ratio between the bounds of adjacent buckets: 4 %, so percentiles are within 2 %.
const GAMMA: f64 = 1.04;

/// Durations up to a microsecond share one bucket.
const SMALLEST_MS: f64 = 0.001;

/// Number of buckets that a coarse sketch keeps as one, so percentiles are within 11 %.
const COARSE: u16 = 5;

/// Counts of durations by logarithmic bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sketch(BTreeMap<u16, u64>);

impl Sketch {
    /// Creates a sketch with these counts by bucket.
    pub(super) fn from_counts(counts: BTreeMap<u16, u64>) -> Self {
        Self(counts)
    }

    /// Counts a duration, in milliseconds, `times` times.
    pub fn add(&mut self, duration_ms: f64, times: u64) {
        self.count(bucket_of(duration_ms), times);
    }

    fn count(&mut self, bucket: u16, times: u64) {
        let count = self.0.entry(bucket).or_default();
        *count = count.saturating_add(times);
    }

    /// Returns the same counts in fewer buckets: every [`COARSE`] adjacent buckets become the middle
    /// one.
    pub(super) fn coarse(&self) -> Self {
        let mut coarse = Self::default();
        for (bucket, count) in &self.0 {
            let middle = (bucket - bucket % COARSE).saturating_add(COARSE / 2);
            coarse.count(middle, *count);
        }
        coarse
    }

    /// Appends the counts: for each bucket the distance from the last one, and the count
    /// unless it is one.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put_len(out, self.0.len());
        let mut last = 0;
        for (bucket, count) in &self.0 {
            let distance = u64::from(bucket - last);
            last = *bucket;
            put(out, distance << 1 | u64::from(*count != 1));
            if *count != 1 {
                put(out, *count);
            }
        }
    }

    /// Reads what [`put`](Self::put) wrote.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, FormError> {
        let mut counts = BTreeMap::new();
        let mut bucket = 0_u16;
        for _ in 0..reader.count()? {
            let code = reader.number()?;
            let distance = u16::try_from(code >> 1).ok();
            bucket = distance
                .and_then(|distance| bucket.checked_add(distance))
                .ok_or(FormError::Damaged("a bucket of durations"))?;
            let count = if code & 1 == 1 { reader.number()? } else { 1 };
            counts.insert(bucket, count);
        }
        Ok(Self(counts))
    }

    /// Adds another sketch's counts.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (bucket, count) in &other.0 {
            self.count(*bucket, *count);
        }
    }

    /// Estimates the duration, in milliseconds, that a share of `quantile` (0 to 1) does not exceed,
    /// within 2 %, or within 11 % for a coarse sketch. `None` if nothing was counted.
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
        durations
            .iter()
            .for_each(|duration| sketch.add(*duration, 1));
        sketch
    }

    #[test]
    fn an_empty_sketch_has_no_quantiles() {
        assert_eq!(Sketch::default().quantile(0.5), None);
    }

    #[test]
    fn more_than_four_billion_durations_have_the_percentiles_of_all() {
        let mut merged = Sketch::default();
        merged.add(10.0, 3_000_000_000);
        let mut slow = Sketch::default();
        slow.add(1_000.0, 3_000_000_000);
        let (fast, all_slow) = (merged.quantile(1.0), slow.quantile(1.0));
        merged.merge(&slow);
        merged.merge(&slow);
        assert_eq!(merged.quantile(0.3), fast);
        assert_eq!(merged.quantile(0.5), all_slow);
    }

    #[test]
    fn a_coarse_sketch_is_within_eleven_percent() {
        let all: Vec<f64> = (1..2_000).map(|n| f64::from(n) * 0.37).collect();
        let coarse = sketch(&all).coarse();
        for quantile in [0.01, 0.5, 0.95, 0.99, 1.0] {
            let exact = all[(all.len() as f64 * quantile).ceil() as usize - 1];
            let estimate = coarse.quantile(quantile).unwrap();
            assert!(
                (estimate - exact).abs() <= exact * 0.11,
                "{estimate} for {exact}"
            );
        }
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
        fn a_sketch_is_read_as_written(counts in prop::collection::btree_map(0u16.., 1u64.., 0..50)) {
            let sketch = Sketch::from_counts(counts);
            let mut bytes = Vec::new();
            sketch.put(&mut bytes);
            prop_assert_eq!(Sketch::read(&mut Reader::new(&bytes, 0)), Ok(sketch));
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

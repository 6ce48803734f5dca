//! Checks that rollups, together with the late arrivals that they do not contain, equal the totals of
//! their summaries.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Check;
use crate::admin::days::Expected;
use crate::keys;
use crate::telemetry::StoredRollups;
use upblit_telemetry::query::rollup::{ChunkHash, HourRollup};

/// An hour as readers see it: from the rollup of its day, with its late arrivals. `sk` is the sort key
/// of the rollup.
struct Known {
    hour: HourRollup,
    sk: String,
}

impl Check<'_> {
    /// Returns the sort keys of rollups and late arrivals that do not agree with the summaries, and
    /// why.
    pub(super) fn differences(
        &self,
        stored: &StoredRollups,
        expected: &Expected,
        late: &BTreeSet<ChunkHash>,
    ) -> Vec<(String, String)> {
        let mut differences = Vec::new();
        for arrival in stored.late() {
            if late.contains(&arrival.hash) && !expected.late.contains(&arrival.hash) {
                let problem = "counts a chunk that is not listed".to_owned();
                differences.push((keys::late(arrival.hour, arrival.hash), problem));
            }
        }
        for (hour, known) in self.known(stored) {
            if expected.unknown.contains(&hour) {
                continue;
            }
            let none = HourRollup::expiring(self.now);
            let summaries = expected.hours.get(&hour).unwrap_or(&none);
            if counts(hour, &known.hour) != counts(hour, summaries) {
                let problem = format!(
                    "counts {} chunks and {} events of the hour {hour}, whose summaries have {} and {}",
                    known.hour.chunks,
                    events(hour, &known.hour),
                    summaries.chunks,
                    events(hour, summaries),
                );
                differences.push((known.sk, problem));
            }
        }
        differences
    }

    /// Returns the hours that readers take from rollups: those in which no chunk has expired.
    fn known(&self, stored: &StoredRollups) -> BTreeMap<Timestamp, Known> {
        let mut known = BTreeMap::<Timestamp, Known>::new();
        for (day, stored) in &stored.days {
            let hours = stored.rollup.iter().flat_map(|rollup| &rollup.hours);
            for (hour, content) in hours.filter(|(_, content)| content.expires_at > self.now) {
                let rollup = Known {
                    hour: content.clone(),
                    sk: keys::rollup(*day),
                };
                known.insert(*hour, rollup);
            }
        }
        for arrival in stored.late() {
            if let Some(known) = known.get_mut(&arrival.hour) {
                known.hour.merge(&arrival.rollup);
            }
        }
        known
    }
}

/// Number and combined hash of the chunks; for each bucket, its start, events, errors, and sum of
/// durations. Sketches are not compared, because they depend on the order in which they were merged.
type Counts = (u64, ChunkHash, Vec<(Timestamp, u64, u64, Option<u128>)>);

fn counts(at: Timestamp, hour: &HourRollup) -> Counts {
    let buckets = hour.buckets(at).map(|(at, bucket)| {
        let durations = bucket.all.durations.as_ref().map(|durations| durations.sum);
        (at, bucket.all.count, bucket.all.errors, durations)
    });
    (hour.chunks, hour.hashes, buckets.collect())
}

fn events(at: Timestamp, hour: &HourRollup) -> u64 {
    hour.buckets(at).map(|(_, bucket)| bucket.all.count).sum()
}

//! What happens in the shop, when. A slice of time is told from the seed and its
//! number alone: whoever tells it again tells the same, to the last id.

use std::f64::consts::TAU;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::shop::{ENDPOINTS, Endpoint};
use super::step::Incident;
use super::telemetry::Told;
use super::walk;

/// Length of a slice.
pub(super) const SLICE_SECONDS: i64 = 10;

/// Requests a second at the busiest time of a day.
const BUSIEST: f64 = 0.9;

/// The busiest hour (UTC).
const PEAK_HOUR: f64 = 18.0;

/// In every stretch of this length there may be one incident.
const STRETCH_SECONDS: i64 = 90 * 60;

/// How often there is one.
const INCIDENT_CHANCE: f64 = 0.7;

const NANOS: i64 = 1_000_000_000;

/// A shop's whole past and future.
#[derive(Debug, Clone, Copy)]
pub(super) struct Story {
    seed: u64,
}

impl Story {
    /// The story that this number stands for.
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The slice that holds this second since the Unix epoch.
    pub(super) fn slice_at(second: i64) -> i64 {
        second.div_euclid(SLICE_SECONDS)
    }

    /// What is told of the requests that start in this slice.
    pub(super) fn slice(self, number: i64) -> Told {
        let mut rng = self.rng("slice", number);
        let start = number * SLICE_SECONDS;
        let rate = rate_at(start) * rng.random_range(0.8..1.2);
        let mut told = Told::default();
        let mut after = waits(&mut rng, rate);
        while after < seconds(SLICE_SECONDS) {
            let at_ns = start * NANOS + nanos(after);
            let incident = self.incident_at(at_ns.div_euclid(NANOS));
            let endpoint = chosen(&mut rng);
            let request = walk::request(&mut rng, endpoint, incident, at_ns);
            told.spans.extend(request.spans);
            told.logs.extend(request.logs);
            after += waits(&mut rng, rate);
        }
        told
    }

    /// What is going wrong at this second.
    fn incident_at(self, second: i64) -> Option<Incident> {
        let stretch = second.div_euclid(STRETCH_SECONDS);
        let mut rng = self.rng("incident", stretch);
        if !rng.random_bool(INCIDENT_CHANCE) {
            return None;
        }
        let which = Incident::ALL[rng.random_range(0..Incident::ALL.len())];
        let length = rng.random_range(240..720);
        let start = stretch * STRETCH_SECONDS + rng.random_range(0..STRETCH_SECONDS - length);
        (start..start + length).contains(&second).then_some(which)
    }

    /// Each purpose and number has randomness of its own.
    fn rng(self, purpose: &str, number: i64) -> StdRng {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..16].copy_from_slice(&number.to_le_bytes());
        for (byte, letter) in seed[16..].iter_mut().zip(purpose.bytes()) {
            *byte = letter;
        }
        StdRng::from_seed(seed)
    }
}

/// Requests a second: a wave over the day, and a fifth of the peak at its lowest.
fn rate_at(second: i64) -> f64 {
    let hour = seconds(second.rem_euclid(86_400)) / 3_600.0;
    let wave = (1.0 + ((hour - PEAK_HOUR) / 24.0 * TAU).cos()) / 2.0;
    BUSIEST * (0.2 + 0.8 * wave)
}

/// Seconds until the next request, when they come independently of each other.
fn waits(rng: &mut StdRng, rate: f64) -> f64 {
    let u: f64 = rng.random();
    -(1.0 - u).ln() / rate
}

/// An endpoint, by weight.
fn chosen(rng: &mut StdRng) -> &'static Endpoint {
    let all: f64 = ENDPOINTS.iter().map(|endpoint| endpoint.weight).sum();
    let mut left = rng.random_range(0.0..all);
    let mut passed = ENDPOINTS.iter().skip_while(|endpoint| {
        left -= endpoint.weight;
        left >= 0.0
    });
    // Only rounding could pass them all.
    passed.next().unwrap_or(&ENDPOINTS[0])
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a day")]
fn seconds(whole: i64) -> f64 {
    whole as f64
}

#[expect(clippy::cast_possible_truncation, reason = "less than a slice")]
fn nanos(seconds: f64) -> i64 {
    (seconds * 1e9) as i64
}

#[cfg(test)]
mod tests;

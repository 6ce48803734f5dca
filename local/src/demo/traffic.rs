//! Generates the traffic of the simulated shop in slices of ten seconds. The events of a slice,
//! ids included, depend on the seed and the number of the slice only, so a slice that is sent
//! again is the same batch.

use std::f64::consts::TAU;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::customer::Customer;
use super::request;
use super::shop::{ENDPOINTS, Endpoint, ORDERS};
use super::step::Incident;
use super::telemetry::Events;

/// Length of a slice, in seconds.
pub(super) const SLICE_SECONDS: i64 = 10;

/// Requests per second at the busiest time of day.
const PEAK_RATE: f64 = 0.9;

/// Busiest hour of the day, in UTC.
const PEAK_HOUR: f64 = 18.0;

/// Length of a period, in seconds. Each period has at most one incident.
const PERIOD_SECONDS: i64 = 90 * 60;

/// Probability that a period has an incident.
const INCIDENT_CHANCE: f64 = 0.7;

/// Every six hours, from 02:40 UTC, the largest customer asks for all orders every two seconds for ten
/// minutes.
const LARGEST_CUSTOMER_EVERY: i64 = 6 * 3_600;
const LARGEST_CUSTOMER_AT: i64 = 160 * 60;
const LARGEST_CUSTOMER_FOR: i64 = 10 * 60;
const LARGEST_CUSTOMER_PAUSE: usize = 2;

const NANOS: i64 = 1_000_000_000;

/// The shop's traffic at all times, past and future, for one seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traffic {
    seed: u64,
}

impl Traffic {
    /// Creates a generator. Different seeds generate different events.
    pub(super) fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Number of the slice that contains a second of Unix time.
    pub(super) fn slice_at(second: i64) -> i64 {
        second.div_euclid(SLICE_SECONDS)
    }

    /// Events of the requests that start in a slice.
    pub(super) fn slice(self, number: i64) -> Events {
        let mut rng = self.rng("slice", number);
        let start = number * SLICE_SECONDS;
        let rate = rate_at(start) * rng.random_range(0.8..1.2);
        let mut events = Events::default();
        let mut offset = pause(&mut rng, rate);
        while offset < seconds(SLICE_SECONDS) {
            let at_ns = start * NANOS + nanos(offset);
            let incident = self.incident_at(at_ns.div_euclid(NANOS));
            let endpoint = choose_endpoint(&mut rng);
            let customer = Customer::chosen_by(rng.random());
            let request = request::simulate(&mut rng, endpoint, customer, incident, at_ns);
            events.extend(request);
            offset += pause(&mut rng, rate);
        }
        self.add_largest_customer(number, &mut events);
        events
    }

    /// Adds the requests of the largest customer that start in a slice, if it sends any.
    fn add_largest_customer(self, number: i64, events: &mut Events) {
        let start = number * SLICE_SECONDS;
        let since = (start - LARGEST_CUSTOMER_AT).rem_euclid(LARGEST_CUSTOMER_EVERY);
        if since >= LARGEST_CUSTOMER_FOR {
            return;
        }
        let mut rng = self.rng("customer", number);
        for second in (start..start + SLICE_SECONDS).step_by(LARGEST_CUSTOMER_PAUSE) {
            events.extend(request::simulate(
                &mut rng,
                &ORDERS,
                Customer::LARGEST,
                Some(Incident::LargestCustomer),
                second * NANOS,
            ));
        }
    }

    /// The incident at a second of Unix time, if any.
    fn incident_at(self, second: i64) -> Option<Incident> {
        let period = second.div_euclid(PERIOD_SECONDS);
        let mut rng = self.rng("incident", period);
        if !rng.random_bool(INCIDENT_CHANCE) {
            return None;
        }
        let incident = Incident::ALL[rng.random_range(0..Incident::ALL.len())];
        let length = rng.random_range(240..720);
        let start = period * PERIOD_SECONDS + rng.random_range(0..PERIOD_SECONDS - length);
        (start..start + length)
            .contains(&second)
            .then_some(incident)
    }

    /// A generator whose values depend on the seed, the purpose and the number only.
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

/// Requests per second: a cosine over the day, between a fifth of the peak rate and the peak.
fn rate_at(second: i64) -> f64 {
    let hour = seconds(second.rem_euclid(86_400)) / 3_600.0;
    let wave = (1.0 + ((hour - PEAK_HOUR) / 24.0 * TAU).cos()) / 2.0;
    PEAK_RATE * (0.2 + 0.8 * wave)
}

/// Seconds until the next request, exponentially distributed as for independent arrivals.
fn pause(rng: &mut StdRng, rate: f64) -> f64 {
    let u: f64 = rng.random();
    -(1.0 - u).ln() / rate
}

/// Chooses an endpoint with a probability proportional to its weight.
fn choose_endpoint(rng: &mut StdRng) -> &'static Endpoint {
    let total: f64 = ENDPOINTS.iter().map(|endpoint| endpoint.weight).sum();
    let mut left = rng.random_range(0.0..total);
    let mut rest = ENDPOINTS.iter().skip_while(|endpoint| {
        left -= endpoint.weight;
        left >= 0.0
    });
    // A rounding error may skip all endpoints.
    rest.next().unwrap_or(&ENDPOINTS[0])
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

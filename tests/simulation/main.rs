//! The whole product in one thread, from one seed: several instances of its functions run over the
//! embedded engine, on a simulated clock and a network that fails. A checker judges every world.
//!
//! - `SIMULATION_SEEDS=5000` plays that many seeds, from `SIMULATION_FIRST` on,
//!   `SIMULATION_MINUTES=2` as many as it can. `SIMULATION_SEED=17` plays one and prints what happened.
//! - docs/decisions/0109-one-seed-one-world.md says why it is built like this.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]

mod browser;
mod chance;
mod engine;
mod instance;
mod members;
mod network;
mod owner;
mod play;
mod restored;
mod system;
mod telemetry;
mod trace;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use play::play;

/// Seeds that `cargo test` plays.
const SEEDS: u64 = 40;

/// Seeds that are played at most within `SIMULATION_MINUTES`.
const MOST: u64 = 1_000_000;

/// Failures after which no further seed is played.
const SHOWN: usize = 5;

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 1..=3 {
        let [one, two] = [play(seed), play(seed)];
        let differ = one
            .trace
            .iter()
            .zip(&two.trace)
            .find(|(one, two)| one != two);
        assert_eq!(differ, None, "seed {seed}");
        assert_eq!(one.hash, two.hash, "seed {seed}");
        assert_ne!(one.hash, play(seed + 100).hash);
    }
}

#[test]
fn no_seed_breaks_a_promise() {
    if let Some(seed) = setting("SIMULATION_SEED") {
        let played = play(seed);
        println!("{}", played.trace.join("\n"));
        assert_eq!(played.broken, None, "seed {seed}");
        return;
    }
    let minutes = setting("SIMULATION_MINUTES");
    let end = minutes.map(|minutes| Instant::now() + Duration::from_mins(minutes));
    let seeds = setting("SIMULATION_SEEDS").unwrap_or(if end.is_some() { MOST } else { SEEDS });
    let first = setting("SIMULATION_FIRST").unwrap_or(1);
    let next = AtomicU64::new(first);
    let seconds = AtomicU64::new(0);
    let count = AtomicU64::new(0);
    let broken = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let is_late = end.is_some_and(|end| Instant::now() > end);
            if is_late || seed >= first + seeds || broken.lock().unwrap().len() >= SHOWN {
                return;
            }
            let played = play(seed);
            count.fetch_add(1, Ordering::Relaxed);
            seconds.fetch_add(played.seconds, Ordering::Relaxed);
            if let Some(promise) = played.broken {
                broken.lock().unwrap().push(format!(
                    "seed {seed} (SIMULATION_SEED={seed} shows how): {promise}"
                ));
            }
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let hours = seconds.into_inner() / 3_600;
    let count = count.into_inner();
    let broken = broken.into_inner().unwrap();
    println!(
        "{count} seeds, {hours} simulated hours, broken promises: {}",
        broken.len()
    );
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A number from the environment.
fn setting(name: &str) -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this choice is not a setting of the product"
    )]
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

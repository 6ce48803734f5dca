//! CPU time of a start up to the first request for an event, compared with the smallest possible
//! function (`benches/hello`). Only the ratio is meaningful: the times are those of this machine, not of
//! Lambda. CPU time is measured, because on a busy machine a start waits. Linux only.

use std::time::Duration;

use local::functions::FUNCTIONS;

use super::deployment::Deployment;
use super::function::{Function, Settings};
use crate::events::event;

/// Starts of each function. They take turns, so that a busy moment affects all of them.
const STARTS: usize = 21;

/// The most CPU time until a function requests its first event, as a multiple of that of the
/// smallest function. Connections have no TLS: what a handshake costs depends on the machine
/// (entropy), and `warm_up` counts handshakes.
fn most(name: &str) -> f64 {
    match name {
        // Also reads the root certificates, for calls to GitHub.
        "oauth" => 7.0,
        _ => 4.0,
    }
}

fn functions() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|function| function.name)
}

/// CPU time from the start of the process to its first request for an event, and to the next one
/// after its first response.
struct Start {
    polled: Duration,
    answered: Duration,
}

async fn start(name: &str, settings: &Settings) -> Start {
    let function = Function::start(name, settings).await;
    let polled = function.cpu();
    let answer = function.answer(&event("ingest/health")).await;
    assert_eq!(answer.status, 200, "{name}");
    function.api.polled().await;
    Start {
        polled,
        answered: function.cpu(),
    }
}

fn median(times: impl Iterator<Item = Duration>) -> f64 {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1_000.0
}

#[tokio::test]
#[ignore = "needs the binaries of `cargo lambda build --release`"]
#[expect(clippy::print_stdout, reason = "a table to read")]
async fn a_cold_start_is_close_to_that_of_the_smallest_function() {
    let deployment = Deployment::start().await;
    let names: Vec<&str> = ["hello"].into_iter().chain(functions()).collect();
    let mut starts: Vec<Vec<Start>> = names.iter().map(|_| Vec::new()).collect();
    for _ in 0..STARTS {
        for (name, starts) in names.iter().zip(&mut starts) {
            starts.push(start(name, &deployment.settings_without_tls(name)).await);
        }
    }
    let medians: Vec<(f64, f64)> = starts
        .iter()
        .map(|starts| {
            let polled = median(starts.iter().map(|start| start.polled));
            (polled, median(starts.iter().map(|start| start.answered)))
        })
        .collect();
    let (hello, _) = medians[0];
    println!(
        "| Function | Start, CPU ms | Ratio | With the first response, CPU ms |\n|---|--:|--:|--:|"
    );
    for (name, (polled, answered)) in names.iter().zip(&medians) {
        let ratio = polled / hello;
        println!("| {name} | {polled:.1} | {ratio:.1} | {answered:.1} |");
        assert!(ratio < most(name), "{name}: {ratio:.1}");
    }
}

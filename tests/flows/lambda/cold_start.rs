//! The wait of the first request of an instance, compared with the smallest possible function
//! (`benches/hello`). Only the ratio is meaningful: the times are those of this machine, not
//! of Lambda.

use std::time::{Duration, Instant};

use local::functions::{DASHBOARD, FUNCTIONS};

use super::deployment::Deployment;
use super::function::{Function, Settings};
use super::listen;
use crate::events::event;

/// Starts of each function. They take turns, so that a busy moment affects all of them.
const STARTS: usize = 21;

/// The longest time until a function requests its first event, as a multiple of that of the
/// smallest function. Measured: 1.5 for ingest, under 3 for those that read secrets.
const MOST: f64 = 6.0;

fn functions() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|function| function.name)
}

/// Times from the start of the process to its first request for an event, and to its first
/// response.
struct Start {
    polled: Duration,
    answered: Duration,
}

async fn start(name: &str, settings: &Settings) -> Start {
    let event = event("ingest/health");
    let began = Instant::now();
    let function = Function::begin(name, settings).await;
    function.api.polled().await;
    let polled = began.elapsed();
    assert_eq!(function.answer(&event).await.status, 200, "{name}");
    Start {
        polled,
        answered: began.elapsed(),
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
            starts.push(start(name, &deployment.settings(name)).await);
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
    println!("| Function | First poll, ms | Ratio | First response, ms |\n|---|--:|--:|--:|");
    for (name, (polled, answered)) in names.iter().zip(&medians) {
        let ratio = polled / hello;
        println!("| {name} | {polled:.1} | {ratio:.1} | {answered:.1} |");
        assert!(ratio < MOST, "{name}: {ratio:.1}");
    }
}

/// Before the first event, a function requests its secrets and nothing else.
#[tokio::test]
async fn a_start_reads_its_secrets_and_makes_no_other_call() {
    let deployment = Deployment::start().await;
    let jwt = ["jwt AWSCURRENT", "jwt AWSPENDING", "jwt AWSPREVIOUS"];
    for name in functions() {
        let (nobody, listener) = listen().await;
        let mut settings = deployment.settings(name);
        for (setting, value) in &mut settings {
            if setting.contains("DYNAMODB") || setting.contains("GITHUB") && setting.contains("URL")
            {
                value.clone_from(&nobody);
            }
        }
        deployment.secrets.asked();
        let _function = Function::start(name, &settings).await;
        let mut asked = deployment.secrets.asked();
        asked.sort();
        let expected = match name {
            "ingest" | DASHBOARD => vec![],
            "oauth" => [&["github AWSCURRENT"][..], &jwt].concat(),
            _ => jwt.to_vec(),
        };
        assert_eq!(asked, expected, "{name}");
        let called = tokio::time::timeout(Duration::from_millis(100), listener.accept()).await;
        assert!(called.is_err(), "{name} has called");
    }
}

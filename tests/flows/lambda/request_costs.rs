//! CPU time of a start, of the first request after it and of later ones, over TLS. Each request is
//! of another user, so the calls of all of them are the same. Linux only.

use std::time::Duration;

use super::deployment::Deployment;
use super::function::binary;
use super::start::ASKING;
use crate::events::{event, filled, values};

/// Starts of each function, and requests after the first one of each start.
const STARTS: usize = 11;
const LATER: usize = 8;

/// The most that a first request may take, as a multiple of a later one. About 0.3 ms of difference
/// remain, for the runtime's first response and for pages of the binary that no start has touched. The
/// smallest function takes 0.15 ms for them.
const MOST: f64 = 2.2;

#[derive(Default)]
struct Costs {
    start: Vec<Duration>,
    first: Vec<Duration>,
    later: Vec<Duration>,
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1_000.0
}

async fn measure(deployment: &Deployment, name: &str, case: &str, run: usize) -> Costs {
    let event = event(case);
    let mut events = Vec::new();
    for request in 0..=LATER {
        let login = format!("{name}-{run}-{request}");
        let values = values(&deployment.backend, &login, &event).await;
        events.push(filled(&event, &values));
    }
    let function = deployment.function(name).await;
    let mut spent = function.cpu();
    let mut costs = Costs {
        start: vec![spent],
        ..Costs::default()
    };
    for (request, event) in events.iter().enumerate() {
        let answer = function.answer(event).await;
        assert!(answer.status.as_u16() < 400, "{case}: {}", answer.status);
        // The next poll: what the runtime does after an answer belongs to it.
        function.api.polled().await;
        let now = function.cpu();
        let phase = if request == 0 {
            &mut costs.first
        } else {
            &mut costs.later
        };
        phase.push(now - spent);
        spent = now;
    }
    costs
}

async fn all(deployment: &Deployment, name: &str, case: &str) -> Costs {
    let mut all = Costs::default();
    for run in 0..STARTS {
        let costs = measure(deployment, name, case, run).await;
        all.start.extend(costs.start);
        all.first.extend(costs.first);
        all.later.extend(costs.later);
    }
    all
}

#[tokio::test]
#[ignore = "needs release binaries on a quiet machine"]
#[expect(clippy::print_stdout, reason = "a table to read")]
async fn the_first_request_costs_little_more_than_a_later_one() {
    let deployment = Deployment::start().await;
    println!("| Function | Start, ms | First, ms | Later, ms | Ratio |\n|---|--:|--:|--:|--:|");
    let mut expensive = Vec::new();
    for (name, case) in ASKING {
        if !binary(name).exists() {
            continue;
        }
        let mut costs = all(&deployment, name, case).await;
        let [start, first, later] =
            [&mut costs.start, &mut costs.first, &mut costs.later].map(|times| median(times));
        let ratio = first / later;
        println!("| {name} | {start:.1} | {first:.2} | {later:.2} | {ratio:.1} |");
        if ratio > MOST {
            expensive.push(name);
        }
    }
    assert!(expensive.is_empty(), "{expensive:?}");
}

//! The functions as Lambda runs them: separate processes that poll a stand-in of the Runtime API
//! for events. Their responses equal those of the routers that the other flows use, and no
//! event affects the next one.
//!
//! `cargo test` runs all of them from one debug binary; `.ci/run` runs what is deployed:
//! `LAMBDA_BINARIES=target/lambda cargo test -p tests --test flows -- lambda::`

mod batch_costs;
mod cold_start;
pub mod deployment;
mod edge;
pub mod function;
pub mod gate;
mod likeness;
mod memory;
mod odd_events;
mod question_costs;
mod request_costs;
mod rotel;
mod runtime_api;
mod schedule;
mod secrets_manager;
pub mod size;
mod start;
mod warm_up;

use crate::events::replay;
use likeness::assert_alike;

#[tokio::test]
async fn every_event_gets_the_response_of_the_router() {
    for replayed in &replay().await.events {
        let name = &replayed.case.name;
        assert_alike(name, &replayed.function, &replayed.router);
        // With its placeholders, the event is refused, as by the router.
        assert_alike(name, &replayed.function_unfilled, &replayed.router_unfilled);
    }
}

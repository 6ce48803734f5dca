//! The functions as Lambda runs them: separate processes that poll a stand-in of the Runtime API
//! for events. Their responses equal those of the routers that the other flows use, and no
//! event affects the next one.
//!
//! `cargo test` runs all of them from one debug binary; `.ci/run` runs what is deployed:
//! `LAMBDA_BINARIES=target/lambda cargo test -p tests --test flows -- lambda::`

mod cold_start;
pub mod deployment;
mod edge;
pub mod function;
mod gate;
mod likeness;
mod odd_events;
mod runtime_api;
mod secrets_manager;
mod size;
mod start;
mod warm_up;

use tokio::net::TcpListener;

use crate::events::replay;
use likeness::assert_alike;

async fn listen() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (address, listener)
}

#[tokio::test]
async fn every_event_gets_the_response_of_the_router() {
    for replayed in &replay().await.events {
        let name = &replayed.case.name;
        assert_alike(name, &replayed.function, &replayed.router);
        // With its placeholders, the event is refused, as by the router.
        assert_alike(name, &replayed.function_unfilled, &replayed.router_unfilled);
    }
}

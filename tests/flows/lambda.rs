//! The functions as Lambda runs them: processes of their own, which ask a stand-in of
//! the Runtime API for events. They answer as the routers do that every other flow goes
//! through, and get over whatever they are handed.
//!
//! `cargo test` runs all six from one debug binary; `.ci/run` runs what is deployed:
//! `LAMBDA_BINARIES=target/lambda cargo test -p tests --test flows -- lambda::`

mod cold_start;
mod deployment;
mod function;
mod gate;
mod likeness;
mod odd_events;
mod runtime_api;
mod secrets_manager;
mod size;
mod start;

use serde_json::Value;
use tokio::net::TcpListener;

use crate::events::{self, filled, invoke, values};
use crate::routes::FUNCTIONS;
use deployment::Deployment;
use likeness::assert_alike;

/// An event of `events/` as it is.
fn event(name: &str) -> Value {
    events::events().remove(name).unwrap()
}

async fn listen() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (address, listener)
}

#[tokio::test]
async fn every_event_is_answered_as_by_the_router() {
    let deployment = Deployment::start().await;
    let backend = &deployment.backend;
    for name in FUNCTIONS {
        let function = deployment.function(name).await;
        let events = events::events();
        let own = events
            .iter()
            .filter(|(event, _)| event.starts_with(&format!("{name}/")));
        for (index, (case, event)) in own.enumerate() {
            // Each has an account of its own, so that none sees what another did.
            let [ours, theirs] = ["lambda", "router"].map(|who| format!("{who}-{name}-{index}"));
            let sent = filled(event, &values(backend, &ours).await);
            let answered = function.answer(&sent).await;
            let expected = invoke(backend, &filled(event, &values(backend, &theirs).await)).await;
            assert_alike(case, (&answered, &ours), (&expected, &theirs));
            // As it is in the file, it is refused, and as by the router too.
            let answered = function.answer(event).await;
            let expected = invoke(backend, event).await;
            assert_alike(case, (&answered, ""), (&expected, ""));
        }
    }
}

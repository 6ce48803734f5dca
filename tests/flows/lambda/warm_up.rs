//! What an instance does before its first event: it reads its secrets and opens connections to
//! DynamoDB, so that no request waits for them.

use std::time::{Duration, Instant};

use local::functions::{DASHBOARD, FUNCTIONS};
use shared::store::ColdRead;

use super::deployment::Deployment;
use super::function::{Function, replaced};
use super::gate::{Gate, Traffic, Way};
use crate::events::{event, replay};

/// Time that a start waits for connections.
const LIMIT: Duration = Duration::from_secs(1);

/// Time that everything else in a start may take on a busy machine.
const SLACK: Duration = Duration::from_secs(3);

fn operation(read: ColdRead) -> &'static str {
    match read {
        ColdRead::ApiKey => "GetItem",
        ColdRead::Membership => "BatchGetItem",
        ColdRead::Sessions => "Query",
    }
}

#[tokio::test]
async fn a_start_reads_its_secrets_opens_its_connections_and_makes_no_other_call() {
    let deployment = Deployment::start().await;
    let jwt = ["jwt AWSCURRENT", "jwt AWSPENDING", "jwt AWSPREVIOUS"];
    for function in FUNCTIONS {
        deployment.secrets.asked();
        let _process = deployment.function(function.name).await;
        let mut asked = deployment.secrets.asked();
        asked.sort();
        let expected = match function.name {
            "ingest" | DASHBOARD => vec![],
            "oauth" | "applications" => [&["github AWSCURRENT"][..], &jwt].concat(),
            _ => jwt.to_vec(),
        };
        assert_eq!(asked, expected, "{}", function.name);
        let expected = function.warm_up.map(|warm_up| Traffic {
            handshakes: warm_up.connections,
            operations: vec![operation(warm_up.read).to_owned(); warm_up.connections],
        });
        let expected = expected.unwrap_or_default();
        assert_eq!(deployment.engine.traffic(), expected, "{}", function.name);
    }
}

/// Others may: a query for an unknown trace reads several days at once, and so does the deletion of a trace.
#[tokio::test]
async fn no_request_that_succeeds_opens_a_connection() {
    for replayed in &replay().await.events {
        let case = &replayed.case;
        if case.status < 400 && case.name != "telemetry/delete_trace" {
            assert_eq!(replayed.connections, 0, "{}", case.name);
        }
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_delays_the_start_by_a_second_at_most() {
    let deployment = Deployment::start().await;
    for function in FUNCTIONS {
        for way in [Way::Shut, Way::Silent] {
            deployment.engine.set(way);
            let began = Instant::now();
            let process = deployment.function(function.name).await;
            let waited = began.elapsed();
            assert!(
                waited < LIMIT + SLACK,
                "{} {way:?}: {waited:?}",
                function.name
            );
            if matches!(way, Way::Silent) && function.warm_up.is_some() {
                assert!(waited >= LIMIT, "{} did not try: {waited:?}", function.name);
            }
            let health = process.answer(&event("ingest/health")).await;
            assert_eq!(health.status, 200, "{}", function.name);
        }
    }
}

#[tokio::test]
async fn connections_are_opened_while_secrets_are_awaited() {
    let deployment = Deployment::start().await;
    let store = Gate::before(([127, 0, 0, 1], 1).into()).await;
    store.set(Way::Silent);
    let endpoint = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
    let settings = replaced(deployment.settings("oauth"), endpoint, &store.url);
    let output = Function::fails_to_start("oauth", &settings).await;
    assert!(!output.status.success());
    assert_eq!(deployment.engine.traffic().handshakes, 1);
}

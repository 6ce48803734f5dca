//! DynamoDB fails within a batch: no part of the batch becomes visible, the response asks the
//! SDK to retry soon, and the retry stores the whole batch.

use serde_json::{Value, json};

use crate::support::callers::Sdk;
use crate::support::faulty_engine::{Fault, FaultyEngine};
use crate::support::{Backend, Response, SignedIn, backend};

async fn start() -> (FaultyEngine, Backend, SignedIn, Sdk) {
    let (engine, backend) = FaultyEngine::start().await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    // Read the key and take a lease first, so that only calls of the batch follow.
    assert!(sdk.logs(sdk.log("warm")).await.status.is_success());
    backend.calls.take();
    (engine, backend, ada, sdk)
}

/// Three spans in each of this many hours: one chunk per hour.
fn batch(hours: i64) -> Value {
    let spans: Vec<Value> = (0..hours * 3)
        .map(|n| {
            let start = backend::start() - jiff::SignedDuration::from_hours(n % hours);
            json!({
                "timestamp": shared::base::clock::rfc3339(start), "traceId": format!("t{n}"),
                "spanId": "s", "durationMs": 1.0, "responseStatus": 200,
            })
        })
        .collect();
    json!({ "traces": spans })
}

/// Number of visible spans, each in a trace of its own: according to metrics, and to the list of traces.
async fn visible(ada: &SignedIn, sdk: &Sdk) -> (u64, usize) {
    let day = format!(
        "?applicationId={}&from=2026-01-30T13:00:00Z&to=2026-01-31T13:00:00Z",
        sdk.application_id
    );
    let metrics = ada.get(&format!("/telemetry/metrics{day}")).await.json();
    let traces = ada
        .get(&format!("/telemetry/traces{day}&limit=200"))
        .await
        .json();
    let counted = metrics["total"]["count"].as_u64().unwrap();
    (counted, traces["traces"].as_array().unwrap().len())
}

/// Expects a response that makes an SDK retry.
#[track_caller]
fn assert_try_again(response: &Response) {
    response.problem(503, "unavailable");
    let seconds: u64 = response.header("retry-after").parse().unwrap();
    assert!((1..=5).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn a_failure_anywhere_in_a_batch_shows_nothing_and_a_retry_stores_all() {
    // A batch of one hour is a chunk and a summary; of three hours, three chunks and a
    // transaction.
    let places = [
        (1, "PutItem", 0),
        (1, "PutItem", 1),
        (3, "PutItem", 0),
        (3, "PutItem", 1),
        (3, "PutItem", 2),
        (3, "TransactWriteItems", 0),
    ];
    for fault in [Fault::Throttled, Fault::Broken, Fault::Hangs] {
        for (hours, operation, skip) in places {
            let (engine, _, ada, sdk) = start().await;
            let place = format!("{fault:?} at {operation} {skip} of {hours}");
            engine.fail(operation, fault, skip, usize::MAX);
            assert_try_again(&sdk.traces(batch(hours)).await);
            engine.heal();
            assert_eq!(visible(&ada, &sdk).await, (0, 0), "{place}");
            assert!(
                sdk.traces(batch(hours)).await.status.is_success(),
                "{place}"
            );
            let all = hours.unsigned_abs() * 3;
            let found = usize::try_from(all).unwrap();
            assert_eq!(visible(&ada, &sdk).await, (all, found), "{place}");
        }
    }
}

#[tokio::test]
async fn a_transient_failure_is_retried_by_the_server() {
    for fault in [
        Fault::Throttled,
        Fault::Broken,
        Fault::AnswerLost,
        Fault::Hangs,
    ] {
        for operation in ["PutItem", "TransactWriteItems"] {
            let (engine, _, ada, sdk) = start().await;
            engine.fail(operation, fault, 0, 1);
            let answer = sdk.traces(batch(3)).await;
            assert!(answer.status.is_success(), "{fault:?} {}", answer.text());
            assert_eq!(
                visible(&ada, &sdk).await,
                (9, 9),
                "{fault:?} at {operation}"
            );
        }
    }
}

#[tokio::test]
async fn a_retry_completes_a_write_whose_response_was_garbled() {
    for skip in [0, 1] {
        let (engine, _, ada, sdk) = start().await;
        engine.fail("PutItem", Fault::AnswerGarbled, skip, 1);
        let answer = sdk.traces(batch(1)).await;
        if !answer.status.is_success() {
            assert_try_again(&answer);
            assert!(sdk.traces(batch(1)).await.status.is_success());
        }
        assert_eq!(visible(&ada, &sdk).await, (3, 3));
    }
}

#[tokio::test]
async fn a_failed_key_read_or_lease_is_a_server_error() {
    for operation in ["GetItem", "UpdateItem"] {
        let (engine, backend, ada, sdk) = start().await;
        let elsewhere = Sdk {
            backend: backend.another_instance(),
            ..sdk.clone()
        };
        engine.fail_always(operation, Fault::Throttled);
        assert_try_again(&elsewhere.traces(batch(1)).await);
        engine.heal();
        assert!(elsewhere.traces(batch(1)).await.status.is_success());
        assert_eq!(visible(&ada, &sdk).await, (3, 3), "{operation}");
    }
}

#[tokio::test]
async fn reading_retries_unprocessed_keys_and_reports_failures() {
    let (engine, _, ada, sdk) = start().await;
    assert!(sdk.traces(batch(1)).await.status.is_success());
    for n in 0..3 {
        assert!(
            sdk.logs(sdk.log(&format!("line {n}")))
                .await
                .status
                .is_success()
        );
    }
    let logs = format!("/telemetry/logs?applicationId={}", sdk.application_id);
    // After the membership, two reads of the chunks return one each.
    engine.fail("BatchGetItem", Fault::Half, 1, 2);
    assert_eq!(
        ada.get(&logs).await.json()["logs"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    for (operation, fault) in [
        ("BatchGetItem", Fault::Throttled),
        ("Query", Fault::Throttled),
        ("Query", Fault::Hangs),
        ("Query", Fault::AnswerGarbled),
    ] {
        engine.heal();
        engine.fail_always(operation, fault);
        assert_try_again(&ada.get(&logs).await);
    }
}

//! DynamoDB errors: a transient one is 503 with `Retry-After` after some retries; any other is 500
//! with one error line that contains the cause.

use http::Method;
use serde_json::{Value, json};
use shared::base::ids::{ApplicationId, Environment};
use shared::base::random;

use crate::support::callers::parameters;
use crate::support::faulty_engine::{Fault, FaultyEngine};
use crate::support::log::Log;
use crate::support::{Backend, Response, SignedIn};

async fn start() -> (FaultyEngine, SignedIn) {
    let (engine, backend) = FaultyEngine::start().await;
    let ada = backend.sign_in("ada").await;
    backend.calls.take();
    (engine, ada)
}

/// A request that uses this DynamoDB operation.
async fn ask(ada: &SignedIn, operation: &str) -> Response {
    match operation {
        "GetItem" => ada.get("/me").await,
        "Query" => ada.get("/sessions").await,
        "BatchGetItem" => {
            let id = ApplicationId::generate(Environment::Production, &mut random::rng());
            ada.get(&format!("/applications/{id}")).await
        }
        "UpdateItem" => {
            let body = json!({ "refreshToken": ada.refresh_token });
            ada.post("/refresh", body).await
        }
        "TransactWriteItems" => ada.post("/applications", json!({ "name": "Shop" })).await,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn throttling_contention_and_an_unreachable_database_are_503() {
    for (operation, fault, tries) in [
        ("GetItem", Fault::Throttled, 3),
        ("Query", Fault::Broken, 3),
        ("UpdateItem", Fault::Throttled, 3),
        ("GetItem", Fault::Hangs, 3),
        ("BatchGetItem", Fault::NothingProcessed, 5),
        ("TransactWriteItems", Fault::CancelledForThrottling, 5),
        ("TransactWriteItems", Fault::CancelledForConflict, 5),
        ("TransactWriteItems", Fault::Throttled, 3),
    ] {
        let (engine, ada) = start().await;
        engine.fail_always(operation, fault);
        let answer = ask(&ada, operation).await;
        answer.problem(503, "unavailable");
        let seconds: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=5).contains(&seconds), "{operation} {fault:?}");
        let calls = ada.backend.calls.take();
        assert!(calls.len() <= tries, "{operation} {fault:?}: {calls:?}");
        assert!(calls.len() >= 2, "{operation} {fault:?}: {calls:?}");
    }
}

#[tokio::test]
async fn a_moment_of_throttling_or_contention_is_waited_out() {
    for (operation, fault) in [
        ("TransactWriteItems", Fault::CancelledForThrottling),
        ("TransactWriteItems", Fault::CancelledForConflict),
        ("BatchGetItem", Fault::NothingProcessed),
    ] {
        let (engine, ada) = start().await;
        engine.fail(operation, fault, 0, 4);
        let answer = ask(&ada, operation).await;
        let expected = if operation == "BatchGetItem" {
            404
        } else {
            201
        };
        assert_eq!(answer.status, expected, "{fault:?}: {}", answer.text());
        assert_eq!(ada.backend.calls.take(), vec![operation; 5], "{fault:?}");
    }
}

#[tokio::test]
async fn a_refused_permission_or_request_is_500_with_its_cause_in_one_error_line() {
    for operation in [
        "GetItem",
        "Query",
        "BatchGetItem",
        "UpdateItem",
        "TransactWriteItems",
    ] {
        for (fault, causes) in [
            (
                Fault::Denied,
                ["storage refused permission", "AccessDeniedException"],
            ),
            (
                Fault::Invalid,
                ["storage rejected the request", "ValidationException"],
            ),
            (
                Fault::Unknown,
                ["storage rejected the request", "NewException"],
            ),
        ] {
            let (engine, ada) = start().await;
            let log = Log::capture();
            engine.fail_always(operation, fault);
            let answer = ask(&ada, operation).await;
            assert_internal(&answer, &log, &causes);
            assert_eq!(ada.backend.calls.take().len(), 1, "{operation} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_cancelled_transaction_with_an_invalid_write_is_500_and_names_the_write() {
    let (engine, ada) = start().await;
    let log = Log::capture();
    engine.fail_always("TransactWriteItems", Fault::CancelledAsInvalid);
    let answer = ask(&ada, "TransactWriteItems").await;
    let causes = ["ValidationError", "check in upblit-refresh-tokens"];
    assert_internal(&answer, &log, &causes);
    assert_eq!(ada.backend.calls.take().len(), 1);
}

#[tokio::test]
async fn a_corrupt_item_is_500_with_its_cause_in_one_error_line() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    let update = backend.database.client.update_item();
    update
        .table_name(&backend.database.tables.applications)
        .key("application_id", string(&id))
        .key("sk", string("meta"))
        .update_expression("REMOVE created_ms")
        .send()
        .await
        .unwrap();
    let log = Log::capture();
    let answer = ada.get(&format!("/applications/{id}")).await;
    assert_internal(&answer, &log, &["a stored item is corrupt", "created_ms"]);
}

#[tokio::test]
async fn a_broken_condition_is_500_and_its_error_line_names_the_write() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    let user = ada.get("/me").await.json()["id"].clone();
    let update = backend.database.client.update_item();
    update
        .table_name(&backend.database.tables.users)
        .key("user_id", string(user.as_str().unwrap()))
        .update_expression("REMOVE applications")
        .send()
        .await
        .unwrap();
    let log = Log::capture();
    let path = format!("/applications/{id}");
    let answer = ada.send(Method::DELETE, &path, None).await;
    let causes = [
        "a condition that must hold failed",
        "update in upblit-users if applications > :none",
    ];
    assert_internal(&answer, &log, &causes);
    assert_eq!(ada.get(&path).await.status, 200, "nothing was written");
}

fn string(value: &str) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned())
}

/// Expects 500 without internal details, and one error line with all of the causes.
#[track_caller]
fn assert_internal(answer: &Response, log: &Log, causes: &[&str]) {
    answer.problem(500, "internal-error");
    let lines = error_lines(log);
    let [line] = &lines[..] else {
        panic!("{lines:?}");
    };
    for cause in causes {
        assert!(line.to_string().contains(cause), "{cause}: {line}");
        assert!(!answer.text().contains(cause), "{}", answer.text());
    }
}

fn error_lines(log: &Log) -> Vec<Value> {
    let lines = log.take();
    let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &Value| line["level"] == "ERROR")
        .collect()
}

#[tokio::test]
async fn a_sign_in_offers_to_try_again_only_where_that_may_help() {
    for (fault, reason) in [
        (Fault::Throttled, "unavailable"),
        (Fault::CancelledForConflict, "unavailable"),
        (Fault::Denied, "internal_error"),
        (Fault::Invalid, "internal_error"),
    ] {
        let (engine, backend) = FaultyEngine::start().await;
        let mut browser = backend.browser();
        let github = browser.start().await;
        let callback = browser.approve(&github, "ada").await;
        engine.fail_always("TransactWriteItems", fault);
        let location = browser.get(&callback).await.location();
        assert_eq!(parameters(location.query())["reason"], reason, "{fault:?}");
    }
}

//! The release binaries as AWS runs them: each under Lambda's Runtime Interface Emulator, with the
//! settings and the role of `template.yaml`, behind an HTTP API with the template's routes.
//!
//! `.ci/run emulator` runs these tests. They need the binaries (`LAMBDA_BINARIES`) and the program of
//! the emulator (`LAMBDA_EMULATOR`). docs/decisions/0093 says what is real here and what is not.

mod cors;
mod gateway;
mod instance;
mod roles;
mod stack;
mod stacks;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::{HeaderMap, Request};
use local::functions::{DASHBOARD, FUNCTIONS};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::events::{event, filled, of_account};
use crate::lambda::function::signal;
use crate::lambda::gate::Way;
use crate::lambda::size::{full_of_quotes, largest_questions};
use crate::routes::root;
use crate::support::upstream::Upstream;
use crate::support::{Response, Sdk};

use gateway::MAX_EVENT;
use instance::Instance;
use stack::{GRACE, Stack};
use stacks::Stacks;

/// Time between SIGTERM and SIGKILL that Lambda gives a function with an internal extension.
const END_LIMIT: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the release binaries and the emulator"]
async fn the_walkthrough_passes_without_a_call_that_a_role_refuses() {
    let stack = Stack::start().await;
    let mut walkthrough = Command::new("python3");
    walkthrough
        .arg("tests/walkthrough.py")
        .args(["--base-url", &stack.url])
        .args(["--grace-seconds", &GRACE.to_string()]);
    for instance in stack.functions.instances.values() {
        walkthrough.arg("--log").arg(&instance.log);
    }
    succeeds(&mut walkthrough).await;
    assert_eq!(stack.roles.refused(), Vec::<String>::new());
    let callers = stack.roles.callers();
    let functions: BTreeSet<String> = FUNCTIONS
        .iter()
        .map(|function| function.name.to_owned())
        .collect();
    let silent: Vec<_> = functions.difference(&callers).collect();
    assert_eq!(silent, [DASHBOARD]);
}

/// Each server that a spec starts is a stack of its own.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the release binaries, the emulator and a browser"]
async fn the_dashboard_passes_the_browser_tests() {
    let stacks = Stacks::default();
    let mut browser = Command::new("tests/browser/run.sh");
    browser.env("UPBLIT_STACKS", stacks.listen().await);
    // They mostly wait, so more run at a time than there are CPUs.
    browser.env("CONCURRENCY", "3");
    succeeds(&mut browser).await;
    assert_eq!(stacks.running().await, Vec::<String>::new());
}

/// Runs a command in the root of the repository, and expects it to succeed.
async fn succeeds(command: &mut Command) {
    let output = command.current_dir(root()).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{failed}");
}

#[tokio::test]
#[ignore = "needs the release binaries and the emulator"]
async fn a_call_outside_the_role_of_its_function_is_denied() {
    let stack = Stack::start().await;
    let engine = stack.roles.before(&stack.deployment.plain_engine).await;
    let engine = Upstream::new(&format!("http://{engine}"));
    let key = |table: &str, key: Value| json!({ "TableName": table, "Key": key });
    let api_key = json!({ "application_id": { "S": "a" }, "key_id": { "S": "k" } });
    let counter =
        |pk: &str| json!({ "TableName": "stack-ShortLivedTable-1", "Item": { "pk": { "S": pk } } });
    let keys = "stack-ApiKeysTable-1";
    for (function, operation, body, is_allowed) in [
        ("ingest", "GetItem", key(keys, api_key.clone()), true),
        ("dashboard", "GetItem", key(keys, api_key.clone()), false),
        ("nobody", "GetItem", key(keys, api_key.clone()), false),
        ("ingest", "DeleteItem", key(keys, api_key), false),
        ("apikey", "Scan", json!({ "TableName": keys }), false),
        ("apikey", "PutItem", counter("creation#1"), true),
        ("apikey", "PutItem", counter("quota#1"), false),
    ] {
        let (status, answer) = called(&engine, function, operation, &body).await;
        let name = format!("{function} {operation} {body}: {answer}");
        assert_eq!(status == 200, is_allowed, "{name}");
        assert_eq!(
            answer.contains("AccessDeniedException"),
            !is_allowed,
            "{name}"
        );
    }
}

async fn called(engine: &Upstream, function: &str, operation: &str, body: &Value) -> (u16, String) {
    let credential = format!("Credential={function}/20260101/eu-central-1/dynamodb/aws4_request");
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/x-amz-json-1.0".to_owned()),
        ("x-amz-target", format!("DynamoDB_20120810.{operation}")),
        ("x-amz-date", "20260101T000000Z".to_owned()),
        (
            "authorization",
            format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"),
        ),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    let answer = engine.post(headers, body.to_string().into()).await;
    let answer = Response::read(answer).await;
    (answer.status.as_u16(), answer.text())
}

#[tokio::test]
#[ignore = "needs the release binaries and the emulator"]
async fn a_function_with_the_role_of_another_stores_nothing() {
    let stack = Stack::start().await;
    let sdk = sdk(&stack).await;
    let values = vec![
        ("API_KEY", sdk.key.clone()),
        ("NOW", shared::base::clock::rfc3339(sdk.backend.clock.now())),
    ];
    let batch = filled(&event("ingest/traces"), &values);
    let limit = Duration::from_secs(8);
    for (role, expected) in [("ingest", 200), (DASHBOARD, 500)] {
        let instance = stack.instance("ingest", role, limit).await;
        let answer = answer(&instance, &batch).await;
        assert_eq!(answer["statusCode"], expected, "{role}: {answer}");
    }
    let refused = stack.roles.refused();
    let denied = "dashboard: dynamodb:GetItem on ApiKeysTable";
    assert!(
        refused.iter().any(|call| call.starts_with(denied)),
        "{refused:?}"
    );
}

#[tokio::test]
#[ignore = "needs the release binaries and the emulator"]
async fn an_event_beyond_the_limit_is_refused_and_one_just_below_it_is_served() {
    let stack = Stack::start().await;
    let sdk = sdk(&stack).await;
    let batch = sdk.batch(1).to_string();
    let send = async |bytes: usize| {
        // An event has less than 4 KB in addition to the body, including the escapes in it.
        let body = format!("{batch}{}", " ".repeat(bytes - batch.len()));
        let request = Request::post(format!("{}/ingest/traces", stack.url))
            .header("x-api-key", &sdk.key)
            .header("content-type", "application/json");
        stack.send(request.body(Body::from(body)).unwrap()).await
    };
    assert_eq!(send(MAX_EVENT - 4_096).await.json()["accepted"], 1);
    let refused = send(MAX_EVENT).await;
    assert_eq!(refused.status, 413);
    assert_eq!(refused.text(), r#"{"message":"Request Entity Too Large"}"#);
    assert_eq!(send(1_000).await.json()["accepted"], 1);
}

/// The emulator answers with an error instead of a response that is larger than Lambda's limit.
#[tokio::test]
#[ignore = "needs the release binaries and the emulator"]
async fn the_emulator_passes_on_the_largest_responses() {
    let stack = Stack::start().await;
    let telemetry = stack.function("telemetry");
    for (name, event) in largest_questions(&full_of_quotes(&stack.deployment.backend).await) {
        let answer = answer(telemetry, &event).await;
        assert_eq!(answer["statusCode"], 200, "{name}: {}", answer["body"]);
    }
}

#[tokio::test]
#[ignore = "needs the release binaries and the emulator"]
async fn a_handler_over_its_time_limit_is_ended_and_the_next_event_is_answered() {
    let stack = Stack::with_time_limit(Duration::from_secs(1)).await;
    let values = of_account(&stack.deployment.backend.sign_in("ada").await).await;
    let list = filled(&event("applications/list"), &values);
    let applications = stack.function("applications");
    // The function starts without a connection, so that the next event has to open one.
    stack.dynamodb.set(Way::Shut);
    let health = answer(applications, &event("ingest/health")).await;
    assert_eq!(health["statusCode"], 200);
    let before = applications.function().unwrap();

    stack.dynamodb.set(Way::Silent);
    let (_, said) = applications.invoke(&list).await;
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("Task timed out after 1.00 seconds"), "{said}");

    stack.dynamodb.set(Way::Open);
    let listed = answer(applications, &list).await;
    assert_eq!(listed["statusCode"], 200, "{listed}");
    assert_ne!(applications.function(), Some(before), "it was not ended");
}

#[tokio::test]
#[ignore = "needs the release binaries and the emulator"]
async fn sigterm_ends_every_function_at_once_and_loses_nothing() {
    let stack = Stack::start().await;
    let values = of_account(&stack.deployment.backend.sign_in("ada").await).await;
    let stored = traces(&stack, &values).await;
    for function in FUNCTIONS {
        let instance = stack.function(function.name);
        let sent = match function.name {
            "ingest" => filled(&event("ingest/traces"), &values),
            _ => event("ingest/health"),
        };
        assert_eq!(answer(instance, &sent).await["statusCode"], 200);
        // At once after the response, when Lambda may end an instance first.
        ends(instance, function.name).await;
        // The emulator reports the end with the next event, and then starts the function again.
        let (status, said) = instance.invoke(&event("ingest/health")).await;
        assert_eq!(status, 502, "{}", String::from_utf8_lossy(&said));
        let again = answer(instance, &event("ingest/health")).await;
        assert_eq!(again["statusCode"], 200, "{}", function.name);
    }
    assert_eq!(traces(&stack, &values).await, stored + 1);
}

/// The number of traces that the telemetry function lists.
async fn traces(stack: &Stack, values: &[(&str, String)]) -> usize {
    let list = filled(&event("telemetry/traces"), values);
    let listed = answer(stack.function("telemetry"), &list).await;
    assert_eq!(listed["statusCode"], 200, "{listed}");
    let body: Value = serde_json::from_str(listed["body"].as_str().unwrap()).unwrap();
    body["traces"].as_array().unwrap().len()
}

/// Sends SIGTERM to a function and waits for its end.
async fn ends(instance: &Instance, name: &str) {
    let process = instance.function().unwrap();
    signal("-TERM", process).await;
    let sent = Instant::now();
    while Path::new(&format!("/proc/{process}")).exists() {
        assert!(sent.elapsed() < END_LIMIT, "{name} still runs");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn sdk(stack: &Stack) -> Sdk {
    stack.deployment.backend.sign_in("eve").await.sdk().await
}

/// Invokes a function, which must respond.
async fn answer(instance: &Instance, event: &Value) -> Value {
    let (status, answer) = instance.invoke(event).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    serde_json::from_slice(&answer).unwrap()
}

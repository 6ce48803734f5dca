//! Unexpected events: each gets a response, and so does the event after it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use shared::telemetry::inflate::MAX_TEXT_BYTES;

use super::deployment::Deployment;
use super::function::Function;
use super::likeness::assert_alike;
use crate::events::{Answer, event, filled, invoke, values};
use crate::support::Response;

/// The ingest function, and two events that it answers with 200.
struct Odd {
    deployment: Deployment,
    ingest: Function,
    health: Value,
    traces: Value,
}

impl Odd {
    async fn start() -> Self {
        let deployment = Deployment::start().await;
        let traces = event("ingest/traces");
        let values = values(&deployment.backend, "ada", &traces).await;
        Self {
            ingest: deployment.function("ingest").await,
            health: event("ingest/health"),
            traces: filled(&traces, &values),
            deployment,
        }
    }

    async fn answer(&self, event: &Value) -> Response {
        self.ingest.answer(event).await
    }

    /// Expects 200.
    async fn is_accepted(&self, event: &Value) {
        let answer = self.answer(event).await;
        assert_eq!(answer.status, 200, "{event}: {}", answer.text());
    }

    /// Expects that the event fails (500 by API Gateway) and that the next ones succeed.
    /// Returns the message of the failure.
    async fn fails_alone(&self, event: &Value) -> String {
        let error = self.ingest.api.invoke(event.clone()).await.unwrap_err();
        self.is_accepted(&self.health).await;
        self.is_accepted(&self.traces).await;
        error["errorMessage"].as_str().unwrap().to_owned()
    }
}

/// The event with the value at `pointer` replaced or removed.
fn changed(event: &Value, pointer: &str, value: Option<Value>) -> Value {
    let mut event = event.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => parent.insert(name.to_owned(), value),
        None => parent.remove(name),
    };
    event
}

fn with(event: &Value, pointer: &str, value: impl Into<Value>) -> Value {
    changed(event, pointer, Some(value.into()))
}

fn without(event: &Value, pointer: &str) -> Value {
    changed(event, pointer, None)
}

/// The only known panic that an event can cause. API Gateway never sends such a body.
#[tokio::test]
async fn an_invalid_base64_body_fails_alone() {
    let odd = Odd::start().await;
    for body in ["{not base64", "=", "YQ=", "Y!==", "é"] {
        let event = with(&with(&odd.traces, "/isBase64Encoded", true), "/body", body);
        let failure = odd.fails_alone(&event).await;
        assert!(failure.contains("base64"), "{failure}");
    }
}

#[tokio::test]
async fn a_body_is_read_the_same_with_and_without_base64() {
    let odd = Odd::start().await;
    let body = STANDARD.encode(odd.traces["body"].as_str().unwrap());
    let encoded = with(&with(&odd.traces, "/isBase64Encoded", true), "/body", body);
    odd.is_accepted(&encoded).await;
    for empty in [json!(""), json!(null)] {
        let event = with(&odd.traces, "/body", empty);
        assert_eq!(odd.answer(&event).await.status, 400);
    }
}

#[tokio::test]
async fn the_host_header_does_not_change_the_response() {
    let odd = Odd::start().await;
    for host in [
        "",
        " ",
        "a b",
        "a:99999",
        "a:b",
        "a@b",
        "[::1",
        "a/../x?y#z",
        "é",
        "%",
    ] {
        let event = with(&odd.traces, "/headers/host", host);
        let event = with(&event, "/requestContext/domainName", host);
        odd.is_accepted(&event).await;
    }
    for scheme in ["", "ht tp", "javascript", "://"] {
        let event = with(&odd.traces, "/headers/x-forwarded-proto", scheme);
        odd.is_accepted(&event).await;
    }
}

#[tokio::test]
async fn optional_parts_of_an_event_may_be_missing() {
    let odd = Odd::start().await;
    let bare = json!({ "http": { "method": "GET", "path": "/health" } });
    for event in [
        with(&odd.health, "/headers", Value::Null),
        without(&odd.health, "/headers"),
        with(&odd.health, "/cookies", Value::Null),
        with(&odd.health, "/cookies", json!([])),
        with(&odd.health, "/cookies", json!(["a=b", "c=d; e=f", "é"])),
        with(&odd.health, "/pathParameters", Value::Null),
        with(&odd.health, "/queryStringParameters", Value::Null),
        with(&odd.health, "/stageVariables", Value::Null),
        without(&odd.health, "/rawQueryString"),
        without(&odd.health, "/requestContext/requestId"),
        with(&odd.health, "/requestContext", bare),
    ] {
        odd.is_accepted(&event).await;
    }
}

#[tokio::test]
async fn an_event_that_is_no_request_fails_alone() {
    let odd = Odd::start().await;
    for event in [
        json!({ "source": "serverless-plugin-warmup" }),
        json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} }),
        json!({ "Records": [] }),
        json!({}),
        json!([]),
        json!(7),
        json!(null),
        without(&odd.health, "/requestContext"),
        without(&odd.health, "/requestContext/http"),
        with(&odd.health, "/requestContext/http/method", "GE T"),
        with(&odd.health, "/headers/a b", "c"),
    ] {
        let failure = odd.fails_alone(&event).await;
        assert!(failure.contains("Amazon API Gateway"), "{failure}");
        assert_eq!(failure.matches("serverless-plugin").count(), 0, "{failure}");
    }
}

#[tokio::test]
async fn a_stage_or_the_base_path_of_a_domain_changes_nothing() {
    let odd = Odd::start().await;
    for (stage, before) in [
        ("prod", "/prod"),
        ("prod", ""),
        ("prod", "/v1"),
        ("prod", "/v1/api"),
        ("ingest", "/ingest"),
        ("ingest", ""),
        ("$default", "/v1"),
    ] {
        let path = format!("{before}/ingest/traces");
        let event = with(&odd.traces, "/requestContext/stage", stage);
        let event = with(&event, "/requestContext/http/path", path.clone());
        let event = with(&event, "/rawPath", path.clone());
        odd.is_accepted(&event).await;
    }
}

#[tokio::test]
async fn methods_paths_and_queries_get_the_responses_of_the_routers() {
    let odd = Odd::start().await;
    let mut events: Vec<Value> = ["HEAD", "OPTIONS", "TRACE", "PUT", "BREW"]
        .map(|method| with(&odd.health, "/requestContext/http/method", method))
        .into();
    let paths = [
        "/",
        "",
        "//health",
        "/health/",
        "/HEALTH",
        "/%2e%2e/x",
        "/health;x",
        "/he alth",
        "/é<>\"{}|^`",
        "/x\\y",
        "/health?x=1",
        "/health#x",
    ];
    // An event of no route, so that no part of its path is taken for a stage.
    let of_none = with(&odd.health, "/routeKey", "$default");
    events.extend(paths.map(|path| with(&of_none, "/rawPath", path)));
    for event in events {
        let path = event["rawPath"].as_str().unwrap();
        let answer = odd.answer(&event).await;
        // The path is decoded, so `?` and `#` are part of it, and no such route exists. `/` is a
        // route of another function.
        if path.contains(['?', '#']) || ["", "/"].contains(&path) {
            answer.problem(404, "not-found");
            continue;
        }
        let expected = invoke(&odd.deployment.backend, &event).await;
        let [answer, expected] = [answer, expected].map(Answer::of_nobody);
        assert_alike(path, &answer, &expected);
    }
}

#[tokio::test]
async fn unusual_queries_are_accepted() {
    let odd = Odd::start().await;
    for query in [
        "a=1&a=2",
        "&&=&",
        "%zz&%",
        "a= b",
        "a=<b>\"{}|^`\\",
        "a=#b",
        "é=\u{1}",
        "?",
    ] {
        let event = with(&odd.traces, "/rawQueryString", query);
        odd.is_accepted(&event).await;
    }
}

#[tokio::test]
async fn a_repeated_parameter_is_refused() {
    let deployment = Deployment::start().await;
    let apikey = deployment.function("apikey").await;
    let event = event("apikey/list");
    let event = filled(&event, &values(&deployment.backend, "ada", &event).await);
    let query = event["rawQueryString"].as_str().unwrap();
    let event = with(&event, "/rawQueryString", format!("{query}&{query}"));
    apikey
        .answer(&event)
        .await
        .problem(400, "malformed-request");
}

#[tokio::test]
async fn the_largest_headers_of_the_gateway_are_accepted() {
    let odd = Odd::start().await;
    let mut event = odd.traces.clone();
    for number in 0..100 {
        event["headers"][format!("x-{number:03}")] = "x".repeat(94).into();
    }
    odd.is_accepted(&event).await;
}

#[tokio::test]
async fn an_uncompressed_body_of_6_mib_is_accepted_and_one_byte_more_is_not() {
    let odd = Odd::start().await;
    let body = odd.traces["body"].as_str().unwrap();
    for (bytes, status) in [
        (MAX_TEXT_BYTES - 1, 200),
        (MAX_TEXT_BYTES, 200),
        (MAX_TEXT_BYTES + 1, 413),
    ] {
        let body = body.to_owned() + &" ".repeat(bytes - body.len());
        for (is_base64, body) in [(true, STANDARD.encode(&body)), (false, body)] {
            let event = with(&odd.traces, "/isBase64Encoded", is_base64);
            let event = with(&event, "/body", body);
            assert_eq!(
                odd.answer(&event).await.status,
                status,
                "{bytes} {is_base64}"
            );
        }
    }
}

//! Paths with duplicate and trailing slashes, as SDKs send them, to the routers and through API
//! Gateway. Paths with other faults, and paths of other functions, are not found.

use axum::body::Body;
use http::{Method, Request};
use local::functions::INGEST;
use serde_json::{Value, json};

use crate::events::{event, filled, of_account};
use crate::lambda::deployment::Deployment;
use crate::support::log::Log;
use crate::support::{Backend, Response, Sdk};

/// The routes of ingest. Each has a body whose response shows which route served it.
const ROUTES: [(&str, &str); 5] = [
    ("/ingest/traces", r#"{"traces":[{}]}"#),
    ("/ingest/logs", r#"{"logs":[{"timestamp":{}}]}"#),
    (
        "/v1/traces",
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}"#,
    ),
    (
        "/v1/logs",
        r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"x"}]}]}]}"#,
    ),
    (
        "/v1/metrics",
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{}]}}]}]}]}"#,
    ),
];

/// Paths that no `POST` serves.
const UNKNOWN: [&str; 25] = [
    "//",
    "/ingest",
    "//ingest//",
    "/traces",
    "/ingest/traces/x",
    "//INGEST/traces",
    "/ingest%2Ftraces",
    "/%2Fingest/traces",
    "/ingest/traces%2F",
    "/ingest/%2Ftraces/",
    "/./ingest/traces",
    "/x/../ingest/traces",
    "/x/../ingest/traces/",
    "//x/%2e%2e/ingest/traces",
    "/ingest/traces/.",
    "/ingest/traces;/",
    "/ingest/traces%20",
    "//refresh",
    "/logout/",
    "//oauth2/token",
    "//apikey",
    "/applications/",
    "//invites//accept",
    "//health",
    "/wp-login.php",
];

/// The path with additional slashes.
fn with_extra_slashes(path: &str) -> [String; 5] {
    let between = path.replace('/', "//");
    [
        format!("/{path}"),
        format!("{path}/"),
        format!("{path}//?a=b//c"),
        format!("/{between}/"),
        between,
    ]
}

async fn start() -> Sdk {
    let backend = Backend::start().await;
    backend.sign_in("ada").await.sdk().await
}

async fn post(sdk: &Sdk, path: &str, body: &str) -> Response {
    sdk.send(path, &[], body.as_bytes().to_vec()).await
}

#[tokio::test]
async fn telemetry_is_accepted_whatever_the_number_of_slashes() {
    let sdk = start().await;
    for (path, body) in ROUTES {
        let exact = post(&sdk, path, body).await;
        let said = exact.json().to_string();
        assert!(said.contains("reject"), "{path}: {said}");
        for path in with_extra_slashes(path) {
            let response = post(&sdk, &path, body).await;
            assert_eq!(response.json().to_string(), said, "{path}");
        }
    }
}

#[tokio::test]
async fn errors_have_the_form_of_the_route() {
    let mut sdk = start().await;
    sdk.key.push('x');
    for (path, body) in ROUTES {
        for path in with_extra_slashes(path) {
            let response = post(&sdk, &path, body).await;
            if path.contains("v1") {
                assert_eq!(response.status, 401, "{path}");
                let status: Value = serde_json::from_slice(&response.body).unwrap();
                assert_eq!(status["code"], 16, "{path}");
            } else {
                response.problem(401, "invalid-api-key");
            }
        }
    }
}

#[tokio::test]
async fn other_paths_and_other_methods_are_not_found_and_run_nothing() {
    let sdk = start().await;
    let (_, body) = ROUTES[0];
    sdk.backend.calls.take();
    for path in UNKNOWN {
        let response = post(&sdk, path, body).await;
        response.problem(404, "not-found");
    }
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
        for path in ["//ingest/traces", "/ingest/logs/", "//refresh", "//health"] {
            let request = Request::builder().method(&method).uri(path);
            let request = request.header("x-api-key", &sdk.key);
            let response = sdk.backend.send(request.body(Body::empty()).unwrap());
            response.await.problem(404, "not-found");
        }
    }
    assert_eq!(sdk.backend.calls.take(), [""; 0]);
}

/// The event of API Gateway for a `POST` whose path has no route of its own.
fn event_of(path: &str, body: &str) -> Value {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut event = event("ingest/traces_extra_slashes");
    event["rawPath"] = path.into();
    event["rawQueryString"] = query.into();
    event["requestContext"]["http"]["path"] = path.into();
    event["pathParameters"]["proxy"] = path[1..].into();
    event["body"] = body.into();
    event
}

#[tokio::test]
async fn the_function_responds_to_the_same_paths_as_the_routers() {
    let deployment = Deployment::start().await;
    let user = deployment.backend.sign_in("ada").await;
    let values = of_account(&user).await;
    let ingest = deployment.function(INGEST).await;
    let answer = async |path: &str, body: &str| {
        let event = filled(&event_of(path, body), &values);
        ingest.answer(&event).await
    };
    for (path, body) in ROUTES {
        for path in with_extra_slashes(path) {
            let said = answer(&path, body).await.json().to_string();
            assert!(said.contains("reject"), "{path}: {said}");
        }
    }
    let only_here = [
        "/x\\..\\ingest/traces",
        "/ingest/traces ",
        "/ingest\t/traces",
    ];
    for path in UNKNOWN.into_iter().chain(only_here) {
        let response = answer(path, ROUTES[0].1).await;
        response.problem(404, "not-found");
    }
}

#[tokio::test]
async fn the_request_log_has_the_route_and_not_the_path() {
    let log = Log::capture();
    let sdk = start().await;
    for (path, route) in [
        ("//ingest/traces", "/ingest/traces"),
        ("/v1/logs/", "/v1/logs"),
        ("/ingest/traces", "/ingest/traces"),
        ("//refresh", "/{*path}"),
        ("/secret", "/{*path}"),
    ] {
        log.take();
        post(&sdk, path, "{}").await;
        let lines = log.take();
        let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
        let routes: Vec<Value> = lines.map(|line: Value| line["route"].clone()).collect();
        assert_eq!(routes, [json!(route)], "{path}");
    }
}

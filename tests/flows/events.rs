//! The events of `events/`, in the form in which Lambda passes them to a function. With its
//! placeholders filled in, each gets the response that its table states.

mod fill;
mod github_keys;
mod replay;

use std::collections::BTreeSet;

use axum::body::Body;
use lambda_http::request::LambdaRequest;
use local::generated::events::{self, Case};
use serde_json::{Value, json};

use crate::routes::root;
use crate::support::callers::parameters;
use crate::support::{Backend, Response};

pub use fill::{Values, filled, of_account, values};
pub use github_keys::backend_over;
pub use replay::{Answer, replay};

/// The start of a sign-in with the challenge of RFC 7636, appendix B, as in
/// `oauth/start_with_challenge`. `oauth/token` has its verifier.
pub const START_WITH_CHALLENGE: &str = "/oauth2/authorization/github?code_challenge_method=S256\
     &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The PKCE verifier of that challenge.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// All events with their expected responses, by function and name.
pub fn cases() -> Vec<Case> {
    let cases = events::cases(&root()).unwrap();
    assert!(!cases.is_empty());
    cases
}

/// An event with its placeholders, as in its file.
pub fn event(name: &str) -> Value {
    let case = cases().into_iter().find(|case| case.name == name);
    case.unwrap_or_else(|| panic!("no event {name}")).event
}

#[tokio::test]
async fn every_completed_event_gets_the_response_of_its_table() {
    let mut failures = Vec::new();
    for replayed in &replay().await.events {
        let case = &replayed.case;
        let response = &replayed.router.response;
        let said = said(response);
        if response.status != case.status || !said.contains(&case.says) {
            failures.push(format!("{}: {} {said}", case.name, response.status));
        }
        failures.extend(untraced(&replayed.case, response));
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test]
async fn an_unchanged_event_causes_no_server_error() {
    let mut failures = Vec::new();
    for replayed in &replay().await.events {
        let response = &replayed.router_unfilled.response;
        if response.status.is_server_error() {
            let said = said(response);
            failures.push(format!(
                "{}: {} {said}",
                replayed.case.name, response.status
            ));
        }
        failures.extend(untraced(&replayed.case, response));
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn every_event_is_consistent() {
    let mut request_ids = BTreeSet::new();
    for Case { name, event, .. } in cases() {
        let text = |pointer: &str| text(&event, pointer).to_owned();
        assert_eq!(text("/version"), "2.0", "{name}");
        assert_eq!(text("/requestContext/stage"), "$default", "{name}");
        let method = text("/requestContext/http/method");
        let template = text("/routeKey");
        let (of_template, template) = template.split_once(' ').unwrap();
        assert_eq!(of_template, method, "{name}");
        let in_path = event["pathParameters"].as_object().into_iter().flatten();
        let path = in_path.fold(template.to_owned(), |path, (name, value)| {
            let value = value.as_str().unwrap();
            path.replace(&format!("{{{name}}}"), value)
                .replace(&format!("{{{name}+}}"), value)
        });
        assert_eq!(path, text("/rawPath"), "{name}");
        for (one, other) in [
            ("/requestContext/routeKey", "/routeKey"),
            ("/requestContext/http/path", "/rawPath"),
            ("/requestContext/domainName", "/headers/host"),
            ("/requestContext/http/sourceIp", "/headers/x-forwarded-for"),
            ("/requestContext/http/userAgent", "/headers/user-agent"),
        ] {
            assert_eq!(text(one), text(other), "{name}: {one}");
        }
        let query = json!(parameters(Some(&text("/rawQueryString"))));
        let parsed = event.get("queryStringParameters");
        assert_eq!(parsed.unwrap_or(&json!({})), &query, "{name}");
        let is_new = request_ids.insert(text("/requestContext/requestId"));
        assert!(is_new, "{name} has another event's request id");
    }
}

/// Converts an event to a request, as in Lambda, and sends it to the routers.
pub async fn invoke(backend: &Backend, event: &Value) -> Response {
    let event: LambdaRequest = serde_json::from_value(event.clone()).unwrap();
    let request: lambda_http::Request = event.into();
    backend.send(request.map(Body::new)).await
}

/// A failure message if an error response lacks the request id of its event.
fn untraced(case: &Case, response: &Response) -> Option<String> {
    if response.status.as_u16() < 400 {
        return None;
    }
    let id = text(&case.event, "/requestContext/requestId");
    let said = said(response);
    let is_traced = if response.header("content-type") == "application/problem+json" {
        let problem: Value = serde_json::from_slice(&response.body).unwrap();
        problem["requestId"] == id
    } else {
        said.contains(&format!("(request {id})"))
    };
    (!is_traced).then(|| format!("{}: request id {id} is missing: {said}", case.name))
}

/// The address of a redirect, or else the body.
fn said(response: &Response) -> String {
    match response.header("location") {
        "" => String::from_utf8_lossy(&response.body).into_owned(),
        location => location.to_owned(),
    }
}

#[track_caller]
fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    let value = event.pointer(pointer).and_then(Value::as_str);
    value.unwrap_or_else(|| panic!("no {pointer}: {event}"))
}

//! An HTTP API in front of the functions: the routes of `template.yaml`, events with payload version
//! 2, and the limits of an event.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use local::routes::Route;
use serde_json::{Map, Value, json};
use shared::base::clock::Clock;
use shared::base::random;

use super::stack::Functions;
use crate::lambda::function::response;
use crate::support::callers::parameters;

/// Maximum size of a request body in API Gateway, in bytes.
const MAX_BODY: usize = 10 * 1024 * 1024;

/// Maximum size of an event in Lambda, in bytes. The emulator itself has no limit for events.
pub const MAX_EVENT: usize = 6_291_556;

/// Passes a request to the function of its route.
pub async fn serve(State(functions): State<Functions>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let Some((route, in_path)) = route(&*functions.routes, method, path) else {
        return message(StatusCode::NOT_FOUND, "Not Found");
    };
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    };
    let event = event(route, in_path, &parts, &body);
    if event.to_string().len() > MAX_EVENT {
        return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    }
    let function = route.function.clone();
    // In a task of its own, because an event is completed even if its client is gone, and the next one
    // waits for it.
    let invoked = async move { functions.instances[&function].invoke(&event).await };
    let (status, answer) = tokio::spawn(invoked).await.unwrap();
    // Without a response from the function, the emulator's own message is not passed on.
    let answer = serde_json::from_slice::<Value>(&answer).ok();
    match answer.filter(|answer| status == 200 && answer["statusCode"].is_u64()) {
        Some(answer) => of_http(&answer),
        None => message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
    }
}

fn of_http(answer: &Value) -> Response {
    let answer = response(answer);
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// A response from API Gateway itself.
fn message(status: StatusCode, text: &str) -> Response {
    (status, axum::Json(json!({ "message": text }))).into_response()
}

/// The most specific route of a request, with the parameters in its path.
fn route<'a>(
    routes: impl IntoIterator<Item = &'a Route>,
    method: &str,
    path: &str,
) -> Option<(&'a Route, Map<String, Value>)> {
    let of_method = routes.into_iter().filter(|route| route.method == method);
    let matching = of_method.filter_map(|route| Some((route, in_path(&route.path, path)?)));
    matching
        .max_by_key(|(route, in_path)| (!route.path.ends_with("+}"), usize::MAX - in_path.len()))
}

/// The parameters of a path that matches a template.
fn in_path(template: &str, path: &str) -> Option<Map<String, Value>> {
    let mut in_path = Map::new();
    let mut rest = path.strip_prefix('/')?;
    for name in template.strip_prefix('/')?.split('/') {
        if let Some(name) = parameter(name, "+}") {
            in_path.insert(name.to_owned(), rest.into());
            return (!rest.is_empty()).then_some(in_path);
        }
        let (segment, after) = rest.split_once('/').unwrap_or((rest, ""));
        match parameter(name, "}") {
            Some(name) if !segment.is_empty() => {
                in_path.insert(name.to_owned(), segment.into());
            }
            _ if name == segment => {}
            _ => return None,
        }
        rest = after;
    }
    rest.is_empty().then_some(in_path)
}

fn parameter<'a>(name: &'a str, end: &str) -> Option<&'a str> {
    name.strip_prefix('{')?.strip_suffix(end)
}

/// The event of a request.
fn event(route: &Route, in_path: Map<String, Value>, parts: &Parts, body: &[u8]) -> Value {
    let path = parts.uri.path();
    let query = parts.uri.query().unwrap_or_default();
    let (body, is_base64) = encoded(&parts.headers, body);
    let mut event = json!({
        "version": "2.0",
        "routeKey": route.to_string(),
        "rawPath": path,
        "rawQueryString": query,
        "cookies": cookies(&parts.headers),
        "headers": headers(&parts.headers),
        "requestContext": context(route, parts),
        "body": body,
        "isBase64Encoded": is_base64,
    });
    if !in_path.is_empty() {
        event["pathParameters"] = in_path.into();
    }
    if !query.is_empty() {
        event["queryStringParameters"] = json!(parameters(Some(query)));
    }
    event
}

fn context(route: &Route, parts: &Parts) -> Value {
    let agent = parts.headers.get("user-agent");
    json!({
        "accountId": "123456789012",
        "apiId": "a1b2c3d4e5",
        "domainName": "127.0.0.1",
        "domainPrefix": "127",
        "http": {
            "method": route.method,
            "path": parts.uri.path(),
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": agent.map_or("", |agent| agent.to_str().unwrap()),
        },
        "requestId": random::base62(&mut random::rng(), 16),
        "routeKey": route.to_string(),
        "stage": "$default",
        "time": "31/Jan/2026:12:00:00 +0000",
        "timeEpoch": Clock::system().now().as_millisecond(),
    })
}

/// Headers by name, without cookies. Values of the same name are joined by commas.
fn headers(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let mut joined = BTreeMap::<&str, String>::new();
    for (name, value) in headers.iter().filter(|(name, _)| *name != "cookie") {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str())
            .and_modify(|values| *values = format!("{values},{value}"))
            .or_insert_with(|| value.to_string());
    }
    joined
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let all = headers.get_all("cookie").into_iter();
    all.flat_map(|value| value.to_str().unwrap().split("; "))
        .map(str::to_owned)
        .collect()
}

/// The body as text if its media type is JSON or text, or else in base64, and whether it is base64.
fn encoded(headers: &HeaderMap, body: &[u8]) -> (String, bool) {
    let header = |name: &str| {
        headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    };
    let media_type = header("content-type");
    let is_text = media_type.starts_with("application/json") || media_type.starts_with("text/");
    match std::str::from_utf8(body) {
        Ok(text) if is_text && header("content-encoding").is_empty() => (text.to_owned(), false),
        _ => (STANDARD.encode(body), true),
    }
}

#[test]
fn a_request_goes_to_the_most_specific_route() {
    let routes = crate::routes::deployed_routes();
    for (method, path, expected) in [
        ("GET", "/", "dashboard GET /"),
        ("GET", "/me", "applications GET /me"),
        ("GET", "/me/export", "applications GET /me/export"),
        (
            "GET",
            "/applications/a",
            "applications GET /applications/{id}",
        ),
        ("GET", "/assets/main.js", "dashboard GET /{proxy+}"),
        ("GET", "/refresh", "dashboard GET /{proxy+}"),
        ("POST", "/refresh", "refresh POST /refresh"),
        ("POST", "//v1/traces", "ingest POST /{proxy+}"),
    ] {
        let (found, _) = route(&routes, method, path).unwrap();
        assert_eq!(format!("{} {found}", found.function), expected);
    }
    assert_eq!(route(&routes, "PUT", "/me"), None);
    let (_, in_path) = route(&routes, "PATCH", "/applications/a/members/b").unwrap();
    assert_eq!(json!(in_path), json!({ "id": "a", "userId": "b" }));
}

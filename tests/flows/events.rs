//! The events of `events/`, as Lambda hands them to a function: every route has
//! one, and each is answered as it should be, filled in or as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use lambda_http::request::LambdaRequest;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::routes::{Route, root};
use crate::support::callers::parameters;
use crate::support::{Backend, Response};

/// What each event is answered with when it is filled in: the status, and
/// something that the address (of a redirect) or the body says.
const ANSWERS: &[(&str, u16, &str)] = &[
    ("apikey/leaked_keys", 200, r#""label":"false_positive""#),
    ("apikey/leaked_keys_forged", 401, "invalid-signature"),
    ("apikey/leaked_keys_unsigned", 401, "invalid-signature"),
    ("apikey/list", 200, r#""status":"active""#),
    ("apikey/list_unknown_application", 404, "not-found"),
    ("apikey/mint", 200, "upblit_live_"),
    ("apikey/mint_unknown_application", 404, "not-found"),
    ("apikey/mint_without_application", 400, "malformed-request"),
    ("apikey/mint_without_body", 200, "upblit_live_"),
    ("apikey/mint_without_scope", 400, "/scopes"),
    ("apikey/patch", 200, r#""status":"disabled""#),
    ("apikey/patch_nothing", 400, "malformed-request"),
    ("apikey/revoke", 204, ""),
    ("apikey/revoke_unknown", 404, "not-found"),
    ("apikey/rotate", 200, "upblit_live_"),
    ("apikey/rotate_too_long_overlap", 400, "/overlapSeconds"),
    ("applications/audit", 200, r#""action":"key.minted""#),
    ("applications/audit_forged_cursor", 400, "malformed-request"),
    ("applications/create", 201, r#""name":"Shop""#),
    ("applications/create_as_text", 415, "unsupported-media"),
    ("applications/create_without_name", 400, "name"),
    ("applications/delete", 204, ""),
    ("applications/delete_unknown", 404, "not-found"),
    ("applications/get", 200, r#""name":"Shop""#),
    ("applications/get_unknown", 404, "not-found"),
    ("applications/list", 200, r#""name":"Shop""#),
    ("applications/me", 200, r#""login":"#),
    ("applications/me_audit", 200, r#""entries":[{"#),
    ("applications/me_audit_without_token", 401, "invalid-access"),
    ("applications/me_none_alg", 401, "invalid-access"),
    ("applications/me_without_token", 401, "invalid-access"),
    ("applications/rename", 200, r#""name":"Café""#),
    ("applications/rename_blank", 400, "/name"),
    (
        "applications/settings",
        200,
        r#""retentionDays":7,"shards":4"#,
    ),
    ("applications/settings_out_of_range", 400, "/retentionDays"),
    ("ingest/health", 200, ""),
    ("ingest/logs", 200, r#""accepted":2,"rejected":0"#),
    ("ingest/logs_no_key", 401, "invalid-api-key"),
    ("ingest/logs_without_array", 400, "malformed-request"),
    ("ingest/otlp_logs", 200, ""),
    ("ingest/otlp_logs_as_traces_json", 400, r#""code":3"#),
    ("ingest/otlp_logs_json", 200, "{}"),
    ("ingest/otlp_logs_no_key_json", 401, r#""code":16"#),
    ("ingest/otlp_traces", 200, ""),
    ("ingest/otlp_traces_as_text", 415, r#""code":3"#),
    ("ingest/otlp_traces_empty", 200, ""),
    ("ingest/otlp_traces_gzip", 200, ""),
    ("ingest/otlp_traces_json", 200, "{}"),
    ("ingest/otlp_traces_no_key", 401, "no API key was sent"),
    (
        "ingest/otlp_traces_partly_bad",
        200,
        "/spans/1/traceId must be",
    ),
    (
        "ingest/otlp_traces_partly_bad_json",
        200,
        r#""rejectedSpans":"1""#,
    ),
    ("ingest/otlp_traces_truncated", 400, "ends early"),
    ("ingest/traces", 200, r#""accepted":2,"rejected":0"#),
    ("ingest/traces_bad_json", 400, "malformed-request"),
    ("ingest/traces_gzip", 200, r#""accepted":2,"rejected":0"#),
    ("ingest/traces_gzip_read_as_text", 400, "as if it were text"),
    ("ingest/traces_malformed_key", 401, "invalid-api-key"),
    ("ingest/traces_no_key", 401, "invalid-api-key"),
    ("ingest/traces_of_another_type", 415, "unsupported-media"),
    ("ingest/traces_partly_bad", 200, r#""rejected":1"#),
    ("ingest/traces_two_keys", 401, "invalid-api-key"),
    ("ingest/traces_wrong_key", 401, "invalid-api-key"),
    ("oauth/callback", 302, "/oauth-success#token="),
    ("oauth/callback_denied", 302, "reason=access_denied"),
    ("oauth/callback_forged_state", 302, "reason=invalid_state"),
    ("oauth/callback_of_two_tabs", 302, "/oauth-success#"),
    ("oauth/callback_without_cookie", 302, "reason=invalid_state"),
    ("oauth/callback_without_state", 302, "reason=invalid_state"),
    ("oauth/start", 302, "/login/oauth/authorize?"),
    ("oauth/start_with_challenge", 302, "/login/oauth/authorize?"),
    ("oauth/start_with_plain_challenge", 302, "=invalid_request"),
    ("oauth/start_with_return_to", 302, "/login/oauth/authorize?"),
    ("oauth/token", 200, r#""tokenType":"Bearer""#),
    ("oauth/token_forged_code", 400, "invalid-code"),
    ("oauth/token_wrong_verifier", 400, "invalid-code"),
    ("refresh/logout", 204, ""),
    ("refresh/logout_forged", 204, ""),
    ("refresh/refresh", 200, r#""tokenType":"Bearer""#),
    ("refresh/refresh_forged", 401, "invalid-refresh-token"),
    ("refresh/refresh_form", 415, "unsupported-media"),
    ("refresh/refresh_malformed", 400, "malformed-request"),
    ("refresh/revoke_all_sessions", 204, ""),
    ("refresh/revoke_other_sessions", 204, ""),
    ("refresh/revoke_session", 204, ""),
    ("refresh/revoke_unknown_session", 404, "not-found"),
    ("refresh/sessions", 200, r#""current":true"#),
    ("refresh/sessions_without_token", 401, "invalid-access"),
    ("telemetry/logs", 200, r#""logs":[{"timestamp""#),
    ("telemetry/logs_backwards", 400, "/from"),
    ("telemetry/metrics", 200, r#""stepSeconds":900"#),
    ("telemetry/metrics_odd_step", 400, "/step"),
    ("telemetry/trace", 200, r#""traceId":"trace-0""#),
    ("telemetry/trace_unknown", 404, "not-found"),
    ("telemetry/traces", 200, r#""traces":[{"traceId":"trace-0""#),
    ("telemetry/traces_forged_cursor", 400, "/cursor"),
    ("telemetry/traces_of_someone_else", 404, "not-found"),
    ("telemetry/traces_unknown_status", 400, "/status"),
    ("telemetry/traces_without_token", 401, "invalid-access"),
];

/// RFC 7636 appendix B, as in `oauth/start_with_challenge`; `oauth/token` has its verifier.
pub const START_WITH_CHALLENGE: &str = "/oauth2/authorization/github?code_challenge_method=S256\
     &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What meets it.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// The key that GitHub signed the sample of its documentation with: `apikey/leaked_keys`.
const GITHUB_KEY_ID: &str = "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c";
const GITHUB_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYAGMWO8XgCamYKMJS6jc/qgvSlAd\n\
    AjPuDPRcXU22YxgBrz+zoN19MzuRyW87qEt9/AmtoNP5GrobzUvQSyJFVw==\n\
    -----END PUBLIC KEY-----\n";

#[tokio::test]
async fn every_event_filled_in_is_answered_as_it_should_be() {
    let backend = backend().await;
    let mut events = events();
    for (index, (name, status, said)) in ANSWERS.iter().enumerate() {
        let event = events.remove(*name);
        let event = event.unwrap_or_else(|| panic!("no events/{name}.json"));
        // Each has an account of its own, so that none sees what another did.
        let event = filled(&event, &values(&backend, &format!("user-{index}")).await);
        let response = invoke(&backend, &event).await;
        let told = told(&response);
        assert_eq!(response.status, *status, "{name}: {told}");
        assert!(told.contains(said), "{name}: {told}");
        assert_traced(name, &event, &response);
    }
    assert!(events.is_empty(), "not in ANSWERS: {:?}", events.keys());
}

#[tokio::test]
async fn an_event_as_it_is_in_the_file_is_answered_too() {
    let backend = backend().await;
    for (name, event) in events() {
        let response = invoke(&backend, &event).await;
        let status = response.status;
        assert!(
            status.is_success() || status.is_redirection() || status.is_client_error(),
            "{name}: {status} {}",
            told(&response)
        );
        assert_traced(&name, &event, &response);
    }
}

#[test]
fn every_event_agrees_with_itself() {
    let mut request_ids = BTreeSet::new();
    for (name, event) in events() {
        let text = |pointer: &str| text(&event, pointer).to_owned();
        assert_eq!(text("/version"), "2.0", "{name}");
        assert_eq!(text("/requestContext/stage"), "$default", "{name}");
        let (method, template) = (text("/requestContext/http/method"), text("/routeKey"));
        let (of_template, template) = template.split_once(' ').unwrap();
        assert_eq!(of_template, method, "{name}");
        let id = event["pathParameters"]["id"].as_str().unwrap_or_default();
        assert_eq!(template.replace("{id}", id), text("/rawPath"), "{name}");
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

/// What Lambda does with an event, and then what the function does.
pub async fn invoke(backend: &Backend, event: &Value) -> Response {
    let event: LambdaRequest = serde_json::from_value(event.clone()).unwrap();
    let request: lambda_http::Request = event.into();
    backend.send(request.map(Body::new)).await
}

/// An error carries the request id of its event.
#[track_caller]
fn assert_traced(name: &str, event: &Value, response: &Response) {
    if response.status.as_u16() < 400 {
        return;
    }
    let id = text(event, "/requestContext/requestId");
    if response.header("content-type") == "application/problem+json" {
        let problem: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(problem["requestId"], id, "{name}: {problem}");
    } else {
        let told = told(response);
        assert!(told.contains(&format!("(request {id})")), "{name}: {told}");
    }
}

/// The address of a redirect, and the body of anything else.
fn told(response: &Response) -> String {
    match response.header("location") {
        "" => String::from_utf8_lossy(&response.body).into_owned(),
        location => location.to_owned(),
    }
}

/// An event with these in the place of its `{{…}}`: in a base64 or gzip body too.
pub fn filled(event: &Value, values: &[(&str, String)]) -> Value {
    let fill = |text: String| {
        values.iter().fold(text, |text, (name, value)| {
            text.replace(&format!("{{{{{name}}}}}"), value)
        })
    };
    let mut event: Value = serde_json::from_str(&fill(event.to_string())).unwrap();
    if event["isBase64Encoded"] == true {
        let body = STANDARD.decode(text(&event, "/body")).unwrap();
        let body = if event["headers"]["content-encoding"] == "gzip" {
            let mut inflated = Vec::new();
            GzDecoder::new(&body[..])
                .read_to_end(&mut inflated)
                .unwrap();
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            packed.write_all(&filled_bytes(inflated, values)).unwrap();
            packed.finish().unwrap()
        } else {
            filled_bytes(body, values)
        };
        event["body"] = STANDARD.encode(body).into();
    }
    assert!(!event.to_string().contains("{{"), "not filled in: {event}");
    event
}

/// The same of bytes. `{{NOW8}}` is as long as what it stands for, a `fixed64`
/// of protobuf, so that the messages around it keep their lengths.
fn filled_bytes(body: Vec<u8>, values: &[(&str, String)]) -> Vec<u8> {
    let nanos = values.iter().find(|(name, _)| *name == "NOW_NANOS");
    let nanos: u64 = nanos.unwrap().1.parse().unwrap();
    let body = replaced(&body, b"{{NOW8}}", &nanos.to_le_bytes());
    values.iter().fold(body, |body, (name, value)| {
        replaced(
            &body,
            format!("{{{{{name}}}}}").as_bytes(),
            value.as_bytes(),
        )
    })
}

fn replaced(mut bytes: &[u8], pattern: &[u8], by: &[u8]) -> Vec<u8> {
    let mut made = Vec::new();
    while let [first, rest @ ..] = bytes {
        if let Some(rest) = bytes.strip_prefix(pattern) {
            made.extend_from_slice(by);
            bytes = rest;
        } else {
            made.push(*first);
            bytes = rest;
        }
    }
    made
}

/// What someone who has an application with a key would fill in; and what their
/// browsers bring along from GitHub, with a code and with a challenge.
pub async fn values(backend: &Backend, login: &str) -> Vec<(&'static str, String)> {
    let user = backend.sign_in(login).await;
    let sdk = user.sdk().await;
    assert!(sdk.traces(sdk.batch(1)).await.status.is_success());
    assert!(sdk.logs(sdk.log("paid")).await.status.is_success());
    let session = user.get("/sessions").await.json()["sessions"][0]["id"].clone();

    let mut browser = backend.browser();
    let github = browser.start().await;
    let callback = browser.approve(&github, login).await;
    let mut callback = parameters(callback.split_once('?').map(|(_, query)| query));
    let (cookie_name, cookie) = browser.cookies.pop_first().unwrap();

    let mut page = backend.browser();
    let github = page.get(START_WITH_CHALLENGE).await.location();
    let back = page.approve(&github, login).await;
    let success = page.get(&back).await.location();
    let handoff = parameters(success.query())["code"].clone();

    vec![
        ("ACCESS_TOKEN", user.token),
        ("REFRESH_TOKEN", user.refresh_token),
        ("SESSION_ID", session.as_str().unwrap().to_owned()),
        ("APPLICATION_ID", sdk.application_id.clone()),
        ("KEY_ID", sdk.key_id()),
        ("API_KEY", sdk.key),
        ("NOW", shared::base::clock::rfc3339(backend.clock.now())),
        ("NOW_NANOS", backend.clock.now().as_nanosecond().to_string()),
        ("LOGIN_COOKIE_NAME", cookie_name),
        ("LOGIN_COOKIE", cookie),
        ("STATE", callback.remove("state").unwrap()),
        ("CODE", callback.remove("code").unwrap()),
        ("HANDOFF_CODE", handoff),
    ]
}

/// A backend that finds GitHub's key where GitHub publishes it.
pub async fn backend() -> Backend {
    Backend::with(&[(GITHUB_KEYS_URL, &github_keys().await)]).await
}

/// The same over a database that is reached at `engine`, with more settings.
pub async fn backend_over(engine: &str, settings: &[(&str, &str)]) -> Backend {
    let github_keys = github_keys().await;
    let settings = [settings, &[(GITHUB_KEYS_URL, &github_keys)]].concat();
    Backend::over(engine, &settings).await
}

const GITHUB_KEYS_URL: &str = "GITHUB_SECRET_SCANNING_KEYS_URL";

/// Publishes GitHub's key; returns where.
async fn github_keys() -> String {
    let key = json!({ "key_identifier": GITHUB_KEY_ID, "key": GITHUB_KEY, "is_current": true });
    let keys = json!({ "public_keys": [key] }).to_string();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let router = Router::new().route("/keys", get(async move || keys));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// The routes that the events ask for.
pub fn routes_of_events() -> BTreeSet<Route> {
    let routes = events().into_iter().map(|(name, event)| {
        let function = name.split('/').next().unwrap();
        let (method, path) = text(&event, "/routeKey").split_once(' ').unwrap();
        (function.to_owned(), method.to_owned(), path.to_owned())
    });
    routes.collect()
}

/// All events, by `<function>/<case>`.
pub fn events() -> BTreeMap<String, Value> {
    let mut events = BTreeMap::new();
    for function in folder(&root().join("events")) {
        if !function.is_dir() {
            continue;
        }
        for file in folder(&function) {
            let [function, case] =
                [&function, &file].map(|path| path.file_stem().unwrap().to_str().unwrap());
            let event = serde_json::from_str(&fs::read_to_string(&file).unwrap());
            let event = event.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            events.insert(format!("{function}/{case}"), event);
        }
    }
    assert!(!events.is_empty());
    events
}

fn folder(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[track_caller]
fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    let value = event.pointer(pointer).and_then(Value::as_str);
    value.unwrap_or_else(|| panic!("no {pointer}: {event}"))
}

//! The function that serves the dashboard: its files, their headers and what it does not serve.

mod config;

use std::collections::BTreeSet;
use std::io::Read;

use axum::body::Body;
use flate2::read::GzDecoder;
use http::{Method, Request};
use local::functions::DASHBOARD;
use serde_json::Value;

use crate::events::event;
use crate::lambda::deployment::Deployment;
use crate::support::{Backend, Response};

const DOCUMENTS: [&str; 3] = ["/", "/login", "/oauth-success"];

/// Requests that a page may make before it can be used: including the one for the page, not those to the
/// API.
const MAX_REQUESTS: usize = 6;

async fn get(backend: &Backend, path: &str, headers: &[(&str, &str)]) -> Response {
    send(backend, Method::GET, path, headers).await
}

async fn send(backend: &Backend, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = Request::builder().method(method).uri(path);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    backend.send(request.body(Body::empty()).unwrap()).await
}

/// Addresses that a document loads, as paths.
fn loaded(html: &str) -> BTreeSet<String> {
    let attributes = html.lines().filter(|line| {
        line.starts_with("<link") || line.starts_with("<script") || line.starts_with("<img")
    });
    let values = attributes.flat_map(|line| {
        ["src=\"", "href=\""]
            .into_iter()
            .filter_map(|name| Some(line.split_once(name)?.1.split_once('"')?.0))
    });
    values.map(|value| format!("/{value}")).collect()
}

/// Paths of everything that the function serves.
async fn all_paths(backend: &Backend) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for document in DOCUMENTS.into_iter().chain(["/docs"]) {
        paths.insert(document.to_owned());
        let html = get(backend, document, &[])
            .await
            .text()
            .replace("><", ">\n<");
        paths.extend(loaded(&html));
    }
    paths.insert("/openapi.json".to_owned());
    paths
}

#[tokio::test]
async fn a_page_makes_few_requests_all_of_them_to_relative_addresses() {
    let backend = Backend::start().await;
    for document in DOCUMENTS {
        let html = get(&backend, document, &[]).await.text();
        let loaded = loaded(&html);
        assert!(loaded.len() < MAX_REQUESTS, "{document}: {loaded:?}");
        assert!(loaded.len() >= 4, "{document}: {loaded:?}");
        for path in loaded {
            assert!(!path.contains("//"), "{document}: {path} is not relative");
            let response = get(&backend, &path, &[]).await;
            assert_eq!(response.status, 200, "{path}");
            if path.ends_with(".js") && path != "/config.js" {
                assert_imports_only_config(&path, &response.text());
            }
        }
    }
    assert!(backend.calls.take().is_empty());
}

/// A module that imported another one would need a further request.
#[track_caller]
fn assert_imports_only_config(path: &str, script: &str) {
    let imports: Vec<&str> = script
        .lines()
        .filter(|line| line.starts_with("import ") && line.contains(" from \"."))
        .collect();
    let is_module = !path.contains("theme");
    let config = is_module.then_some("import * as $config from \"../config.js\";");
    let expected = Vec::from_iter(config);
    assert_eq!(imports, expected, "{path}");
}

#[tokio::test]
async fn every_file_has_the_security_headers() {
    let backend = Backend::start().await;
    let paths = all_paths(&backend).await;
    assert!(paths.len() > 10, "{paths:?}");
    for path in paths {
        let response = get(&backend, &path, &[]).await;
        for (name, value) in [
            (
                "strict-transport-security",
                "max-age=31536000; includeSubDomains",
            ),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(response.header(name), value, "{path}");
        }
        let policy = response.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none';"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        for unsafe_source in ["'unsafe", "*;", "http:", "data:", "blob:"] {
            // The GitHub of the tests is the stand-in on this machine.
            let policy = policy.replace("http://127.0.0.1", "");
            assert!(!policy.contains(unsafe_source), "{path}: {policy}");
        }
        let has_scripts = path != "/docs";
        assert_eq!(policy.contains("script-src 'self'"), has_scripts, "{path}");
        assert_eq!(
            policy.contains("require-trusted-types-for 'script'"),
            has_scripts,
            "{path}"
        );
    }
}

#[tokio::test]
async fn addresses_with_a_hash_are_cached_forever_and_others_are_revalidated() {
    let backend = Backend::start().await;
    for path in all_paths(&backend).await {
        let response = get(&backend, &path, &[]).await;
        let expected = if path.starts_with("/assets/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        assert_eq!(response.header("cache-control"), expected, "{path}");
        if path == "/config.js" {
            continue;
        }
        assert_eq!(response.header("vary"), "accept-encoding", "{path}");
        let etag = response.header("etag").to_owned();
        let strong = etag.trim_start_matches("W/");
        for known in [&*etag, strong, "*", &format!("\"other\", {etag}")] {
            let headers = [("if-none-match", known), ("accept-encoding", "br")];
            let again = get(&backend, &path, &headers).await;
            assert_eq!(again.status, 304, "{path}: {known}");
            assert!(again.body.is_empty(), "{path}");
            for name in ["etag", "cache-control", "vary", "content-security-policy"] {
                assert_eq!(again.header(name), response.header(name), "{path}");
            }
        }
        for unknown in ["\"other\"", "W/\"\"", "other"] {
            let changed = get(&backend, &path, &[("if-none-match", unknown)]).await;
            assert_eq!(changed.status, 200, "{path}: {unknown}");
        }
    }
}

#[tokio::test]
async fn files_are_sent_in_the_encoding_that_the_client_accepts() {
    let backend = Backend::start().await;
    for path in all_paths(&backend).await {
        if path == "/config.js" {
            continue;
        }
        let plain = get(&backend, &path, &[]).await;
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        let gzip = get(&backend, &path, &[("accept-encoding", "gzip")]).await;
        assert_eq!(gzip.header("content-encoding"), "gzip", "{path}");
        let mut inflated = Vec::new();
        GzDecoder::new(&*gzip.body)
            .read_to_end(&mut inflated)
            .unwrap();
        assert_eq!(inflated, plain.body, "{path}");
        let browser = [("accept-encoding", "gzip, deflate, br, zstd")];
        let brotli = get(&backend, &path, &browser).await;
        assert_eq!(brotli.header("content-encoding"), "br", "{path}");
        let is_smaller = brotli.body.len() < plain.body.len() || plain.body.len() < 200;
        assert!(is_smaller, "{path}");
        for response in [gzip, brotli] {
            let content_type = response.header("content-type");
            assert_eq!(content_type, plain.header("content-type"), "{path}");
            assert_eq!(response.header("etag"), plain.header("etag"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_head_request_gets_the_headers_alone() {
    let backend = Backend::start().await;
    for path in ["/", "/docs", "/config.js"] {
        let whole = get(&backend, path, &[]).await;
        let head = send(&backend, Method::HEAD, path, &[]).await;
        assert_eq!(head.status, 200, "{path}");
        assert!(head.body.is_empty(), "{path}");
        assert_eq!(head.headers, whole.headers, "{path}");
    }
}

#[tokio::test]
async fn unknown_paths_get_an_error_and_never_a_page() {
    let backend = Backend::start().await;
    let dashboard = Deployment::start().await;
    let dashboard = dashboard.function(DASHBOARD).await;
    for path in [
        "/index.html",
        "/login/",
        "/LOGIN",
        "//login",
        "/assets/",
        "/assets/main-0000000000000000.js",
        "/assets/../Cargo.toml",
        "/assets/%2e%2e/Cargo.toml",
        "/app/main.js",
        "/README.md",
        "/.env",
        "/wp-login.php",
        "/applications/a/b/c",
        "/telemetry/spans",
        "/v1/profiles",
    ] {
        let response = get(&backend, path, &[("accept", "text/html")]).await;
        assert_no_page(path, &response);
        assert_no_page(path, &dashboard.answer(&event_of(path)).await);
    }
}

/// The event of API Gateway for a path that has no other route.
fn event_of(path: &str) -> Value {
    let mut event = event("dashboard/unknown_path");
    event["rawPath"] = path.into();
    event["requestContext"]["http"]["path"] = path.into();
    event["pathParameters"]["proxy"] = path[1..].into();
    event
}

#[tokio::test]
async fn every_file_arrives_through_api_gateway() {
    let deployment = Deployment::start().await;
    let dashboard = deployment.function(DASHBOARD).await;
    for path in all_paths(&deployment.backend).await {
        if path == "/" {
            continue;
        }
        for encoding in ["identity", "br"] {
            let mut event = event_of(&path);
            event["headers"]["accept-encoding"] = encoding.into();
            let accepted = [("accept-encoding", encoding)];
            let expected = get(&deployment.backend, &path, &accepted).await;
            let response = dashboard.answer(&event).await;
            assert_eq!(response.status, 200, "{path}");
            assert_eq!(response.body, expected.body, "{path} {encoding}");
        }
    }
}

#[track_caller]
fn assert_no_page(path: &str, response: &Response) {
    assert_eq!(response.status, 404, "{path}");
    assert_eq!(response.header("cache-control"), "no-store", "{path}");
    if path.starts_with("/v1/") {
        // OpenTelemetry SDKs expect a status message.
        assert_eq!(
            response.header("content-type"),
            "application/json",
            "{path}"
        );
    } else {
        response.problem(404, "not-found");
    }
}

/// In AWS, such a request reaches the dashboard (docs/decisions/0016, 0073).
#[tokio::test]
async fn a_get_of_a_path_that_takes_another_method_is_not_found_in_aws() {
    let deployment = Deployment::start().await;
    let dashboard = deployment.function(DASHBOARD).await;
    for path in ["/refresh", "/ingest/traces", "/v1/logs", "/apikey/x/rotate"] {
        assert_no_page(path, &dashboard.answer(&event_of(path)).await);
    }
}

#[tokio::test]
async fn the_description_is_that_of_the_api() {
    let backend = Backend::start().await;
    let served = get(&backend, "/openapi.json", &[]).await;
    assert_eq!(served.header("content-type"), "application/json");
    assert_eq!(served.text(), local::openapi::text());
}

/// Signing in with the dashboard that the API serves: no other host is involved.
#[tokio::test]
async fn without_another_frontend_a_sign_in_ends_at_the_address_of_the_api() {
    let elsewhere = Backend::start().await;
    let backend = elsewhere.redeployed_without("FRONTEND_URL");
    let mut page = backend.browser();
    let github = page.get("/oauth2/authorization/github").await.location();
    let back = page.approve(&github, "ada").await;
    let end = page.get(&back).await.location();
    assert_eq!(
        end.origin().ascii_serialization(),
        backend.setting("PUBLIC_URL")
    );
    assert_eq!(end.path(), "/oauth-success");
    assert_eq!(get(&backend, end.path(), &[]).await.status, 200);
}

//! Behaviour that all routes share: unknown paths and methods, headers, access tokens.

mod api_key_forms;
mod ended_session;
mod protected;

use axum::body::Body;
use http::header::AUTHORIZATION;
use http::{Method, Request};
use serde_json::json;

use crate::support::backend::JWT_SECRET;
use crate::support::{Backend, Response};

async fn send(backend: &Backend, method: Method, path: &str) -> Response {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Body::empty())
        .unwrap();
    backend.send(request).await
}

#[tokio::test]
async fn health_makes_no_database_call() {
    let backend = Backend::start().await;
    assert_eq!(send(&backend, Method::GET, "/health").await.status, 200);
    assert_eq!(send(&backend, Method::HEAD, "/health").await.status, 200);
    assert!(backend.calls.take().is_empty());
}

#[tokio::test]
async fn unknown_paths_are_404_and_unknown_methods_are_405_with_allow() {
    let backend = Backend::start().await;
    for path in [
        "/nothing",
        "//nothing",
        "//refresh",
        "/ingest/",
        "/INGEST/traces",
        "/ingest/%2e%2e/me",
        "/ingest/traces;x",
        "/ingest%5Ctraces",
        "/applications/",
        "/apikey/",
    ] {
        send(&backend, Method::POST, path)
            .await
            .problem(404, "not-found");
    }
    let response = send(&backend, Method::GET, "/refresh").await;
    response.problem(405, "method-not-allowed");
    assert_eq!(response.header("allow"), "POST");
    let response = send(&backend, Method::POST, "/").await;
    response.problem(405, "method-not-allowed");
    assert_eq!(response.header("allow"), "GET,HEAD");
    let response = send(&backend, Method::PUT, "/applications").await;
    response.problem(405, "method-not-allowed");
    assert_eq!(response.header("allow"), "GET,HEAD,POST");
    send(&backend, Method::TRACE, "/me")
        .await
        .problem(405, "method-not-allowed");
    assert!(backend.calls.take().is_empty());
}

#[tokio::test]
async fn every_response_has_the_security_headers() {
    let backend = Backend::start().await;
    for (method, path) in [
        (Method::GET, "/health"),
        (Method::GET, "/nothing"),
        (Method::GET, "/refresh"),
        (Method::GET, "/me"),
        (Method::GET, "/oauth2/authorization/github"),
        (Method::POST, "/ingest/traces"),
    ] {
        let response = send(&backend, method, path).await;
        assert_eq!(
            response.header("x-content-type-options"),
            "nosniff",
            "{path}"
        );
        assert_eq!(response.header("cache-control"), "no-store", "{path}");
        assert_eq!(response.header("referrer-policy"), "no-referrer", "{path}");
        assert!(
            response
                .header("content-security-policy")
                .contains("default-src 'none'")
        );
        assert!(
            response
                .header("strict-transport-security")
                .contains("max-age=31536000; includeSubDomains")
        );
    }
}

#[tokio::test]
async fn every_bad_token_gets_the_same_401_and_no_database_call() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let (message, signature) = ada.token.rsplit_once('.').unwrap();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let payload = message.split_once('.').unwrap().1;
    let key = ada.sdk().await.key;
    let elsewhere = backend.redeployed(&[("JWT_AUDIENCE", "another")]);
    let other_audience = elsewhere.sign_in("ada").await.token;
    let authorizations = [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {none}.{payload}."),
        format!("Bearer {none}.{payload}.{signature}"),
        format!(
            "Bearer {message}.{}",
            signature.chars().rev().collect::<String>()
        ),
        format!("Bearer  {}", ada.token),
        format!("Bearer {},{}", ada.token, ada.token),
        format!("Basic {}", ada.token),
        ada.token.clone(),
        format!("Bearer {}", ada.refresh_token),
        format!("Bearer {key}"),
        format!("Bearer {other_audience}"),
        format!("Bearer {JWT_SECRET}"),
    ];
    let mut answers = Vec::new();
    for authorization in &authorizations {
        let request = Request::get("/applications").header(AUTHORIZATION, authorization);
        let response = backend.send(request.body(Body::empty()).unwrap()).await;
        let mut problem = response.problem(401, "invalid-access-token");
        assert!(
            response
                .header("www-authenticate")
                .contains(r#"error="invalid_token""#)
        );
        problem.as_object_mut().unwrap().remove("requestId");
        answers.push(problem);
    }
    let twice = Request::get("/applications")
        .header(AUTHORIZATION, format!("Bearer {}", ada.token))
        .header(AUTHORIZATION, format!("Bearer {}", ada.token));
    let twice = backend.send(twice.body(Body::empty()).unwrap()).await;
    twice.problem(401, "invalid-access-token");
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(backend.calls.take().is_empty());
    let lower_case = Request::get("/me").header(AUTHORIZATION, format!("bearer {}", ada.token));
    assert_eq!(
        backend
            .send(lower_case.body(Body::empty()).unwrap())
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn an_access_token_expires() {
    let backend = Backend::with(&[("ACCESS_TOKEN_TTL", "60")]).await;
    let ada = backend.sign_in("ada").await;
    backend.later(64);
    assert_eq!(ada.get("/me").await.status, 200);
    backend.later(1);
    ada.get("/me").await.problem(401, "invalid-access-token");
}

#[tokio::test]
async fn bodies_must_be_json_of_a_sensible_size() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let send = async |content_type: &str, body: Vec<u8>| {
        let request = Request::post("/applications")
            .header(AUTHORIZATION, format!("Bearer {}", ada.token))
            .header("content-type", content_type);
        backend.send(request.body(Body::from(body)).unwrap()).await
    };
    let body = br#"{"name":"Shop"}"#.to_vec();
    for wrong in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
        "application/jsonx",
    ] {
        send(wrong, body.clone())
            .await
            .problem(415, "unsupported-media-type");
    }
    for right in [
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/json;v=1",
    ] {
        assert_eq!(send(right, body.clone()).await.status, 201, "{right}");
    }
    let huge = json!({ "name": "x".repeat(70_000) })
        .to_string()
        .into_bytes();
    send("application/json", huge)
        .await
        .problem(413, "too-large");
    for broken in [
        &b"{"[..],
        b"",
        b"{\"name\":\"a\"} x",
        b"{\"name\":\"a\",\"name\":\"b\"}",
        b"\xff",
    ] {
        let response = send("application/json", broken.to_vec()).await;
        assert_eq!(response.status, 400, "{broken:?}");
    }
    let deep = "[".repeat(50_000).into_bytes();
    send("application/json", deep)
        .await
        .problem(400, "malformed-request");
}

//! Errors of OTLP routes: a `google.rpc.Status` in the encoding of the request, with the HTTP
//! status and headers that other routes use.

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::{Method, Request};
use tower::ServiceExt;

use super::exporter::{Compression, Encoding, Exporter, LOGS, TRACES};
use super::{ENCODINGS, start};
use crate::support::faulty_engine::{Fault, FaultyEngine};
use crate::support::stored;
use crate::support::{Backend, Response, Sdk};

/// `google.rpc.Status`, as a client declares it.
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

/// Expects a status message of this HTTP status and gRPC code, and returns its text.
#[track_caller]
fn status_text(response: &Response, encoding: Encoding, status: u16, code: i32) -> String {
    assert_eq!(response.status.as_u16(), status, "{:?}", response.body);
    assert_eq!(response.header("content-type"), encoding.media_type());
    assert_eq!(response.header("cache-control"), "no-store");
    assert_eq!(response.header("x-content-type-options"), "nosniff");
    let challenged = response.headers.contains_key("www-authenticate");
    assert_eq!(challenged, status == 401);
    let retried = response.header("retry-after");
    assert_eq!(!retried.is_empty(), matches!(status, 429 | 503));
    assert!(retried.is_empty() || (1..=5).contains(&retried.parse().unwrap()));
    let message = match encoding {
        Encoding::Protobuf => {
            let status_message: Status = prost::Message::decode(&*response.body).unwrap();
            assert_eq!(status_message.code, code);
            status_message.message
        }
        Encoding::Json => {
            let status_message: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            assert_eq!(status_message["code"], code);
            assert_eq!(
                status_message.as_object().unwrap().len(),
                2,
                "{status_message}"
            );
            status_message["message"].as_str().unwrap().to_owned()
        }
    };
    assert!(message.contains("(request "), "{message}");
    message
}

async fn request(
    backend: &Backend,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> Response {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    backend.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused() {
    use Encoding::{Json, Protobuf};
    let (backend, _, exporter) = start().await;
    let empty_groups = [0x0a, 0x00].repeat(4_000_000);
    let zeros = vec![0; 80 * 1024 * 1024];
    let table: [(Encoding, Compression, Vec<u8>, u16, i32); 10] = [
        (Protobuf, Compression::None, b"\x0a\x7f".to_vec(), 400, 3),
        (Protobuf, Compression::None, b"{}".to_vec(), 400, 3),
        (Protobuf, Compression::Gzip, empty_groups, 413, 3),
        (
            Protobuf,
            Compression::None,
            vec![0x0a; 6 * 1024 * 1024 + 1],
            413,
            3,
        ),
        (
            Protobuf,
            Compression::None,
            vec![0x0a; 7 * 1024 * 1024],
            413,
            3,
        ),
        (Protobuf, Compression::Gzip, zeros.clone(), 413, 3),
        (Json, Compression::Zstd, zeros, 413, 3),
        (Json, Compression::None, b"not json".to_vec(), 400, 3),
        (Json, Compression::None, b"".to_vec(), 400, 3),
        (Json, Compression::None, b"[".repeat(100_000), 400, 3),
    ];
    for (encoding, compression, body, status, code) in table {
        for path in [TRACES, LOGS] {
            let response = exporter
                .send(path, encoding, compression, body.clone())
                .await;
            status_text(&response, encoding, status, code);
            assert!(response.body.len() < 1_000);
        }
    }
    assert!(stored::items(&backend).await.is_empty());
}

#[tokio::test]
async fn a_request_of_the_other_signal_is_refused() {
    let (backend, _, exporter) = start().await;
    let logs = exporter.logs(Encoding::Json, 1);
    let response = exporter
        .send(TRACES, Encoding::Json, Compression::None, logs)
        .await;
    assert!(status_text(&response, Encoding::Json, 400, 3).contains("resourceLogs"));
    // Protobuf contains no field names: each record is read as a span that cannot be decoded.
    let logs = exporter.logs(Encoding::Protobuf, 1);
    let response = exporter.export(TRACES, Encoding::Protobuf, logs).await;
    assert!(!response.body.is_empty());
    assert!(stored::items(&backend).await.is_empty());
}

#[tokio::test]
async fn other_content_types_and_encodings_are_refused() {
    let (backend, _, exporter) = start().await;
    let key = &*exporter.sdk.key;
    for media in [
        "application/protobuf",
        "application/octet-stream",
        "text/plain",
        "application/grpc",
        "",
    ] {
        let headers = [("x-api-key", key), ("content-type", media)];
        let response = request(&backend, Method::POST, TRACES, &headers).await;
        status_text(&response, Encoding::Json, 415, 3);
    }
    let response = request(&backend, Method::POST, TRACES, &[("x-api-key", key)]).await;
    status_text(&response, Encoding::Json, 415, 3);
    for encoding in ENCODINGS {
        let headers = [
            ("x-api-key", key),
            ("content-type", encoding.media_type()),
            ("content-encoding", "br"),
        ];
        let response = request(&backend, Method::POST, TRACES, &headers).await;
        status_text(&response, encoding, 415, 3);
    }
    for media in ["Application/X-Protobuf", "application/x-protobuf; v=1"] {
        let headers = [("x-api-key", key), ("content-type", media)];
        let response = request(&backend, Method::POST, TRACES, &headers).await;
        assert_eq!(response.status, 200, "{media}");
    }
}

#[tokio::test]
async fn keys_are_checked_as_on_other_routes() {
    let (backend, ada, exporter) = start().await;
    let path = format!("/apikey?ApplicationId={}", exporter.sdk.application_id);
    let minted = ada
        .post(&path, serde_json::json!({ "scopes": ["ingest:logs"] }))
        .await;
    let logger = Exporter::new(Sdk {
        key: minted.json().as_str().unwrap().to_owned(),
        ..exporter.sdk.clone()
    });
    for encoding in ENCODINGS {
        let media = ("content-type", encoding.media_type());
        let response = request(&backend, Method::POST, TRACES, &[media]).await;
        status_text(&response, encoding, 401, 16);
        let headers = [media, ("x-api-key", "nonsense")];
        let response = request(&backend, Method::POST, LOGS, &headers).await;
        assert!(!status_text(&response, encoding, 401, 16).contains("nonsense"));
        let spans = logger.spans(encoding, 1, |_, _| ());
        let response = logger
            .send(TRACES, encoding, Compression::None, spans)
            .await;
        status_text(&response, encoding, 403, 7);
        logger
            .export(LOGS, encoding, logger.logs(encoding, 1))
            .await;
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_get_a_status_message() {
    let (backend, _, _) = start().await;
    for encoding in ENCODINGS {
        let media = [("content-type", encoding.media_type())];
        for path in ["/v1/profiles", "//v1//profiles/", "/v1/"] {
            let response = request(&backend, Method::POST, path, &media).await;
            status_text(&response, encoding, 404, 5);
        }
        let response = request(&backend, Method::GET, TRACES, &media).await;
        status_text(&response, encoding, 405, 12);
        assert_eq!(response.header("allow"), "POST");
    }
    let response = request(&backend, Method::GET, LOGS, &[]).await;
    status_text(&response, Encoding::Json, 405, 12);
    let elsewhere = request(&backend, Method::POST, "/v2/traces", &[]).await;
    elsewhere.problem(404, "not-found");
}

#[tokio::test]
async fn a_group_under_a_wrong_name_is_reported_and_the_others_are_stored() {
    let (backend, _, exporter) = start().await;
    let spans = exporter.spans(Encoding::Json, 3, |_, _| ());
    let spans = String::from_utf8(spans).unwrap();
    let body = spans.replacen('{', r#"{"resource_spans":[{}],"#, 1);
    let sent = exporter.send(TRACES, Encoding::Json, Compression::None, body.into());
    let partial = sent.await.json()["partialSuccess"].clone();
    assert_eq!(partial["rejectedSpans"], "0");
    let expected = r#"/resource_spans was not read; events belong in "resourceSpans""#;
    assert_eq!(partial["errorMessage"], expected);
    assert_eq!(super::count(&backend).await, 3);
}

#[tokio::test]
async fn an_exhausted_quota_gets_a_status_message() {
    let backend = Backend::with(&[("RATE_LIMIT_REQUESTS", "1")]).await;
    let exporter = Exporter::new(backend.sign_in("ada").await.sdk().await);
    let spans = |encoding| exporter.spans(encoding, 1, |_, _| ());
    exporter
        .export(TRACES, Encoding::Protobuf, spans(Encoding::Protobuf))
        .await;
    for encoding in ENCODINGS {
        let response = exporter
            .send(TRACES, encoding, Compression::None, spans(encoding))
            .await;
        status_text(&response, encoding, 429, 8);
        assert!(response.header("ratelimit").contains("r=0"));
    }
}

#[tokio::test]
async fn a_storage_failure_gets_a_status_message_and_a_retry_stores_all() {
    for encoding in ENCODINGS {
        let (engine, backend) = FaultyEngine::start().await;
        let exporter = Exporter::new(backend.sign_in("ada").await.sdk().await);
        let body = exporter.spans(encoding, 3, |_, _| ());
        engine.fail("PutItem", Fault::Throttled, 1, usize::MAX);
        let response = exporter
            .send(TRACES, encoding, Compression::None, body.clone())
            .await;
        status_text(&response, encoding, 503, 14);
        engine.heal();
        exporter.export(TRACES, encoding, body).await;
        assert_eq!(super::count(&backend).await, 3);
    }
}

#[tokio::test]
async fn a_panic_gets_a_status_message_without_its_text() {
    let bug = async || -> () { panic!("secret") };
    let app = shared::web::app(Router::new().route(TRACES, post(bug)));
    for encoding in ENCODINGS {
        let request = Request::post(TRACES).header("content-type", encoding.media_type());
        let request = request.body(Body::empty()).unwrap();
        let response = Response::read(app.clone().oneshot(request).await.unwrap()).await;
        assert!(!status_text(&response, encoding, 500, 13).contains("secret"));
    }
}

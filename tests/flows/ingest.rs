//! Ingest: 200 means that the accepted events are stored once, under the application of the key. A bad
//! event is rejected alone. A malformed key causes no database call.

use std::io::Write;

use axum::body::Body;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http::{Method, Request};
use jiff::Timestamp;
use serde_json::{Value, json};
use shared::base::clock::rfc3339;

use crate::support::callers::Sdk;
use crate::support::stored::{self, Item, items, size, text};
use crate::support::{Backend, Response, SignedIn};

const TRACES: &str = "/ingest/traces";
const LOGS: &str = "/ingest/logs";

async fn start() -> (Backend, SignedIn, Sdk) {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    // Leases of the quota last a minute.
    let into_minute = backend.clock.now().as_second().rem_euclid(60);
    backend.later(60 - into_minute.unsigned_abs());
    (backend, ada, sdk)
}

/// The SDK with another key.
fn with_key(sdk: &Sdk, key: &str) -> Sdk {
    Sdk {
        key: key.to_owned(),
        ..sdk.clone()
    }
}

/// The SDK, sending to this instance.
fn on(sdk: &Sdk, backend: Backend) -> Sdk {
    Sdk {
        backend,
        ..sdk.clone()
    }
}

/// Sends a POST request with only these headers.
async fn post(backend: &Backend, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    backend
        .send(request.body(Body::from(body.to_vec())).unwrap())
        .await
}

/// Creates a key with these settings and returns an SDK that uses it.
async fn mint(ada: &SignedIn, sdk: &Sdk, settings: Value) -> Sdk {
    let path = format!("/apikey?ApplicationId={}", sdk.application_id);
    let minted = ada.post(&path, settings).await.json();
    ada.backend.calls.take();
    with_key(sdk, minted.as_str().unwrap())
}

fn report(accepted: usize) -> Value {
    json!({ "accepted": accepted, "rejected": 0, "truncated": 0, "errors": [] })
}

fn log(sdk: &Sdk, message: &str) -> Value {
    json!({
        "timestamp": rfc3339(sdk.backend.clock.now()), "level": "error", "type": "app",
        "message": message, "traceId": null, "clientTimestamp": null,
    })
}

/// A batch of one span that starts this many seconds from now; negative for the past.
fn span_at(sdk: &Sdk, seconds_from_now: i64) -> Value {
    let mut span = sdk.span(0);
    span["timestamp"] = rfc3339(moved(sdk.backend.clock.now(), seconds_from_now)).into();
    span
}

fn moved(at: Timestamp, seconds: i64) -> Timestamp {
    at + jiff::SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn a_batch_is_accepted_and_stored_with_counted_calls() {
    let (backend, _, sdk) = start().await;
    let response = sdk.traces(sdk.batch(100)).await;
    let mut calls = backend.calls.take();
    calls.sort();
    // In addition to the two writes: the key, its lease, those of the application and of the user
    // who created it, its use and its health.
    let expected = [
        "GetItem",
        "PutItem",
        "PutItem",
        "UpdateItem",
        "UpdateItem",
        "UpdateItem",
        "UpdateItem",
        "UpdateItem",
    ];
    assert_eq!(calls, expected);
    assert_eq!(response.json(), report(100));
    assert_eq!(response.header("content-type"), "application/json");
    for events in [1, 100] {
        backend.later(1);
        sdk.traces(sdk.batch(events)).await.json();
        assert_eq!(
            backend.calls.take(),
            ["PutItem", "PutItem"],
            "the key is cached"
        );
    }
    assert_eq!(stored::events(&items(&backend).await), 201);
}

#[tokio::test]
async fn the_use_of_a_key_is_recorded_at_most_once_in_five_minutes_by_all_instances() {
    let (backend, _, sdk) = start().await;
    let first = backend.clock.now();
    let mut recorded = std::collections::BTreeSet::new();
    for _ in 0..30 {
        let cold = on(&sdk, backend.another_instance());
        for sdk in [&sdk, &cold] {
            sdk.traces(sdk.batch(1)).await.json();
            let key = backend.database.api_key(sdk.key_id().parse().unwrap());
            recorded.insert(key.await.unwrap().unwrap().last_used_at);
        }
        backend.later(10);
    }
    assert_eq!(recorded, [Some(first)].into());
}

#[tokio::test]
async fn logs_are_accepted_beside_traces() {
    let (backend, _, sdk) = start().await;
    let batch = json!({ "timestamp": null, "logs": [log(&sdk, "one"), log(&sdk, "two")] });
    assert_eq!(sdk.logs(batch).await.json(), report(2));
    assert_eq!(sdk.traces(sdk.batch(1)).await.json(), report(1));
    let items = items(&backend).await;
    let signals: Vec<_> = items
        .iter()
        .map(|item| text(item, "pk").split('#').nth(1))
        .collect();
    assert_eq!(signals, ["logs", "logs", "traces", "traces"].map(Some));
}

#[tokio::test]
async fn one_bad_event_of_a_hundred_is_rejected_alone() {
    let (backend, _, sdk) = start().await;
    let mut batch = sdk.batch(100);
    batch["traces"][41]["responseStatus"] = json!(99);
    batch["traces"][7]["requestURL"] = json!("x".repeat(70_000));
    let answer = sdk.traces(batch).await.json();
    let error = json!({
        "index": 41, "pointer": "/traces/41/responseStatus", "reason": "must be 100 to 599",
    });
    let expected = json!({ "accepted": 99, "rejected": 1, "truncated": 1, "errors": [error] });
    assert_eq!(answer, expected);
    assert_eq!(stored::events(&items(&backend).await), 99);
}

#[tokio::test]
async fn events_too_old_or_too_new_are_reported() {
    let (backend, _, sdk) = start().await;
    let day = 24 * 60 * 60;
    let mut lasting = span_at(&sdk, -7 * day - 60);
    lasting["startTime"] = lasting["timestamp"].clone();
    lasting["durationMs"] = json!(60_000);
    let spans = [
        span_at(&sdk, -7 * day - 60),
        lasting,
        span_at(&sdk, 5 * 60),
        span_at(&sdk, 5 * 60 + 1),
        span_at(&sdk, -30 * day),
        span_at(&sdk, 30 * day),
    ];
    let answer = sdk.traces(json!({ "traces": spans })).await.json();
    assert_eq!(
        (&answer["accepted"], &answer["rejected"]),
        (&json!(2), &json!(4))
    );
    let old = "older than 7 days";
    let new = "more than 5 minutes ahead of the server's clock";
    let reported: Vec<_> = answer["errors"].as_array().unwrap().iter().collect();
    let expected = [(0, old), (3, new), (4, old), (5, new)];
    for (error, (index, reason)) in reported.into_iter().zip(expected) {
        let pointer = format!("/traces/{index}/timestamp");
        assert_eq!(
            error,
            &json!({ "index": index, "pointer": pointer, "reason": reason })
        );
    }
    assert_eq!(stored::events(&items(&backend).await), 2);
}

#[tokio::test]
async fn an_empty_batch_is_accepted_and_writes_nothing() {
    let (backend, _, sdk) = start().await;
    sdk.traces(sdk.batch(1)).await.json();
    backend.calls.take();
    assert_eq!(sdk.traces(json!({ "traces": [] })).await.json(), report(0));
    let all_bad = sdk.traces(json!({ "traces": [{}] })).await.json();
    assert_eq!(
        (&all_bad["accepted"], &all_bad["rejected"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(backend.calls.take(), [""; 0]);
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_batch_is_the_same_in_every_encoding() {
    let (backend, _, sdk) = start().await;
    let body = sdk.batch(10).to_string().into_bytes();
    assert_eq!(sdk.send(TRACES, &[], body.clone()).await.json(), report(10));
    let plain = items(&backend).await;
    for (encoding, body) in [
        (Some("identity"), body.clone()),
        (Some("gzip"), gzip(&body)),
        (Some("x-gzip"), gzip(&body)),
        (Some("deflate"), zlib(&body)),
        (Some("deflate"), deflate(&body)),
        (Some("zlib"), zlib(&body)),
        (Some("none"), body.clone()),
        (Some(", gzip, none"), gzip(&body)),
        (Some("zstd"), zstd::encode_all(&*body, 3).unwrap()),
        (None, gzip(&body)),
        (None, zstd::encode_all(&*body, 3).unwrap()),
        (Some("gzip"), body.clone()),
    ] {
        let headers: Vec<_> = encoding
            .map(|name| ("content-encoding", name))
            .into_iter()
            .collect();
        assert_eq!(
            sdk.send(TRACES, &headers, body).await.json(),
            report(10),
            "{encoding:?}"
        );
        assert_eq!(items(&backend).await, plain, "{encoding:?}");
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused() {
    let (backend, _, sdk) = start().await;
    let batch = sdk.batch(1).to_string().into_bytes();
    let large = [&batch[..], &vec![b' '; 6 * 1024 * 1024]].concat();
    let bomb = gzip(&[&batch[..], &vec![b' '; 80 * 1024 * 1024]].concat());
    assert!(bomb.len() < 100 * 1024);
    let events = "{},".repeat(500_000);
    let many = format!(r#"{{"traces":[{}]}}"#, events.trim_end_matches(','));
    let truncated = gzip(&batch)[..40].to_vec();
    let as_text = String::from_utf8_lossy(&gzip(&batch))
        .into_owned()
        .into_bytes();
    let table: [(&str, Vec<u8>, u16, &str); 14] = [
        ("", large, 413, "too-large"),
        ("gzip", bomb, 413, "too-large"),
        ("", vec![b' '; 7 * 1024 * 1024], 413, "too-large"),
        ("", many.into_bytes(), 413, "too-large"),
        ("", b"{\"traces\":".to_vec(), 400, "malformed-request"),
        ("", b"not json".to_vec(), 400, "malformed-request"),
        ("", b"".to_vec(), 400, "malformed-request"),
        (
            "",
            "[".repeat(100_000).into_bytes(),
            400,
            "malformed-request",
        ),
        ("gzip", truncated, 400, "malformed-request"),
        ("gzip", as_text, 400, "malformed-request"),
        ("br", batch.clone(), 415, "unsupported-media-type"),
        ("snappy", batch.clone(), 415, "unsupported-media-type"),
        (
            "gzip, gzip",
            gzip(&gzip(&batch)),
            415,
            "unsupported-media-type",
        ),
        ("\u{7f}", batch, 415, "unsupported-media-type"),
    ];
    for (encoding, body, status, slug) in table {
        let headers = [("content-encoding", encoding)];
        let headers = if encoding == "\u{7f}" {
            &[("content-encoding", "é")]
        } else {
            &headers
        };
        let response = sdk.send(TRACES, headers, body).await;
        response.problem(status, slug);
        assert!(response.body.len() < 1_000);
    }
    assert_eq!(items(&backend).await, []);
}

#[tokio::test]
async fn lines_of_content_encoding_are_one_list() {
    let (_, _, sdk) = start().await;
    let body = gzip(sdk.batch(1).to_string().as_bytes());
    let line = |name| ("content-encoding", name);
    let read = sdk
        .send(TRACES, &[line("none"), line("gzip")], body.clone())
        .await;
    assert_eq!(read.json(), report(1));
    let nested = sdk.send(TRACES, &[line("gzip"), line("gzip")], body).await;
    nested.problem(415, "unsupported-media-type");
}

#[tokio::test]
async fn a_batch_of_the_other_signal_is_refused() {
    let (_, _, sdk) = start().await;
    sdk.logs(sdk.batch(1))
        .await
        .problem(400, "malformed-request");
    let logs = json!({ "logs": [log(&sdk, "one")] });
    sdk.traces(logs).await.problem(400, "malformed-request");
}

#[tokio::test]
async fn a_refusal_does_not_repeat_the_body() {
    let (_, _, sdk) = start().await;
    let response = sdk
        .traces(json!({ "traces": "secret".repeat(500_000) }))
        .await;
    response.problem(400, "malformed-request");
    assert!(!response.text().contains("secret"));
}

#[tokio::test]
async fn the_content_type_is_json_text_or_none() {
    let (backend, _, sdk) = start().await;
    let body = sdk.batch(1).to_string();
    for (media, status) in [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON;charset=UTF-8", 200),
        ("text/plain", 200),
        ("text/plain;charset=UTF-8", 200),
        ("application/x-www-form-urlencoded", 415),
        ("application/octet-stream", 200),
        ("application/x-protobuf", 415),
        ("application/jsonp", 415),
        ("text/html", 415),
    ] {
        let headers = [("x-api-key", &*sdk.key), ("content-type", media)];
        let response = post(&backend, TRACES, &headers, body.as_bytes()).await;
        assert_eq!(response.status, status, "{media}: {}", response.text());
    }
    let bare = post(
        &backend,
        TRACES,
        &[("x-api-key", &sdk.key)],
        body.as_bytes(),
    )
    .await;
    assert_eq!(bare.json(), report(1));
    assert_eq!(items(&backend).await.len(), 2, "the same bytes");
}

#[tokio::test]
async fn a_key_is_read_from_its_header_only() {
    let (backend, _, sdk) = start().await;
    let body = sdk.batch(1).to_string();
    let bearer = format!("Bearer {}", sdk.key);
    let in_query = |name: &str| format!("{TRACES}?{name}={}", sdk.key);
    let table: [(String, Vec<(&str, &str)>); 6] = [
        (TRACES.to_owned(), vec![]),
        (TRACES.to_owned(), vec![("x-api-key", "")]),
        (TRACES.to_owned(), vec![("authorization", &bearer)]),
        (in_query("x-api-key"), vec![]),
        (in_query("apiKey"), vec![]),
        (LOGS.to_owned(), vec![]),
    ];
    for (path, headers) in table {
        let response = post(&backend, &path, &headers, body.as_bytes()).await;
        response.problem(401, "invalid-api-key");
        assert!(response.header("www-authenticate").starts_with("ApiKey"));
        assert!(!response.text().contains(&sdk.key));
    }
    assert_eq!(backend.calls.take(), [""; 0]);
}

#[tokio::test]
async fn a_mistyped_key_costs_no_database_call() {
    let (backend, _, sdk) = start().await;
    let body = sdk.batch(1).to_string().into_bytes();
    let mut mistyped: Vec<String> = (0..sdk.key.len())
        .map(|position| {
            let other = if sdk.key.as_bytes()[position] == b'x' {
                "y"
            } else {
                "x"
            };
            format!(
                "{}{other}{}",
                &sdk.key[..position],
                &sdk.key[position + 1..]
            )
        })
        .collect();
    mistyped.extend([
        sdk.key.to_uppercase(),
        sdk.key.replace("live", "test"),
        "x".repeat(10 * 1024),
        "upblit_live_".to_owned(),
    ]);
    for key in mistyped {
        let response = with_key(&sdk, &key).send(TRACES, &[], body.clone()).await;
        response.problem(401, "invalid-api-key");
        assert!(!response.text().contains(&key), "{key}");
    }
    assert_eq!(backend.calls.take(), [""; 0]);
}

#[tokio::test]
async fn a_guessed_key_is_refused_like_a_mistyped_one() {
    let (backend, ada, sdk) = start().await;
    let rng = &mut shared::base::random::rng();
    let id: shared::base::ids::PublicKeyId = sdk.key_id().parse().unwrap();
    let guess = shared::identity::api_key::ApiKey::generate(id, rng);
    let unknown = shared::base::ids::PublicKeyId {
        key_id: shared::base::ids::KeyId::generate(rng),
        ..id
    };
    let unknown = shared::identity::api_key::ApiKey::generate(unknown, rng);
    ada.delete(&format!("/apikey/{}", sdk.key_id())).await;
    backend.calls.take();
    let mut reported = Vec::new();
    for key in [guess.expose(), unknown.expose(), "nonsense"] {
        let response = with_key(&sdk, key).traces(sdk.batch(1)).await;
        let mut problem = response.problem(401, "invalid-api-key");
        problem.as_object_mut().unwrap().remove("requestId");
        reported.push(problem);
    }
    assert!(
        reported.iter().all(|problem| *problem == reported[0]),
        "{reported:?}"
    );
    assert_eq!(backend.calls.take(), ["GetItem", "GetItem"]);
}

#[tokio::test]
async fn two_keys_are_refused_and_spaces_and_header_case_do_not_matter() {
    let (backend, _, sdk) = start().await;
    let body = sdk.batch(1).to_string();
    let key = &*sdk.key;
    for headers in [
        vec![("x-api-key", key), ("x-api-key", key)],
        vec![("x-api-key", &*format!("{key},{key}"))],
        vec![("x-api-key", &*format!("{key}, {key}"))],
    ] {
        let response = post(&backend, TRACES, &headers, body.as_bytes()).await;
        response.problem(401, "invalid-api-key");
    }
    assert_eq!(backend.calls.take(), [""; 0]);
    for (name, value) in [
        ("X-API-Key", key.to_owned()),
        ("x-api-key", format!("  {key} ")),
    ] {
        let response = post(&backend, TRACES, &[(name, &value)], body.as_bytes()).await;
        assert_eq!(response.json(), report(1));
    }
}

#[tokio::test]
async fn a_key_can_do_only_what_its_scopes_allow() {
    let (backend, ada, sdk) = start().await;
    let logger = mint(&ada, &sdk, json!({ "scopes": ["ingest:logs"] })).await;
    let logs = json!({ "logs": [log(&sdk, "one")] });
    logger
        .traces(sdk.batch(1))
        .await
        .problem(403, "missing-scope");
    assert_eq!(logger.logs(logs.clone()).await.json(), report(1));
    logger
        .traces(sdk.batch(1))
        .await
        .problem(403, "missing-scope");
    let tracer = mint(&ada, &sdk, json!({ "scopes": ["ingest:traces"] })).await;
    assert_eq!(tracer.traces(sdk.batch(1)).await.json(), report(1));
    tracer.logs(logs).await.problem(403, "missing-scope");
    assert_eq!(items(&backend).await.len(), 4);
}

#[tokio::test]
async fn a_revoked_key_is_refused_within_ten_seconds_under_any_traffic() {
    let (backend, ada, sdk) = start().await;
    sdk.traces(sdk.batch(1)).await.json();
    ada.delete(&format!("/apikey/{}", sdk.key_id())).await;
    let cold = on(&sdk, backend.another_instance());
    cold.traces(sdk.batch(1)).await.problem(401, "key-revoked");
    let mut refused_after = None;
    for second in 0..=10 {
        let response = sdk.traces(sdk.batch(1)).await;
        if response.status == 401 {
            response.problem(401, "key-revoked");
            refused_after = refused_after.or(Some(second));
        } else {
            assert_eq!(refused_after, None, "refused once, refused for good");
        }
        backend.later(1);
    }
    assert_eq!(
        refused_after,
        Some(10),
        "a use does not extend the time in the cache"
    );
}

#[tokio::test]
async fn without_a_cache_a_revoked_key_is_refused_at_once() {
    let backend = Backend::with(&[("KEY_CACHE_TTL", "0s")]).await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    sdk.traces(sdk.batch(1)).await.json();
    sdk.traces(sdk.batch(1)).await.json();
    ada.delete(&format!("/apikey/{}", sdk.key_id())).await;
    sdk.traces(sdk.batch(1)).await.problem(401, "key-revoked");
}

#[tokio::test]
async fn disabled_and_expired_keys_are_refused_with_the_reason() {
    let (backend, ada, sdk) = start().await;
    let until = rfc3339(moved(backend.clock.now(), 15));
    let brief = mint(&ada, &sdk, json!({ "expiresAt": until })).await;
    let path = format!("/apikey/{}", sdk.key_id());
    ada.patch(&path, json!({ "status": "disabled" }))
        .await
        .json();
    sdk.traces(sdk.batch(1)).await.problem(401, "key-disabled");
    ada.patch(&path, json!({ "status": "active" })).await.json();
    sdk.traces(sdk.batch(1)).await.json();
    backend.later(14);
    brief.traces(sdk.batch(1)).await.json();
    backend.later(1);
    backend.calls.take();
    brief.traces(sdk.batch(1)).await.problem(401, "key-expired");
    assert_eq!(
        backend.calls.take(),
        [""; 0],
        "a cached key also expires on time"
    );
    on(&brief, backend.another_instance())
        .traces(sdk.batch(1))
        .await
        .problem(401, "key-expired");
}

#[tokio::test]
async fn a_key_of_a_deleted_application_is_refused() {
    let (backend, ada, sdk) = start().await;
    let second = mint(&ada, &sdk, json!({})).await;
    for key in [&sdk, &second] {
        key.traces(sdk.batch(1)).await.json();
    }
    ada.delete(&format!("/applications/{}", sdk.application_id))
        .await;
    for key in [&sdk, &second] {
        let cold = on(key, backend.another_instance());
        cold.traces(sdk.batch(1)).await.problem(401, "key-revoked");
    }
    backend.later(10);
    for key in [&sdk, &second] {
        key.traces(sdk.batch(1)).await.problem(401, "key-revoked");
    }
}

#[tokio::test]
async fn a_key_stores_under_its_own_application_only() {
    let (backend, ada, first) = start().await;
    let second = backend.sign_in("eve").await.sdk().await;
    let third = Sdk {
        application_id: first.application_id.clone(),
        ..ada.sdk().await
    };
    let mut batch = first.batch(1);
    batch["applicationId"] = json!(second.application_id);
    batch["traces"][0]["applicationId"] = json!(second.application_id);
    let path = format!("{TRACES}?ApplicationId={}", second.application_id);
    let headers = [("x-application-id", &*second.application_id)];
    first
        .send(&path, &headers, batch.to_string().into_bytes())
        .await
        .json();
    let owners = async || -> Vec<String> {
        let items = items(&backend).await;
        let owner = |item: &Item| text(item, "pk").split('#').next().unwrap().to_owned();
        items.iter().map(owner).collect()
    };
    let of_first = vec![first.application_id.clone(); 2];
    assert_eq!(owners().await, of_first);
    // The same bytes of another application are another batch.
    second.traces(batch.clone()).await.json();
    third.traces(batch).await.json();
    let owners = owners().await;
    assert_eq!(owners.len(), 6);
    assert_eq!(
        owners
            .iter()
            .filter(|owner| **owner == first.application_id)
            .count(),
        2
    );
    assert_eq!(
        owners
            .iter()
            .filter(|owner| **owner == second.application_id)
            .count(),
        2
    );
}

#[tokio::test]
async fn the_same_bytes_are_stored_once() {
    let (backend, _, sdk) = start().await;
    let batch = sdk.batch(100);
    sdk.traces(batch.clone()).await.json();
    let once = items(&backend).await;
    assert_eq!((once.len(), stored::events(&once)), (2, 100));
    for _ in 0..4 {
        backend.later(60);
        assert_eq!(sdk.traces(batch.clone()).await.json(), report(100));
    }
    let senders: Vec<_> = (0..5)
        .map(|_| on(&sdk, backend.another_instance()))
        .collect();
    let concurrent = senders.iter().map(|sdk| sdk.traces(batch.clone()));
    for response in futures_util::future::join_all(concurrent).await {
        assert_eq!(response.json(), report(100));
    }
    assert_eq!(items(&backend).await, once);
}

#[tokio::test]
async fn a_batch_over_several_hours_is_stored_once_even_concurrently() {
    let (backend, _, sdk) = start().await;
    let batch =
        json!({ "traces": [span_at(&sdk, 0), span_at(&sdk, -3_600), span_at(&sdk, -7_200)] });
    let sends = (0..5).map(|_| sdk.traces(batch.clone()));
    for response in futures_util::future::join_all(sends).await {
        assert_eq!(response.json(), report(3));
    }
    let items = items(&backend).await;
    assert_eq!((items.len(), stored::events(&items)), (6, 3));
}

#[tokio::test]
async fn a_retry_on_the_next_day_changes_nothing() {
    let (backend, _, sdk) = start().await;
    let day = 24 * 60 * 60;
    let into_day = backend.clock.now().as_second().rem_euclid(day);
    backend.later(u64::try_from(day - into_day).unwrap() - 5);
    let batch = sdk.batch(10);
    sdk.traces(batch.clone()).await.json();
    let first = items(&backend).await;
    backend.later(10);
    assert_eq!(sdk.traces(batch.clone()).await.json(), report(10));
    assert_eq!(items(&backend).await, first);
    backend.later(23 * 60 * 60);
    assert_eq!(sdk.traces(batch.clone()).await.json(), report(10));
    assert_eq!(items(&backend).await, first);
    backend.later(6 * 24 * 60 * 60 + 60 * 60);
    let late = sdk.traces(batch).await.json();
    assert_eq!(
        (&late["accepted"], &late["rejected"]),
        (&json!(0), &json!(10))
    );
    assert_eq!(items(&backend).await, first);
}

#[tokio::test]
async fn a_batch_over_two_hours_becomes_visible_at_once() {
    let (backend, _, sdk) = start().await;
    sdk.traces(sdk.batch(2)).await.json();
    backend.calls.take();
    let batch = json!({ "traces": [span_at(&sdk, -3_600), span_at(&sdk, -7_200)] });
    assert_eq!(sdk.traces(batch).await.json(), report(2));
    let calls = backend.calls.take();
    assert_eq!(
        calls,
        ["PutItem", "PutItem", "TransactWriteItems"],
        "chunks, and then their summaries"
    );
    let items = items(&backend).await;
    let chunks: Vec<_> = items
        .iter()
        .filter(|item| item.contains_key("events"))
        .collect();
    let summaries: Vec<_> = items
        .iter()
        .filter(|item| item.contains_key("summary"))
        .collect();
    assert_eq!((items.len(), chunks.len(), summaries.len()), (6, 3, 3));
    for summary in summaries {
        let chunk = chunks
            .iter()
            .find(|chunk| text(chunk, "sk") == text(summary, "sk"))
            .unwrap();
        let day = text(summary, "pk");
        let hour = text(chunk, "pk");
        let day = day.strip_suffix("#0").unwrap();
        assert!(hour.starts_with(&format!("{day}T")), "{hour} of {day}");
    }
}

#[tokio::test]
async fn of_a_batch_over_many_hours_the_newest_24_are_stored() {
    let (backend, ada, sdk) = start().await;
    // With 16 shards, the summaries of 24 hours do not fit into one transaction.
    configure(&ada, &sdk, json!({ "shards": 16 })).await;
    backend.later(11);
    let mut spans: Vec<Value> = (0..150)
        .map(|hours| {
            let mut span = span_at(&sdk, -hours * 3_600);
            span["durationMs"] = json!(hours * 3_600_000);
            span
        })
        .collect();
    spans.push(span_at(&sdk, 3_600));
    spans.push(span_at(&sdk, -8 * 24 * 3_600));
    let answer = sdk.traces(json!({ "traces": spans })).await.json();
    let counts = (&answer["accepted"], &answer["rejected"]);
    assert_eq!(counts, (&json!(24), &json!(128)));
    let reason = "not in the newest 24 hours of the batch; send smaller batches";
    let first = json!({ "index": 24, "pointer": "/traces/24/timestamp", "reason": reason });
    assert_eq!(answer["errors"][0], first);
    assert_eq!(stored::events(&items(&backend).await), 24);
    let path = format!("/apikey?ApplicationId={}", sdk.application_id);
    let key = &ada.get(&path).await.json()["keys"][0];
    let reasons = json!({ "too-many-hours": 126, "too-far-ahead": 1, "too-old": 1 });
    assert_eq!(key["health"]["rejectedBy"], reasons);
}

#[tokio::test]
async fn large_batches_are_split_below_the_size_of_an_item() {
    let (backend, _, sdk) = start().await;
    let rng = &mut shared::base::random::rng();
    let message = |_| log(&sdk, &shared::base::random::base62(rng, 8 * 1024));
    let logs: Vec<Value> = (0..150).map(message).collect();
    assert_eq!(sdk.logs(json!({ "logs": logs })).await.json(), report(150));
    let items = items(&backend).await;
    assert!(items.len() >= 6, "{}", items.len());
    assert!(items.iter().all(|item| size(item) < 400 * 1024));
    assert_eq!(stored::events(&items), 150);
}

#[tokio::test]
async fn a_hundred_spans_cost_at_most_eight_write_units() {
    let (backend, _, sdk) = start().await;
    let rng = &mut shared::base::random::rng();
    let hex = |bytes: [u8; 16]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let mut batch = sdk.batch(100);
    let spans = batch["traces"].as_array_mut().unwrap();
    for trace in spans.chunks_mut(10) {
        let trace_id = hex(shared::base::random::bytes(rng));
        let mut parent = Value::Null;
        for span in trace {
            let random: [u8; 16] = shared::base::random::bytes(rng);
            span["traceId"] = json!(trace_id);
            span["spanId"] = json!(hex(random)[..16]);
            span["parentSpanId"] = std::mem::replace(&mut parent, span["spanId"].clone());
            span["durationMs"] = json!(f64::from(random[0]) * 1.37);
            span["requestURL"] = json!(format!("https://api.shop.test/v1/carts/{}", random[1] % 7));
        }
    }
    sdk.traces(batch).await.json();
    let items = items(&backend).await;
    let units: Vec<usize> = items.iter().map(|item| size(item).div_ceil(1024)).collect();
    assert!(units.iter().sum::<usize>() <= 8, "{units:?}");
    assert!(units.contains(&1), "the summary costs one: {units:?}");
}

#[tokio::test]
async fn stored_telemetry_expires_with_the_retention() {
    let backend = Backend::with(&[("TELEMETRY_RETENTION", "1day")]).await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    sdk.traces(sdk.batch(1)).await.json();
    let now = backend.clock.now().as_second();
    let end = now - now.rem_euclid(3_600) + 24 * 60 * 60;
    for item in items(&backend).await {
        assert_eq!(item["expires_at"].as_n().unwrap(), &end.to_string());
    }
}

/// Changes settings of the SDK's application.
async fn configure(ada: &SignedIn, sdk: &Sdk, settings: Value) {
    let path = format!("/applications/{}", sdk.application_id);
    ada.patch(&path, settings).await.json();
    ada.backend.calls.take();
}

/// Days from the current hour until each item expires.
async fn days_kept(backend: &Backend) -> Vec<i64> {
    let now = backend.clock.now().as_second();
    let hour = now - now.rem_euclid(3_600);
    let days = |item: &Item| {
        let expires: i64 = item["expires_at"].as_n().unwrap().parse().unwrap();
        (expires - hour) / (24 * 60 * 60)
    };
    items(backend).await.iter().map(days).collect()
}

#[tokio::test]
async fn a_changed_retention_reaches_ingest_within_ten_seconds_and_costs_no_additional_call() {
    let (backend, ada, sdk) = start().await;
    sdk.traces(sdk.batch(1)).await.json();
    configure(&ada, &sdk, json!({ "retentionDays": 7 })).await;
    backend.later(9);
    sdk.traces(sdk.batch(2)).await.json();
    assert_eq!(
        days_kept(&backend).await,
        [30; 4],
        "the cached setting still counts"
    );
    backend.later(1);
    sdk.traces(sdk.batch(3)).await.json();
    let calls = backend.calls.take();
    assert_eq!(calls, ["GetItem", "PutItem", "PutItem"]);
    let mut days = days_kept(&backend).await;
    days.sort_unstable();
    assert_eq!(
        days,
        [7, 7, 30, 30, 30, 30],
        "stored items keep their expiry"
    );
    let minted = mint(&ada, &sdk, json!({})).await;
    minted
        .logs(json!({ "logs": [log(&sdk, "one")] }))
        .await
        .json();
    let kept = days_kept(&backend).await;
    assert_eq!(kept.iter().filter(|days| **days == 7).count(), 4);
}

/// Number of spans that metrics count in the last seven days.
async fn spans_read(ada: &SignedIn, sdk: &Sdk) -> u64 {
    let now = ada.backend.clock.now();
    let from = rfc3339(moved(now, -7 * 24 * 3_600));
    let to = rfc3339(moved(now, 60));
    let path = format!(
        "/telemetry/metrics?applicationId={}&from={from}&to={to}&step=86400",
        sdk.application_id
    );
    let total = ada.get(&path).await.json()["total"]["count"].as_u64();
    total.unwrap()
}

#[tokio::test]
async fn telemetry_older_than_a_shortened_retention_is_stored_but_not_shown() {
    let (backend, mut ada, sdk) = start().await;
    sdk.traces(sdk.batch(10)).await.json();
    backend.later(25 * 60 * 60);
    ada.refresh().await;
    assert_eq!(spans_read(&ada, &sdk).await, 10);
    configure(&ada, &sdk, json!({ "retentionDays": 1 })).await;
    assert_eq!(spans_read(&ada, &sdk).await, 0);
    assert_eq!(stored::events(&items(&backend).await), 10);
}

#[tokio::test]
async fn shards_spread_batches_over_partitions_and_the_same_bytes_are_still_stored_once() {
    let (backend, ada, sdk) = start().await;
    configure(&ada, &sdk, json!({ "shards": 4 })).await;
    let batches: Vec<_> = (1..=40).map(|count| sdk.batch(count)).collect();
    for _ in 0..5 {
        for batch in &batches {
            sdk.traces(batch.clone()).await.json();
        }
    }
    let items = items(&backend).await;
    assert_eq!((items.len(), stored::events(&items)), (80, (1..=40).sum()));
    assert_eq!(spans_read(&ada, &sdk).await, (1..=40).sum::<u64>());
    let shard = |item: &Item| text(item, "pk").rsplit('#').next().unwrap().to_owned();
    let shards: std::collections::BTreeSet<_> = items.iter().map(shard).collect();
    assert_eq!(shards.into_iter().collect::<Vec<_>>(), ["0", "1", "2", "3"]);
    for summary in items.iter().filter(|item| item.contains_key("summary")) {
        let same = |item: &&Item| text(item, "sk") == text(summary, "sk");
        let of_both: Vec<_> = items.iter().filter(same).map(shard).collect();
        assert_eq!(of_both.len(), 2);
        assert_eq!(
            of_both[0], of_both[1],
            "a chunk is in the shard of its summary"
        );
    }
}

#[tokio::test]
async fn no_table_contains_a_key() {
    let (backend, ada, sdk) = start().await;
    sdk.traces(sdk.batch(10)).await.json();
    let rotate = format!("/apikey/{}/rotate", sdk.key_id());
    let rotated = ada
        .post(&rotate, json!({ "overlapSeconds": 60 }))
        .await
        .json();
    let new = with_key(&sdk, rotated.as_str().unwrap());
    for sdk in [&sdk, &new] {
        sdk.traces(sdk.batch(10)).await.json();
    }
    let dump = backend.dump_all().await;
    for key in [&sdk.key, &new.key] {
        assert!(dump.contains(&key[12..31]), "the public id");
        assert!(!dump.contains(&key[31..63]) && !dump.contains(key.as_str()));
    }
}

#[tokio::test]
async fn only_post_is_allowed() {
    let (backend, _, sdk) = start().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request = Request::builder()
            .method(method)
            .uri(TRACES)
            .header("x-api-key", &sdk.key);
        let response = backend.send(request.body(Body::empty()).unwrap()).await;
        response.problem(405, "method-not-allowed");
        assert_eq!(response.header("allow"), "POST");
    }
}

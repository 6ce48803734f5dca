//! Machines that read telemetry, with an API key that has the scope `telemetry:read`.

use http::Request;
use serde_json::{Value, json};
use shared::base::clock::rfc3339;

use crate::support::log::Log;
use crate::support::{Backend, Response, Sdk, SignedIn};

/// Paths of four routes that read an application's telemetry.
fn paths(application_id: &str) -> [String; 4] {
    ["traces", "traces/trace-0", "logs", "metrics"]
        .map(|of| format!("/telemetry/{of}?applicationId={application_id}"))
}

/// A user, an SDK with one trace and one log record, and a reader of their application.
async fn shop(settings: &[(&str, &str)]) -> (SignedIn, Sdk, Sdk) {
    let ada = Backend::with(settings).await.sign_in("ada").await;
    let sdk = ada.sdk().await;
    assert_eq!(sdk.traces(sdk.batch(1)).await.status, 200);
    assert_eq!(sdk.logs(sdk.log("paid")).await.status, 200);
    let reader = ada.reader(&sdk.application_id).await;
    (ada, sdk, reader)
}

fn with_key(path: &str, key: &str) -> http::request::Builder {
    Request::get(path).header("x-api-key", key)
}

#[tokio::test]
async fn a_reader_gets_what_a_member_gets() {
    let (ada, _, reader) = shop(&[]).await;
    for path in paths(&reader.application_id) {
        let [of_member, of_reader] = [ada.get(&path).await.json(), reader.get(&path).await.json()];
        assert_eq!(of_member, of_reader, "{path}");
    }
}

#[tokio::test]
async fn other_keys_read_nothing_and_learn_nothing() {
    let (ada, sdk, reader) = shop(&[]).await;
    let application = &sdk.application_id;
    let other = ada.create_application("Other").await;
    let of_other = ada.reader(&other).await;
    let of_eve = ada.backend.sign_in("eve").await;
    let of_eve = of_eve.reader(&of_eve.create_application("Eve").await).await;
    let revoked = ada.reader(application).await;
    let path = format!("/apikey/{}", revoked.key_id());
    assert_eq!(ada.delete(&path).await.status, 204);
    let disabled = ada.reader(application).await;
    let path = format!("/apikey/{}", disabled.key_id());
    ada.patch(&path, json!({ "status": "disabled" }))
        .await
        .json();
    let path = format!("/apikey?ApplicationId={application}");
    let soon = rfc3339(ada.backend.clock.now() + jiff::SignedDuration::from_mins(1));
    let expiring = json!({ "scopes": ["telemetry:read"], "expiresAt": soon });
    let expired = ada.post(&path, expiring).await.json();
    ada.backend.later(61);

    let refused: [(&str, &str, &str, u16, &str); 9] = [
        (
            "of another application",
            &of_other.key,
            application,
            403,
            "other-application",
        ),
        (
            "of another user",
            &of_eve.key,
            application,
            403,
            "other-application",
        ),
        (
            "for no application",
            &reader.key,
            "LAAAAAAAAAA",
            403,
            "other-application",
        ),
        (
            "for a malformed application",
            &reader.key,
            "!",
            403,
            "other-application",
        ),
        (
            "that only sends",
            &sdk.key,
            application,
            403,
            "missing-scope",
        ),
        ("revoked", &revoked.key, application, 401, "key-revoked"),
        ("disabled", &disabled.key, application, 401, "key-disabled"),
        (
            "expired",
            expired.as_str().unwrap(),
            application,
            401,
            "key-expired",
        ),
        (
            "invented",
            "upblit_live_x",
            application,
            401,
            "invalid-api-key",
        ),
    ];
    for (what, key, application, status, slug) in refused {
        for path in paths(application) {
            let request = with_key(&path, key).body(axum::body::Body::empty());
            let response = ada.backend.send(request.unwrap()).await;
            assert_eq!(response.status, status, "{what}: {path}");
            response.problem(status, slug);
            assert!(!response.text().contains("trace-0"), "{what}: {path}");
            let challenge = response.header("www-authenticate");
            assert_eq!(challenge.is_empty(), status == 403, "{what}: {challenge}");
        }
    }
}

#[tokio::test]
async fn a_token_and_a_key_at_once_are_refused_without_a_database_call() {
    let (ada, _, reader) = shop(&[]).await;
    for token in [&*ada.token, "wrong", ""] {
        for path in paths(&reader.application_id) {
            let request = with_key(&path, &reader.key);
            let request = request.header("authorization", format!("Bearer {token}"));
            let request = request.body(axum::body::Body::empty()).unwrap();
            let response = ada.backend.send(request).await;
            response.problem(400, "malformed-request");
            assert_eq!(ada.backend.calls.take(), Vec::<String>::new(), "{path}");
        }
    }
}

#[tokio::test]
async fn a_key_is_read_once_in_ten_seconds_and_its_use_is_recorded() {
    let (ada, _, reader) = shop(&[]).await;
    let path = format!("/telemetry/metrics?applicationId={}", reader.application_id);
    let calls = async || {
        assert_eq!(reader.get(&path).await.status, 200);
        let taken = ada.backend.calls.take();
        let of_key = |call: &&String| ["GetItem", "UpdateItem", "BatchGetItem"].contains(&&***call);
        taken.iter().filter(of_key).cloned().collect::<Vec<_>>()
    };
    // The key, its use, a lease of its quota, and one of each quota of the day.
    let first = [
        "GetItem",
        "UpdateItem",
        "UpdateItem",
        "UpdateItem",
        "UpdateItem",
    ];
    assert_eq!(calls().await, first);
    assert_eq!(calls().await, Vec::<String>::new());
    ada.backend.later(11);
    assert_eq!(calls().await, ["GetItem"]);
    let listed = ada
        .get(&format!("/apikey?ApplicationId={}", reader.application_id))
        .await
        .json();
    let mut keys = listed["keys"].as_array().unwrap().iter();
    let key = keys.find(|key| key["id"] == reader.key_id()).unwrap();
    assert_eq!(key["scopes"], json!(["telemetry:read"]));
    assert!(
        key["lastUsedAt"].is_string() && key["health"].is_null(),
        "{key}"
    );
}

#[tokio::test]
async fn a_revoked_key_reads_nothing_after_ten_seconds_of_traffic() {
    let (ada, _, reader) = shop(&[]).await;
    let path = format!("/telemetry/logs?applicationId={}", reader.application_id);
    assert_eq!(reader.get(&path).await.status, 200);
    let key = format!("/apikey/{}", reader.key_id());
    assert_eq!(ada.delete(&key).await.status, 204);
    for _ in 0..10 {
        reader.get(&path).await;
        ada.backend.later(1);
    }
    ada.backend.later(1);
    reader.get(&path).await.problem(401, "key-revoked");
}

#[tokio::test]
async fn a_reader_reads_nothing_of_a_deleted_application() {
    let (ada, _, reader) = shop(&[]).await;
    let application = format!("/applications/{}", reader.application_id);
    assert_eq!(ada.delete(&application).await.status, 204);
    for path in paths(&reader.application_id) {
        assert_eq!(reader.get(&path).await.status, 401);
    }
}

#[tokio::test]
async fn reading_and_sending_share_the_quota_of_the_key() {
    let (ada, sdk, _) = shop(&[("RATE_LIMIT_REQUESTS", "6")]).await;
    let scopes = ["ingest:traces", "telemetry:read"];
    let both = ada.holder(&sdk.application_id, &scopes).await;
    let path = format!("/telemetry/traces?applicationId={}", sdk.application_id);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(both.get(&path).await.status.as_u16());
        statuses.push(both.traces(both.batch(1)).await.status.as_u16());
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 429, 429]);
    let refused: Response = both.get(&path).await;
    refused.problem(429, "rate-limited");
    let left = ada.backend.clock.now().as_second().rem_euclid(60);
    let left = (60 - left).to_string();
    assert_eq!(refused.header("retry-after"), left);
    let standing = refused.header("ratelimit");
    let of_minute = format!(r#""requests";r=0;t={left}, "application";r="#);
    assert!(standing.starts_with(&of_minute), "{standing}");
    assert_eq!(ada.get(&path).await.status, 200, "members have no quota");
    ada.backend.later(60);
    assert_eq!(both.get(&path).await.status, 200);
}

#[tokio::test]
async fn guessing_a_key_is_limited_as_for_ingest() {
    let (ada, _, reader) = shop(&[]).await;
    let path = format!("/telemetry/traces?applicationId={}", reader.application_id);
    let elsewhere = Backend::start().await.sign_in("ada").await;
    let unknown = elsewhere
        .reader(&elsewhere.create_application("Shop").await)
        .await;
    let mut statuses = Vec::new();
    ada.backend.calls.take();
    for _ in 0..7 {
        let request = with_key(&path, &unknown.key).body(axum::body::Body::empty());
        statuses.push(ada.backend.send(request.unwrap()).await.status.as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
    assert_eq!(ada.backend.calls.take(), ["GetItem"; 5]);
    assert_eq!(reader.get(&path).await.status, 200);
}

#[tokio::test]
async fn the_log_line_has_the_kind_of_the_reader() {
    let log = Log::capture();
    let (ada, _, reader) = shop(&[]).await;
    let path = format!(
        "/telemetry/logs?applicationId={}&q=paid",
        reader.application_id
    );
    log.take();
    reader.get(&path).await;
    ada.get(&path).await;
    let lines = log.take();
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [of_reader, of_member] = &lines[..] else {
        panic!("{lines:?}")
    };
    assert_eq!(of_reader["reader"], "key");
    assert_eq!(of_reader["key"], reader.key_id());
    assert!(of_reader["user"].is_null() && of_reader["key_cache_misses"] == 1);
    assert_eq!(of_member["reader"], "member");
    assert!(of_member["key"].is_null() && of_member["user"].is_string());
    for line in lines {
        let line = line.to_string();
        assert!(
            !line.contains(&reader.key) && !line.contains("paid"),
            "{line}"
        );
    }
}

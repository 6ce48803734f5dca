//! Key health: counted by each instance, written rarely, and shown with the key.

use serde_json::{Value, json};
use shared::base::clock::{after, rfc3339};
use std::time::Duration;

use crate::support::callers::Sdk;
use crate::support::{Backend, SignedIn};

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

async fn start() -> (Backend, SignedIn, Sdk) {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    (backend, ada, sdk)
}

/// The health of the SDK's key, as the list shows it.
async fn health(ada: &SignedIn, sdk: &Sdk) -> Value {
    let path = format!("/apikey?ApplicationId={}", sdk.application_id);
    let listed = ada.get(&path).await.json();
    let keys = listed["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["id"] == sdk.key_id()).unwrap();
    key["health"].clone()
}

/// The SDK, sending to another instance.
fn elsewhere(sdk: &Sdk) -> Sdk {
    Sdk {
        backend: sdk.backend.another_instance(),
        ..sdk.clone()
    }
}

/// Number of `UpdateItem` calls since the calls were last taken. If a batch takes no lease and records
/// no use of the key, only key health makes one.
fn updates(backend: &Backend) -> usize {
    let calls = backend.calls.take();
    calls.iter().filter(|call| *call == "UpdateItem").count()
}

fn now(backend: &Backend) -> String {
    rfc3339(backend.clock.now())
}

#[tokio::test]
async fn attempts_with_a_revoked_key_show_as_its_last_error() {
    let (backend, ada, sdk) = start().await;
    sdk.traces(sdk.batch(3)).await.json();
    let since = now(&backend);
    ada.delete(&format!("/apikey/{}", sdk.key_id())).await;
    backend.later(10);
    sdk.traces(sdk.batch(3)).await.problem(401, "key-revoked");
    let shown = health(&ada, &sdk).await;
    let at = now(&backend);
    let error = json!({ "at": at, "reason": "key-revoked", "detail": "the API key was revoked" });
    let expected = json!({
        "since": since, "lastSeenAt": at, "accepted": 3, "truncated": 0, "scrubbed": 0, "rejected": 1,
        "rejectedBy": { "key-revoked": 1 }, "lastError": error, "clockSkewMs": 0,
        "quotaUsedPercent": null,
    });
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn each_rejection_is_counted_by_its_reason() {
    let (backend, ada, sdk) = start().await;
    let mut batch = sdk.batch(5);
    batch["traces"][1] = json!("no span");
    batch["traces"][2]["timestamp"] = json!("2001-01-01T00:00:00Z");
    batch["traces"][3]["timestamp"] = json!("2099-01-01T00:00:00Z");
    sdk.traces(batch).await.json();
    sdk.traces(json!({}))
        .await
        .problem(400, "malformed-request");
    let large = vec![b' '; 6 * 1024 * 1024 + 1];
    sdk.send("/ingest/traces", &[], large)
        .await
        .problem(413, "too-large");
    let html = sdk.send(
        "/ingest/traces",
        &[("content-encoding", "br")],
        b"{}".to_vec(),
    );
    html.await.problem(415, "unsupported-media-type");
    let path = format!("/apikey/{}", sdk.key_id());
    ada.patch(&path, json!({ "status": "disabled" }))
        .await
        .json();
    let cold = elsewhere(&sdk);
    cold.traces(sdk.batch(1)).await.problem(401, "key-disabled");
    backend.later(5);
    sdk.traces(json!({ "traces": 7 }))
        .await
        .problem(400, "malformed-request");

    let shown = health(&ada, &sdk).await;
    assert_eq!(
        (&shown["accepted"], &shown["rejected"]),
        (&json!(2), &json!(8))
    );
    let by = json!({
        "malformed": 1, "too-old": 1, "too-far-ahead": 1, "malformed-request": 2,
        "too-large": 1, "unsupported-media-type": 1, "key-disabled": 1,
    });
    assert_eq!(shown["rejectedBy"], by);
    assert_eq!(shown["lastError"]["reason"], "malformed-request");
    assert_eq!(shown["lastError"]["at"], now(&backend));
}

#[tokio::test]
async fn the_owner_sees_a_key_that_exceeds_its_quota_or_scopes() {
    let backend = Backend::with(&[("RATE_LIMIT_REQUESTS", "1")]).await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    sdk.traces(sdk.batch(1)).await.json();
    backend.later(5);
    sdk.traces(sdk.batch(1)).await.problem(429, "rate-limited");
    let path = format!("/apikey?ApplicationId={}", sdk.application_id);
    let scopes = json!({ "scopes": ["ingest:logs"] });
    let logger = Sdk {
        key: ada
            .post(&path, scopes)
            .await
            .json()
            .as_str()
            .unwrap()
            .to_owned(),
        ..sdk.clone()
    };
    logger
        .traces(sdk.batch(1))
        .await
        .problem(403, "missing-scope");
    assert_eq!(
        health(&ada, &sdk).await["rejectedBy"],
        json!({ "rate-limited": 1 })
    );
    let shown = health(&ada, &logger).await;
    assert_eq!(shown["rejectedBy"], json!({ "missing-scope": 1 }));
    assert_eq!(
        shown["lastError"]["detail"],
        "the API key lacks the scope ingest:traces"
    );
    assert_eq!(shown["clockSkewMs"], Value::Null, "its body was not read");
}

#[tokio::test]
async fn requests_without_the_secret_leave_no_trace_in_key_health() {
    let (backend, ada, sdk) = start().await;
    let guess = shared::identity::api_key::ApiKey::generate(
        sdk.key_id().parse().unwrap(),
        &mut shared::base::random::rng(),
    );
    let guessing = Sdk {
        key: guess.expose().to_owned(),
        ..sdk.clone()
    };
    guessing
        .traces(sdk.batch(1))
        .await
        .problem(401, "invalid-api-key");
    assert_eq!(backend.calls.take(), ["GetItem"]);
    assert_eq!(health(&ada, &sdk).await, Value::Null);
}

#[tokio::test]
async fn a_recorded_error_contains_nothing_that_was_sent() {
    let (backend, ada, sdk) = start().await;
    let secret = "s3cr3t".repeat(50);
    let mut batch = sdk.batch(2);
    batch["traces"][0]["responseStatus"] = json!(secret);
    batch["traces"][1] = json!(format!("{secret} {}", sdk.key));
    sdk.traces(batch).await.json();
    backend.later(5);
    let body = json!({ "traces": sdk.key }).to_string().into_bytes();
    sdk.send("/ingest/traces", &[], body)
        .await
        .problem(400, "malformed-request");
    let detail = health(&ada, &sdk).await["lastError"]["detail"].clone();
    assert!(detail.as_str().unwrap().chars().count() <= 200, "{detail}");
    let dump = backend
        .dump(&backend.database.tables.short_lived)
        .await
        .join("\n");
    assert!(dump.contains(&sdk.key_id()) && dump.contains("malformed"));
    assert!(!dump.contains("s3cr3t") && !dump.contains(&sdk.key[31..]));
}

#[tokio::test]
async fn an_unused_key_has_no_health_and_an_empty_list_costs_no_read() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    let path = format!("/apikey?ApplicationId={id}");
    assert_eq!(
        ada.get(&path).await.json(),
        json!({ "keys": [], "nextCursor": null })
    );
    assert_eq!(backend.calls.take(), ["BatchGetItem", "Query"]);
    for _ in 0..20 {
        ada.mint(&id).await;
    }
    let listed = ada.get(&path).await.json();
    assert_eq!(
        backend.calls.take(),
        ["BatchGetItem", "Query", "BatchGetItem"]
    );
    let keys = listed["keys"].as_array().unwrap();
    assert!(keys.iter().all(|key| key["health"] == Value::Null));
}

#[tokio::test]
async fn a_busy_key_costs_one_write_a_minute() {
    let (backend, ada, sdk) = start().await;
    let since = now(&backend);
    sdk.traces(sdk.batch(1)).await.json();
    assert_eq!(
        updates(&backend),
        5,
        "a lease of the minute, two of the day, the use of the key, its health"
    );
    for _ in 0..11 {
        backend.later(5);
        // Leases last a minute. These belong to the same minute or the next.
        sdk.traces(json!({ "traces": [] })).await.json();
    }
    let leases = updates(&backend);
    assert!(leases <= 1, "nothing but a lease: {leases}");
    assert_eq!(health(&ada, &sdk).await["lastSeenAt"], since);
    backend.later(5);
    sdk.traces(sdk.batch(2)).await.json();
    let shown = health(&ada, &sdk).await;
    assert_eq!(shown["accepted"], 3);
    assert_eq!(shown["since"], since);
    assert_eq!(shown["lastSeenAt"], now(&backend));
}

#[tokio::test]
async fn counts_of_all_instances_are_added() {
    let (backend, ada, sdk) = start().await;
    let other = elsewhere(&sdk);
    for _ in 0..3 {
        sdk.traces(sdk.batch(10)).await.json();
        other
            .traces(json!({ "traces": [{}, sdk.span(1)] }))
            .await
            .json();
        backend.later(MINUTE);
    }
    let shown = health(&ada, &sdk).await;
    assert_eq!(
        (&shown["accepted"], &shown["rejected"]),
        (&json!(33), &json!(3))
    );
    let error = &shown["lastError"];
    assert_eq!(error["detail"], "/traces/0/traceId: is missing");
}

#[tokio::test]
async fn a_new_kind_of_error_is_shown_within_five_seconds() {
    let (backend, ada, sdk) = start().await;
    sdk.traces(sdk.batch(1)).await.json();
    backend.calls.take();
    for second in 1..=10 {
        backend.later(1);
        sdk.traces(json!({ "traces": [{}] })).await.json();
        let expected = usize::from(second == 5);
        assert_eq!(updates(&backend), expected, "{second}");
    }
    assert_eq!(
        health(&ada, &sdk).await["rejectedBy"],
        json!({ "malformed": 5 })
    );
}

#[tokio::test]
async fn a_wrong_client_clock_shows_as_skew() {
    let (backend, ada, sdk) = start().await;
    let at = |seconds| rfc3339(after(backend.clock.now(), Duration::from_secs(seconds)));
    let ahead = json!({ "timestamp": at(3_600), "traces": [] });
    sdk.traces(ahead).await.json();
    assert_eq!(health(&ada, &sdk).await["clockSkewMs"], 3_600_000);

    let other = ada.sdk().await;
    let mut span = other.span(0);
    span["timestamp"] = json!(at(600));
    span["durationMs"] = json!(1_500);
    let without_a_time = json!({ "traces": [other.span(1), span] });
    let answer = other.traces(without_a_time).await.json();
    assert_eq!(answer["rejected"], 1, "too far ahead");
    assert_eq!(health(&ada, &other).await["clockSkewMs"], 600_000);
}

#[tokio::test]
async fn today_and_yesterday_are_shown_and_late_counts_belong_to_their_day() {
    let (backend, mut ada, sdk) = start().await;
    let into_day = backend.clock.now().as_second().rem_euclid(DAY as i64);
    backend.later(DAY - into_day.unsigned_abs() - 30);
    let first = now(&backend);
    sdk.traces(sdk.batch(1)).await.json();
    backend.later(20);
    sdk.traces(sdk.batch(2)).await.json();
    backend.later(20);
    sdk.traces(sdk.batch(4)).await.json();
    ada.refresh().await;
    let shown = health(&ada, &sdk).await;
    assert_eq!(
        (&shown["accepted"], &shown["since"]),
        (&json!(7), &json!(first))
    );

    backend.later(DAY);
    ada.refresh().await;
    assert_eq!(health(&ada, &sdk).await["accepted"], 4, "of the second day");
    backend.later(DAY);
    ada.refresh().await;
    assert_eq!(health(&ada, &sdk).await, Value::Null);
    let items = backend.dump(&backend.database.tables.short_lived).await;
    let days = items.iter().filter(|item| item.contains("health#"));
    assert_eq!(days.count(), 2);
}

#[tokio::test]
async fn when_key_health_cannot_be_written_the_batch_is_stored_and_the_counts_are_kept() {
    let (backend, ada, sdk) = start().await;
    sdk.traces(sdk.batch(1)).await.json();
    let table = &backend.database.tables.short_lived;
    let delete = backend.database.client.delete_table().table_name(table);
    delete.send().await.unwrap();
    backend.later(5);
    sdk.traces(json!({ "traces": [{}, sdk.span(1)] }))
        .await
        .json();
    backend.database.create_missing_tables().await.unwrap();
    backend.later(4);
    sdk.traces(sdk.batch(1)).await.json();
    assert_eq!(
        health(&ada, &sdk).await,
        Value::Null,
        "not tried again at once"
    );
    backend.later(1);
    sdk.traces(sdk.batch(1)).await.json();
    let shown = health(&ada, &sdk).await;
    assert_eq!(
        (&shown["accepted"], &shown["rejected"]),
        (&json!(3), &json!(1))
    );
}

#[tokio::test]
async fn a_batch_that_could_not_be_stored_does_not_count() {
    let (backend, ada, sdk) = start().await;
    let table = &backend.database.tables.telemetry;
    let delete = backend.database.client.delete_table().table_name(table);
    delete.send().await.unwrap();
    sdk.traces(sdk.batch(100))
        .await
        .problem(500, "internal-error");
    backend.database.create_missing_tables().await.unwrap();
    backend.later(MINUTE);
    sdk.traces(sdk.batch(1)).await.json();
    assert_eq!(health(&ada, &sdk).await["accepted"], 1);
}

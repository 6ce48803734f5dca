//! Usage of an application, by day and signal.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::support::{Backend, Sdk, SignedIn};

const DAY: u64 = 24 * 60 * 60;
const FIVE_MINUTES: u64 = 5 * 60;

async fn start() -> (Backend, SignedIn, Sdk) {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    (backend, ada, sdk)
}

async fn usage(user: &SignedIn, sdk: &Sdk, query: &str) -> Value {
    let path = format!("/applications/{}/usage{query}", sdk.application_id);
    user.get(&path).await.json()
}

/// The last days of the usage.
async fn last(user: &SignedIn, sdk: &Sdk, days: usize) -> Vec<Value> {
    let usage = usage(user, sdk, &format!("?days={days}")).await;
    usage["days"].as_array().unwrap().clone()
}

fn signal(requests: u64, events: u64, units: u64) -> Value {
    json!({ "requests": requests, "events": events, "units": units })
}

#[tokio::test]
async fn an_application_without_telemetry_has_thirty_days_of_zeros() {
    let (backend, ada, sdk) = start().await;
    backend.calls.take();
    let shown = usage(&ada, &sdk, "").await;
    assert_eq!(backend.calls.take(), ["BatchGetItem", "BatchGetItem"]);
    assert_eq!(shown["unitsPerDay"], 2_500_000);
    let days = shown["days"].as_array().unwrap();
    assert_eq!(days.len(), 30);
    let zeros = signal(0, 0, 0);
    for day in days {
        assert_eq!((&day["traces"], &day["logs"]), (&zeros, &zeros));
    }
    assert_eq!(days[0]["date"], "2026-01-02");
    assert_eq!(days[29]["date"], "2026-01-31");
}

#[tokio::test]
async fn the_first_batch_of_an_instance_shows_at_once_and_others_within_five_minutes() {
    let (backend, ada, sdk) = start().await;
    sdk.traces(sdk.batch(100)).await.json();
    let [today] = last(&ada, &sdk, 1).await.try_into().unwrap();
    assert_eq!(today["traces"]["requests"], 1);
    assert_eq!(today["traces"]["events"], 100);
    for _ in 0..9 {
        backend.later(1);
        sdk.traces(json!({ "traces": [sdk.span(1)] })).await.json();
    }
    sdk.logs(sdk.log("a")).await.json();
    sdk.send("/ingest/logs", &[], b"{".to_vec()).await;
    backend.later(FIVE_MINUTES);
    sdk.traces(json!({ "traces": [sdk.span(1)] })).await.json();
    let [today] = last(&ada, &sdk, 1).await.try_into().unwrap();
    // Each of these batches takes 2 units.
    assert_eq!(today["traces"], signal(11, 110, 11 * 2));
    assert_eq!(today["logs"], signal(2, 1, 2 + 1));
}

#[tokio::test]
async fn each_day_has_its_own_usage() {
    let (backend, _, sdk) = start().await;
    sdk.traces(sdk.batch(1)).await.json();
    for _ in 0..34 {
        backend.later(DAY);
        sdk.traces(json!({ "traces": [] })).await.json();
    }
    let ada = backend.sign_in("ada").await;
    let days = last(&ada, &sdk, 35).await;
    assert_eq!(days[0]["traces"]["events"], 1);
    for day in &days[1..] {
        assert_eq!(day["traces"], signal(1, 0, 1), "{day}");
    }
    let path = format!("/applications/{}/usage?days=36", sdk.application_id);
    ada.get(&path).await.problem(400, "invalid-fields");
}

/// When DynamoDB may delete an item of the ShortLived table, in seconds since the Unix epoch.
async fn expiry(backend: &Backend, pk: String) -> u64 {
    let table = &backend.database.tables.short_lived;
    let get = backend.database.client.get_item().table_name(table);
    let item = get.key("pk", AttributeValue::S(pk)).send().await.unwrap();
    let expires_at = &item.item.unwrap()["expires_at"];
    expires_at.as_n().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_usage_of_a_day_is_kept_for_thirty_six_more_days_and_the_quota_of_a_user_for_one() {
    let (backend, ada, sdk) = start().await;
    sdk.traces(sdk.batch(1)).await.json();
    let user = ada.get("/me").await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let midnight = 1_769_904_000;
    for (pk, days) in [
        (format!("usage#{}#2026-01-31", sdk.application_id), 36),
        (format!("usage#user-{user}#2026-01-31"), 1),
    ] {
        assert_eq!(expiry(&backend, pk).await, midnight + days * DAY);
    }
}

#[tokio::test]
async fn instances_add_to_the_same_day() {
    let (backend, ada, sdk) = start().await;
    for _ in 0..5 {
        let cold = Sdk {
            backend: backend.another_instance(),
            ..sdk.clone()
        };
        cold.traces(json!({ "traces": [cold.span(1)] }))
            .await
            .json();
    }
    let [today] = last(&ada, &sdk, 1).await.try_into().unwrap();
    assert_eq!(today["traces"]["requests"], 5);
    assert_eq!(today["traces"]["events"], 5);
}

#[tokio::test]
async fn what_is_over_the_quota_is_not_usage() {
    let backend = Backend::with(&[("APPLICATION_DAILY_UNITS", "4")]).await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    for _ in 0..5 {
        sdk.traces(json!({ "traces": [sdk.span(1)] })).await.json();
    }
    backend.later(FIVE_MINUTES);
    sdk.traces(json!({ "traces": [sdk.span(1)] })).await.json();
    let shown = usage(&ada, &sdk, "?days=1").await;
    assert_eq!(shown["unitsPerDay"], 4);
    assert_eq!(shown["days"][0]["traces"], signal(2, 2, 4));
}

#[tokio::test]
async fn a_body_of_which_little_is_stored_is_charged_a_unit_for_each_quarter_of_a_mebibyte() {
    let (_, ada, sdk) = start().await;
    let mut body = json!({ "traces": [sdk.span(0)] }).to_string().into_bytes();
    body.resize(5 << 20, b' ');
    let answer = sdk.send("/ingest/traces", &[], body.clone()).await;
    assert_eq!(answer.json()["accepted"], 1);
    sdk.backend.later(FIVE_MINUTES);
    let answer = sdk.send("/ingest/traces", &[], body).await;
    assert_eq!(answer.json()["accepted"], 1);
    let [today] = last(&ada, &sdk, 1).await.try_into().unwrap();
    assert_eq!(today["traces"]["requests"], 2);
    sdk.backend.later(FIVE_MINUTES);
    sdk.traces(json!({ "traces": [] })).await.json();
    let [today] = last(&ada, &sdk, 1).await.try_into().unwrap();
    assert_eq!(today["traces"], signal(3, 2, 20 + 20 + 1));
}

#[tokio::test]
async fn every_role_reads_usage_and_strangers_do_not() {
    let (backend, ada, sdk) = start().await;
    let viewer = backend.sign_in("bob").await;
    let invite = ada.invite(&sdk.application_id, "viewer").await;
    viewer.join(&invite).await;
    assert_eq!(last(&viewer, &sdk, 3).await.len(), 3);
    let eve = backend.sign_in("eve").await;
    let path = format!("/applications/{}/usage", sdk.application_id);
    eve.get(&path).await.problem(404, "not-found");
}

#[tokio::test]
async fn requests_that_the_quota_of_the_user_refuses_are_not_usage_of_the_application() {
    let backend = Backend::with(&[("USER_DAILY_UNITS", "4")]).await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    for _ in 0..2 {
        sdk.traces(json!({ "traces": [sdk.span(1)] })).await.json();
    }
    for _ in 0..5 {
        let cold = Sdk {
            backend: backend.another_instance(),
            ..sdk.clone()
        };
        let refused = cold.traces(json!({ "traces": [cold.span(1)] })).await;
        assert_eq!(refused.json()["accepted"], 0);
    }
    backend.later(FIVE_MINUTES);
    sdk.traces(json!({ "traces": [sdk.span(1)] })).await.json();
    let [today] = last(&ada, &sdk, 1).await.try_into().unwrap();
    assert_eq!(today["traces"], signal(2, 2, 4));
    assert_eq!(today["refusedForCreator"], 1 + 5, "shown, but not charged");
}

#[tokio::test]
async fn batches_over_the_quota_of_the_user_write_their_number_every_five_minutes_alone() {
    let backend = Backend::with(&[("USER_DAILY_UNITS", "4")]).await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    let other = ada.sdk().await;
    for _ in 0..3 {
        other
            .traces(json!({ "traces": [other.span(1)] }))
            .await
            .json();
    }
    sdk.traces(json!({ "traces": [sdk.span(1)] })).await.json();
    backend.later(60);
    sdk.traces(json!({ "traces": [sdk.span(1)] })).await.json();
    backend.calls.take();
    for _ in 0..10 {
        sdk.traces(json!({ "traces": [sdk.span(1)] })).await.json();
    }
    assert_eq!(backend.calls.take(), Vec::<String>::new());
    backend.later(FIVE_MINUTES);
    sdk.traces(json!({ "traces": [sdk.span(1)] })).await.json();
    let [today] = last(&ada, &sdk, 1).await.try_into().unwrap();
    assert_eq!(today["refusedForCreator"], 13);
    assert_eq!(today["traces"], signal(0, 0, 0));
}

#[tokio::test]
async fn a_body_that_is_refused_is_charged_by_its_size() {
    let too_large = vec![b' '; (6 << 20) + 1];
    let unreadable = vec![b' '; 5 << 20];
    // One byte of gzip can become 1,032.
    let mut corrupt = vec![0; 64 << 10];
    corrupt[..3].copy_from_slice(&[0x1f, 0x8b, 8]);
    for (body, units) in [(too_large, 24), (unreadable, 20), (corrupt, 4 * 64)] {
        let (backend, ada, sdk) = start().await;
        let refused = sdk.send("/ingest/traces", &[], body).await;
        assert!(refused.status.is_client_error(), "{}", refused.status);
        backend.later(FIVE_MINUTES);
        sdk.traces(json!({ "traces": [] })).await.json();
        let [today] = last(&ada, &sdk, 1).await.try_into().unwrap();
        assert_eq!(today["traces"], signal(2, 0, units + 1));
    }
}

//! What the tests against DynamoDB Local rely on: which items an engine deletes by itself, and the list
//! of tests that it cannot run.

use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use shared::base::clock::Clock;

use crate::documents::test_exists;
use crate::routes::root;
use crate::support::engine::Engine;
use crate::support::{Backend, Sdk, stored};

/// An SDK whose application keeps telemetry for this long.
async fn sdk_with_retention(backend: &Backend, days: u8) -> Sdk {
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    let application = format!("/applications/{}", sdk.application_id);
    let settings = json!({ "retentionDays": days });
    ada.patch(&application, settings).await.json();
    sdk
}

#[tokio::test]
async fn an_engine_deletes_telemetry_after_its_retention_and_nothing_else() {
    let engine = Engine::that_deletes_what_expired().await;
    let configured = |config| engine.configure(config);
    let backend = Backend::over_with(&engine.url, &[], configured).await;
    let ten_days_ago = Clock::system().now() - SignedDuration::from_hours(240);
    backend.clock.set(ten_days_ago);
    let kept = sdk_with_retention(&backend, 30).await;
    kept.traces(kept.batch(3)).await.json();
    let items_kept = stored::all(&backend).await;
    let expired = sdk_with_retention(&backend, 7).await;
    let answer = expired.traces(expired.batch(5)).await.json();
    assert_eq!(answer["accepted"], 5);

    let mut items = stored::all(&backend).await;
    for _ in 0..100 {
        if items.len() <= items_kept.len() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        items = stored::all(&backend).await;
    }
    assert_eq!(items.len(), items_kept.len());
    assert!(items_kept.iter().all(|item| items.contains(item)));
    // Sessions and keys last longer than ten days.
    let ada = backend.sign_in("ada").await;
    let keys = format!("/apikey?ApplicationId={}", expired.application_id);
    assert_eq!(
        ada.get(&keys).await.json()["keys"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        ada.get("/sessions").await.json()["sessions"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn every_test_that_the_second_engine_skips_exists_and_has_a_reason() {
    let skips = include_str!("../../.ci/dynamodb-skips.txt").lines();
    for skip in skips.filter(|line| !line.starts_with('#')) {
        let (name, reason) = skip.split_once(' ').unwrap_or((skip, ""));
        assert!(reason.ends_with('.'), "{skip}");
        let is_module = name
            .strip_suffix("::")
            .is_some_and(|module| root().join(format!("tests/flows/{module}.rs")).exists());
        assert!(
            is_module || test_exists(&format!("flows::{name}")),
            "{skip}"
        );
    }
}

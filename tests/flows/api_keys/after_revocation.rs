//! The end of the 30 days for which a revoked key is kept. DynamoDB may delete it days later.

use http::Method;
use serde_json::json;

use super::keys;
use crate::support::Backend;

const DAY_SECONDS: u64 = 24 * 60 * 60;

#[tokio::test]
async fn thirty_days_after_its_revocation_a_key_is_treated_as_unknown() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    let path = format!("/apikey/{}", sdk.key_id());
    assert_eq!(ada.delete(&path).await.status, 204);

    backend.later(30 * DAY_SECONDS - 1);
    let ada = backend.sign_in("ada").await;
    let listed = keys(&ada, &sdk.application_id).await;
    assert_eq!(listed[0]["status"], "revoked");
    sdk.traces(sdk.batch(1)).await.problem(401, "key-revoked");

    backend.later(1);
    assert!(keys(&ada, &sdk.application_id).await.is_empty());
    let refused = sdk.traces(sdk.batch(1)).await;
    refused.problem(401, "invalid-api-key");
    let changed = ada.patch(&path, json!({ "name": "again" })).await;
    changed.problem(404, "not-found");
    let rotated = ada
        .send(Method::POST, &format!("{path}/rotate"), None)
        .await;
    rotated.problem(404, "not-found");
    ada.delete(&path).await.problem(404, "not-found");
}

//! Access tokens of ended sessions can still read until they expire, but change nothing.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::store::tables::definitions;

use super::protected::successes;
use crate::events::{filled, invoke, of_account};
use crate::support::Backend;

/// Whether the request of this event only reads.
fn is_read(event: &Value) -> bool {
    let method = &event["requestContext"]["http"]["method"];
    // A preview is a POST, because tokens are never put into a path or query.
    method == "GET" || method == "HEAD" || event["routeKey"] == "POST /invites/preview"
}

/// Every item of every table, in a fixed order.
async fn items(backend: &Backend) -> Vec<BTreeMap<String, String>> {
    let mut items = Vec::new();
    for table in definitions(&backend.database.tables) {
        let scan = backend.database.client.scan().table_name(table.name);
        for item in scan.send().await.unwrap().items.unwrap_or_default() {
            let values = item.into_iter();
            items.push(
                values
                    .map(|(name, value)| (name, format!("{value:?}")))
                    .collect(),
            );
        }
    }
    backend.calls.take();
    items.sort();
    items
}

#[tokio::test]
async fn no_route_changes_anything_for_a_signed_out_user() {
    let backend = Backend::start().await;
    let mut tried = Vec::new();
    for (index, case) in successes(Some("bearer")).into_iter().enumerate() {
        if is_read(&case.event) {
            continue;
        }
        let user = backend.sign_in(&format!("user-{index}")).await;
        let event = filled(&case.event, &of_account(&user).await);
        user.logout().await;
        let before = items(&backend).await;

        let response = invoke(&backend, &event).await;
        let calls = backend.calls.take();
        assert_eq!(response.status, 401, "{}: {}", case.name, response.text());
        response.problem(401, "invalid-access-token");
        assert_eq!(items(&backend).await, before, "{}", case.name);
        // The transaction of the change refuses it: the session could end after a separate check before
        // it.
        assert_eq!(
            calls.last().map(String::as_str),
            Some("TransactWriteItems"),
            "{}",
            case.name
        );
        tried.push(case.name);
    }
    assert!(tried.len() >= 9, "{tried:?}");
}

#[tokio::test]
async fn a_signed_out_user_enables_no_key() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    let key = format!("/apikey/{}", sdk.key_id());
    let switch = async |status: &str| {
        let change = serde_json::json!({ "status": status });
        ada.patch(&key, change).await
    };
    assert_eq!(switch("disabled").await.status, 200);
    ada.logout().await;
    switch("active").await.problem(401, "invalid-access-token");
    backend.later(60);
    sdk.traces(sdk.batch(1)).await.problem(401, "key-disabled");
}

#[tokio::test]
async fn a_session_that_expired_changes_nothing_either() {
    let backend = Backend::with(&[("ACCESS_TOKEN_TTL", "86400"), ("REFRESH_IDLE_TTL", "3600")]);
    let backend = backend.await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    backend.later(3_601);
    assert_eq!(ada.get("/applications").await.status, 200, "a read");
    let deleted = ada.delete(&format!("/applications/{id}")).await;
    deleted.problem(401, "invalid-access-token");
}

#[tokio::test]
async fn signing_out_twice_succeeds_and_ending_all_sessions_twice_does_not() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    for _ in 0..2 {
        assert_eq!(ada.logout().await.status, 204);
    }
    assert_eq!(bob.delete("/sessions").await.status, 204);
    for path in ["/sessions", "/sessions?except=current"] {
        bob.delete(path).await.problem(401, "invalid-access-token");
    }
    assert_eq!(bob.logout().await.status, 204);
}

//! `upblit admin revoke-leaked`: keys in a text that an operator has.

use local::admin::revoke_leaked;
use serde_json::json;
use shared::base::clock::Clock;

use super::is_live;
use crate::support::faulty_engine::{Fault, FaultyEngine};
use crate::support::{Backend, Sdk};

/// What the command prints for a text.
async fn revoke(backend: &Backend, text: &str) -> String {
    let (clock, _) = Clock::manual(backend.clock.now());
    let mut out = Vec::new();
    let code = revoke_leaked(text, &backend.database, &clock, &mut out).await;
    code.unwrap();
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn an_operator_revokes_the_keys_in_a_text_and_prints_only_their_ids() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let leaked = ada.sdk().await;
    let other = Sdk {
        key: ada.mint(&leaked.application_id).await,
        ..leaked.clone()
    };
    let elsewhere = Backend::start().await.sign_in("eve").await.sdk().await;
    let text = format!(
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a\n-KEY='{0}'\n+KEY={0}\n{1}",
        leaked.key, elsewhere.key
    );
    assert!(is_live(&leaked).await);
    backend.later(1);
    backend.calls.take();
    let printed = revoke(&backend, &text).await;
    assert_eq!(
        backend.calls.take(),
        ["GetItem", "TransactWriteItems", "GetItem"]
    );
    let (revoked, unknown) = (leaked.key_id(), elsewhere.key_id());
    let expected = format!(
        "key {revoked}: revoked\nkey {unknown}: not a valid key of this deployment\n2 keys found\n"
    );
    assert_eq!(printed, expected);
    assert!(!is_live(&leaked).await);
    assert!(is_live(&other).await, "only the leaked one");

    let path = format!("/applications/{}/audit", leaked.application_id);
    let entries = ada.get(&path).await.json();
    let entry = &entries["entries"][0];
    assert_eq!(
        (&entry["action"], &entry["actor"]),
        (&json!("key.revoked"), &json!("upblit")),
        "{entries}"
    );
    let again = revoke(&backend, &leaked.key).await;
    assert_eq!(
        again,
        format!("key {revoked}: was revoked before\n1 keys found\n")
    );
    assert_eq!(revoke(&backend, "no key").await, "0 keys found\n");
}

#[tokio::test]
async fn a_revocation_that_storage_refuses_can_be_repeated() {
    let (engine, backend) = FaultyEngine::start().await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    engine.fail("TransactWriteItems", Fault::Denied, 0, 1);
    let (clock, _) = Clock::manual(backend.clock.now());
    let mut out = Vec::new();
    let failed = revoke_leaked(&sdk.key, &backend.database, &clock, &mut out).await;
    let error = failed.unwrap_err().to_string();
    assert!(!error.contains(&sdk.key), "{error}");
    assert!(is_live(&sdk).await);
    assert!(revoke(&backend, &sdk.key).await.contains(": revoked\n"));
    assert!(!is_live(&sdk).await);
}

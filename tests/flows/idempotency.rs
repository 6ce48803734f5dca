//! `Idempotency-Key`: a creation that is sent again creates nothing twice.

use std::collections::BTreeSet;

use axum::body::Body;
use futures_util::future::join_all;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::support::{Backend, Response, Sdk, SignedIn};

const KEY: &str = "8e03978e-40d5-43dd-bc93-6894a57f9324";
const DAY: u64 = 24 * 60 * 60;

/// Sends a creation with these `Idempotency-Key` headers.
async fn create(user: &SignedIn, path: &str, keys: &[&[u8]], body: &Value) -> Response {
    let mut request = Request::post(path)
        .header(AUTHORIZATION, format!("Bearer {}", user.token))
        .header(CONTENT_TYPE, "application/json");
    for key in keys {
        request = request.header("idempotency-key", *key);
    }
    let request = request.body(Body::from(body.to_string())).unwrap();
    user.backend.send(request).await
}

async fn shop(user: &SignedIn) -> Response {
    let body = json!({ "name": "Shop" });
    create(user, "/applications", &[KEY.as_bytes()], &body).await
}

fn id_of(created: &Response) -> String {
    created.json()["id"].as_str().unwrap().to_owned()
}

async fn applications(user: &SignedIn) -> usize {
    let list = user.get("/applications").await.json();
    list["applications"].as_array().unwrap().len()
}

/// Creates an API key with [`KEY`].
async fn mint(user: &SignedIn, application_id: &str) -> Response {
    let path = format!("/apikey?ApplicationId={application_id}");
    create(user, &path, &[KEY.as_bytes()], &json!({ "name": "Till" })).await
}

fn sdk(user: &SignedIn, application_id: &str, minted: &Response) -> Sdk {
    Sdk {
        backend: user.backend.clone(),
        application_id: application_id.to_owned(),
        key: minted.json().as_str().unwrap().to_owned(),
    }
}

/// The status of each key of an application, oldest first.
async fn statuses(user: &SignedIn, application_id: &str) -> Vec<String> {
    let path = format!("/apikey?ApplicationId={application_id}");
    let list = user.get(&path).await.json();
    let keys = list["keys"].as_array().unwrap().iter();
    keys.map(|key| key["status"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn an_application_that_is_created_again_with_the_same_key_is_returned_again() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let first = shop(&ada).await;
    assert_eq!(first.status, 201);
    assert_eq!(backend.calls.take(), ["TransactWriteItems"]);
    let second = shop(&ada).await;
    assert_eq!((second.status, second.json()), (first.status, first.json()));
    assert_eq!(backend.calls.take(), ["TransactWriteItems", "BatchGetItem"]);
    let quoted = format!("\"{KEY}\"");
    let body = json!({ "environment": "production", "name": "Shop" });
    let third = create(&ada, "/applications", &[quoted.as_bytes()], &body).await;
    assert_eq!(
        third.json(),
        first.json(),
        "a string of RFC 9651, the same body"
    );
    assert_eq!(applications(&ada).await, 1);
}

#[tokio::test]
async fn an_application_is_returned_again_also_at_the_limit_of_applications() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let first = shop(&ada).await;
    for _ in 1..20 {
        ada.create_application("Another").await;
    }
    assert_eq!(shop(&ada).await.json(), first.json());
}

#[tokio::test]
async fn another_request_with_the_same_key_is_422_and_creates_nothing() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = id_of(&shop(&ada).await);
    let of_keys = format!("/apikey?ApplicationId={id}");
    for (path, body) in [
        ("/applications", json!({ "name": "Till" })),
        (
            "/applications",
            json!({ "name": "Shop", "environment": "test" }),
        ),
        (
            "/applications",
            json!({ "name": "Shop", "retentionDays": 7 }),
        ),
        (&of_keys, json!({ "name": "Shop" })),
    ] {
        let refused = create(&ada, path, &[KEY.as_bytes()], &body).await;
        refused.problem(422, "idempotency-key-reused");
    }
    assert_eq!(applications(&ada).await, 1);
    assert_eq!(statuses(&ada, &id).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_key_that_is_created_again_replaces_the_first() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    let first = sdk(&ada, &id, &mint(&ada, &id).await);
    assert_eq!(backend.calls.take(), ["TransactWriteItems"]);
    let second = mint(&ada, &id).await;
    let calls = ["TransactWriteItems", "TransactWriteItems"];
    assert_eq!(backend.calls.take(), calls, "refused, and replaced in one");
    let second = sdk(&ada, &id, &second);
    assert_ne!(first.key, second.key);
    first
        .traces(first.batch(1))
        .await
        .problem(401, "key-revoked");
    assert_eq!(second.traces(second.batch(1)).await.status, 200);
    let mut statuses = statuses(&ada, &id).await;
    statuses.sort();
    assert_eq!(statuses, ["active", "revoked"]);
    let audit = ada.get(&format!("/applications/{id}/audit")).await.json();
    let entries = audit["entries"].as_array().unwrap().iter();
    let mut actions: Vec<_> = entries
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    actions.sort_unstable();
    assert_eq!(
        actions,
        [
            "application.created",
            "key.minted",
            "key.minted",
            "key.revoked"
        ]
    );
}

#[tokio::test]
async fn a_replaced_key_leaves_its_place_to_the_new_one() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    assert_eq!(mint(&ada, &id).await.status, 200);
    for _ in 1..20 {
        ada.mint(&id).await;
    }
    let path = format!("/applications/{id}");
    let settings = json!({ "retentionDays": 7 });
    assert_eq!(ada.patch(&path, settings).await.status, 200);
    assert_eq!(mint(&ada, &id).await.status, 200, "at the limit of keys");
    let path = format!("/apikey?ApplicationId={id}");
    let more = create(&ada, &path, &[], &json!({})).await;
    more.problem(409, "key-limit");
}

#[tokio::test]
async fn a_creation_whose_key_was_revoked_creates_a_new_key() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    let first = sdk(&ada, &id, &mint(&ada, &id).await);
    let path = format!("/apikey/{}", first.key_id());
    assert_eq!(ada.delete(&path).await.status, 204);
    let second = sdk(&ada, &id, &mint(&ada, &id).await);
    assert_eq!(second.traces(second.batch(1)).await.status, 200);
    for _ in 1..20 {
        ada.mint(&id).await;
    }
    let path = format!("/apikey?ApplicationId={id}");
    let more = create(&ada, &path, &[], &json!({})).await;
    more.problem(409, "key-limit");
}

#[tokio::test]
async fn simultaneous_duplicates_create_one_application_and_leave_one_active_key() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let created = join_all((0..10).map(|_| shop(&ada))).await;
    let ids: BTreeSet<_> = created.iter().map(id_of).collect();
    assert_eq!((ids.len(), applications(&ada).await), (1, 1));
    let id = ids.first().unwrap();
    let path = format!("/apikey?ApplicationId={id}");
    let keys: [&[u8]; 1] = [b"another key"];
    let body = json!({});
    let minted = join_all((0..6).map(|_| create(&ada, &path, &keys, &body))).await;
    let minted: Vec<_> = minted
        .iter()
        .filter(|response| response.status == 200)
        .collect();
    assert!(!minted.is_empty());
    let statuses = statuses(&ada, id).await;
    assert_eq!(statuses.len(), minted.len());
    let active = statuses.iter().filter(|status| *status == "active");
    assert_eq!(active.count(), 1, "{statuses:?}");
}

#[tokio::test]
async fn the_same_key_from_two_users_creates_two_applications() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    assert_ne!(id_of(&shop(&ada).await), id_of(&shop(&bob).await));
    assert!(!backend.dump_all().await.contains(KEY), "stored as a hash");
}

#[tokio::test]
async fn an_idempotency_key_is_valid_for_a_day() {
    let backend = Backend::start().await;
    let first = id_of(&shop(&backend.sign_in("ada").await).await);
    backend.later(DAY - 1);
    assert_eq!(id_of(&shop(&backend.sign_in("ada").await).await), first);
    backend.later(1);
    let ada = backend.sign_in("ada").await;
    assert_ne!(id_of(&shop(&ada).await), first);
    assert_eq!(applications(&ada).await, 2);
}

#[tokio::test]
async fn a_malformed_key_is_400_and_creates_nothing() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let long = "x".repeat(256);
    let id = ada.create_application("Shop").await;
    let of_keys = format!("/apikey?ApplicationId={id}");
    for path in ["/applications", &of_keys] {
        for keys in [
            &[&b""[..]][..],
            &[b" "],
            &[b"\"\""],
            &["sch\u{f6}n".as_bytes()],
            &[b"\xff"],
            &[long.as_bytes()],
            &[b"one", b"two"],
        ] {
            let refused = create(&ada, path, keys, &json!({ "name": "Till" })).await;
            refused.problem(400, "malformed-request");
            assert_eq!(backend.calls.take(), Vec::<String>::new());
        }
    }
    let longest = "x".repeat(255);
    let body = json!({ "name": "Till" });
    let created = create(&ada, "/applications", &[longest.as_bytes()], &body).await;
    assert_eq!(created.status, 201);
}

#[tokio::test]
async fn a_creation_is_not_returned_again_after_a_deletion_or_a_sign_out() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = id_of(&shop(&ada).await);
    assert_eq!(ada.delete(&format!("/applications/{id}")).await.status, 204);
    shop(&ada).await.problem(404, "not-found");
    ada.logout().await;
    shop(&ada).await.problem(401, "invalid-access-token");
}

//! API keys: created and shown once, listed without the secret, rotated, revoked.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::support::{Backend, Sdk, SignedIn};
use shared::identity::application::RetentionDays;

mod after_revocation;

async fn keys(user: &SignedIn, application_id: &str) -> Vec<Value> {
    let listed = user
        .get(&format!("/apikey?ApplicationId={application_id}"))
        .await
        .json();
    listed["keys"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_created_key_is_one_json_string_and_is_never_shown_again() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    let minted = ada
        .send(Method::POST, &format!("/apikey?ApplicationId={id}"), None)
        .await;
    assert_eq!(backend.calls.take(), ["TransactWriteItems"]);
    assert_eq!(minted.status, 200);
    assert_eq!(minted.header("content-type"), "application/json");
    assert_eq!(minted.header("cache-control"), "no-store");
    let key = minted.json().as_str().unwrap().to_owned();
    assert!(
        key.starts_with(&format!("upblit_live_{id}")),
        "scoped to the application"
    );
    assert_eq!(key.len(), "upblit_live_".len() + 57);

    let listed = keys(&ada, &id).await;
    assert_eq!(listed[0]["id"], key[12..31]);
    assert_eq!(
        listed[0]["hint"],
        format!("upblit_live_…{}", &key[key.len() - 4..])
    );
    assert_eq!(listed[0]["scopes"], json!(["ingest:traces", "ingest:logs"]));
    assert_eq!(listed[0]["status"], "active");
    assert_eq!(listed[0]["lastUsedAt"], json!(null));
    let secret = &key[31..63];
    assert!(!format!("{listed:?}").contains(secret));
    assert!(
        !backend.dump_all().await.contains(secret),
        "a key is stored"
    );
}

#[tokio::test]
async fn a_key_may_have_a_name_scopes_and_an_expiry() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    let path = format!("/apikey?ApplicationId={id}");
    let body = json!({
        "name": "CI", "scopes": ["ingest:logs", "ingest:logs"], "expiresAt": "2099-01-01T00:00:00Z",
    });
    assert_eq!(ada.post(&path, body).await.status, 200);
    let listed = keys(&ada, &id).await;
    assert_eq!(
        (&listed[0]["name"], &listed[0]["scopes"]),
        (&json!("CI"), &json!(["ingest:logs"]))
    );
    assert_eq!(listed[0]["expiresAt"], "2099-01-01T00:00:00.000Z");
    for (body, pointer) in [
        (json!({ "scopes": [] }), "/scopes"),
        (json!({ "scopes": ["admin"] }), "/scopes/0"),
        (json!({ "expiresAt": "2001-01-01T00:00:00Z" }), "/expiresAt"),
        (json!({ "expiresAt": "soon" }), "/expiresAt"),
        (json!({ "name": "" }), "/name"),
    ] {
        let problem = ada.post(&path, body).await.problem(400, "invalid-fields");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
}

#[tokio::test]
async fn applications_of_all_environments_but_production_get_test_keys() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    for environment in ["staging", "development", "test"] {
        let body = json!({ "name": " Shop ", "environment": environment });
        let created = ada.post("/applications", body).await.json();
        assert_eq!(created["name"], "Shop");
        let id = created["id"].as_str().unwrap();
        let read = ada.get(&format!("/applications/{id}")).await.json();
        assert_eq!(read["environment"], environment);
        let key = ada.mint(id).await;
        assert!(key.starts_with("upblit_test_"), "{environment}");
        let sdk = Sdk {
            backend: backend.clone(),
            application_id: id.to_owned(),
            key,
        };
        assert_eq!(sdk.traces(sdk.batch(1)).await.json()["accepted"], 1);
    }
    let body = json!({ "name": "Shop", "environment": "prod" });
    let refused = ada.post("/applications", body).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn foreign_missing_and_malformed_application_ids_are_refused() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let eve = backend.sign_in("eve").await;
    let adas = ada.create_application("Shop").await;
    for id in [
        adas.as_str(),
        "Lxxxxxxxxxx",
        "x",
        "",
        "%27%20OR%201%3D1",
        &"x".repeat(1024),
    ] {
        let path = format!("/apikey?ApplicationId={id}");
        for method in [Method::POST, Method::GET] {
            eve.send(method, &path, None)
                .await
                .problem(404, "not-found");
        }
    }
    for query in [
        "",
        "?applicationid=x",
        &format!("?ApplicationId={adas}&ApplicationId={adas}"),
    ] {
        let response = ada
            .send(Method::POST, &format!("/apikey{query}"), None)
            .await;
        response.problem(400, "malformed-request");
    }
}

#[tokio::test]
async fn a_signed_out_token_creates_and_rotates_no_key() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    let key = ada.mint(&id).await;
    ada.logout().await;
    let minted = ada
        .send(Method::POST, &format!("/apikey?ApplicationId={id}"), None)
        .await;
    minted.problem(401, "invalid-access-token");
    let rotate = format!("/apikey/{}/rotate", &key[12..31]);
    ada.send(Method::POST, &rotate, None)
        .await
        .problem(401, "invalid-access-token");
}

#[tokio::test]
async fn parallel_creations_respect_the_key_limit() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    let path = format!("/apikey?ApplicationId={id}");
    let mints = (0..40).map(|_| ada.send(Method::POST, &path, None));
    let responses = futures_util::future::join_all(mints).await;
    let minted = responses
        .iter()
        .filter(|response| response.status == 200)
        .count();
    for refused in responses.iter().filter(|response| response.status != 200) {
        assert!(
            [409, 503].contains(&refused.status.as_u16()),
            "{}",
            refused.text()
        );
    }
    assert!(minted <= 20, "{minted}");
    assert_eq!(keys(&ada, &id).await.len(), minted);
    for _ in minted..20 {
        ada.mint(&id).await;
    }
    ada.send(Method::POST, &path, None)
        .await
        .problem(409, "key-limit");
}

#[tokio::test]
async fn creating_a_key_in_an_application_with_settings_takes_a_second_transaction() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let body = json!({ "name": "Shop", "retentionDays": 7 });
    let created = ada.post("/applications", body).await.json();
    let id = created["id"].as_str().unwrap();
    let path = format!("/apikey?ApplicationId={id}");
    backend.calls.take();
    for _ in 0..20 {
        assert_eq!(ada.post(&path, json!({})).await.status, 200);
        let twice = ["TransactWriteItems", "TransactWriteItems"];
        assert_eq!(backend.calls.take(), twice);
    }
    ada.post(&path, json!({})).await.problem(409, "key-limit");
    assert_eq!(backend.calls.take(), ["TransactWriteItems"]);
    let eve = backend.sign_in("eve").await;
    eve.post(&path, json!({})).await.problem(404, "not-found");
    for stored in backend
        .database
        .api_keys(id.parse().unwrap())
        .await
        .unwrap()
    {
        assert_eq!(stored.telemetry.retention.map(RetentionDays::get), Some(7));
    }
}

#[tokio::test]
async fn a_rotated_key_keeps_its_applications_settings() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    let application = format!("/applications/{}", sdk.application_id);
    ada.patch(&application, json!({ "retentionDays": 7, "shards": 3 }))
        .await
        .json();
    let key = sdk.key_id().parse().unwrap();
    let before = backend.database.api_key(key).await.unwrap().unwrap();
    ada.post(&format!("/apikey/{}/rotate", sdk.key_id()), json!({}))
        .await
        .json();
    let after = backend.database.api_key(key).await.unwrap().unwrap();
    assert_ne!(after.key.hash, before.key.hash);
    assert_eq!(after.telemetry, before.telemetry);
}

#[tokio::test]
async fn keys_created_while_settings_change_get_the_new_settings() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let mut met = false;
    for _ in 0..10 {
        let id = ada.create_application("Shop").await;
        let mint = format!("/apikey?ApplicationId={id}");
        let application = format!("/applications/{id}");
        let mints = (0..4).map(|_| ada.send(Method::POST, &mint, None));
        let changes = (2..5).map(|n| {
            let settings = json!({ "retentionDays": n, "shards": n });
            ada.patch(&application, settings)
        });
        let (minted, changed) = futures_util::future::join(
            futures_util::future::join_all(mints),
            futures_util::future::join_all(changes),
        )
        .await;
        // Contention is 503. If another request raised the shards first, it is 400.
        let statuses = minted.iter().chain(&changed).map(|r| r.status.as_u16());
        let statuses: Vec<u16> = statuses.collect();
        assert!(
            statuses.iter().all(|s| [200, 400, 503].contains(s)),
            "{statuses:?}"
        );
        met |= changed.iter().any(|response| response.status == 200);

        let settings = ada.get(&application).await.json();
        let keys = backend
            .database
            .api_keys(id.parse().unwrap())
            .await
            .unwrap();
        let ok = minted
            .iter()
            .filter(|response| response.status == 200)
            .count();
        assert_eq!(keys.len(), ok);
        for key in keys {
            let days = key.telemetry.retention.map(RetentionDays::get);
            assert_eq!(json!(days), settings["retentionDays"]);
            assert_eq!(json!(key.telemetry.shards.get()), settings["shards"]);
        }
    }
    assert!(met, "no change came through in any round");
}

#[tokio::test]
async fn a_revoked_key_makes_room_and_stays_revoked() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    let path = format!("/apikey/{}", sdk.key_id());
    assert_eq!(ada.delete(&path).await.status, 204);
    assert_eq!(backend.calls.take(), ["TransactWriteItems"]);
    assert_eq!(ada.delete(&path).await.status, 204, "again changes nothing");
    assert_eq!(
        keys(&ada, &sdk.application_id).await[0]["status"],
        "revoked"
    );
    let problem = ada.patch(&path, json!({ "status": "active" })).await;
    problem.problem(409, "key-revoked");
    let rotated = ada
        .send(Method::POST, &format!("{path}/rotate"), None)
        .await;
    rotated.problem(409, "key-revoked");
    sdk.traces(sdk.batch(1)).await.problem(401, "key-revoked");
    for _ in 0..20 {
        ada.mint(&sdk.application_id).await;
    }
}

#[tokio::test]
async fn a_key_is_renamed_disabled_and_enabled() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    let path = format!("/apikey/{}", sdk.key_id());
    let changed = ada
        .patch(&path, json!({ "name": "Web", "status": "disabled" }))
        .await
        .json();
    assert_eq!(
        (&changed["name"], &changed["status"]),
        (&json!("Web"), &json!("disabled"))
    );
    sdk.traces(sdk.batch(1)).await.problem(401, "key-disabled");
    ada.patch(&path, json!({ "status": "active" })).await.json();
    assert_eq!(sdk.traces(sdk.batch(1)).await.status, 200);
    ada.patch(&path, json!({}))
        .await
        .problem(400, "malformed-request");
    ada.patch(&path, json!({ "status": "revoked" }))
        .await
        .problem(400, "invalid-fields");
}

#[tokio::test]
async fn a_rotated_key_has_two_secrets_until_the_overlap_ends() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let old = ada.sdk().await;
    let path = format!("/apikey/{}/rotate", old.key_id());
    let rotated = ada.post(&path, json!({ "overlapSeconds": 60 })).await;
    assert_eq!(backend.calls.take(), ["TransactWriteItems"]);
    let mut new = old.clone();
    new.key = rotated.json().as_str().unwrap().to_owned();
    assert_ne!(new.key, old.key);
    assert_eq!(new.key_id(), old.key_id());

    ada.post(&path, json!({ "overlapSeconds": 0 }))
        .await
        .problem(409, "rotation-overlap");
    for sdk in [&old, &new] {
        assert_eq!(sdk.traces(sdk.batch(1)).await.status, 200);
    }
    let listed = keys(&ada, &old.application_id).await;
    assert!(
        old.key.ends_with(
            listed[0]["previous"]["hint"]
                .as_str()
                .unwrap()
                .split_once('…')
                .unwrap()
                .1
        )
    );

    assert!(
        listed[0]["lastUsedAt"].is_string(),
        "the list shows which secret is in use"
    );
    assert!(listed[0]["previous"]["lastUsedAt"].is_string());

    backend.later(60);
    old.traces(old.batch(1))
        .await
        .problem(401, "invalid-api-key");
    assert_eq!(new.traces(new.batch(1)).await.status, 200);
    assert_eq!(
        ada.post(&path, json!({ "overlapSeconds": 0 })).await.status,
        200
    );
    let body = json!({ "overlapSeconds": 2_592_001 });
    ada.post(&path, body).await.problem(400, "invalid-fields");
}

#[tokio::test]
async fn another_users_key_is_not_found() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let eve = backend.sign_in("eve").await;
    let sdk = ada.sdk().await;
    for id in [sdk.key_id().as_str(), "LxxxxxxxxxxYYYYYYYY", "nonsense"] {
        let path = format!("/apikey/{id}");
        eve.patch(&path, json!({ "name": "Mine" }))
            .await
            .problem(404, "not-found");
        eve.delete(&path).await.problem(404, "not-found");
        eve.send(Method::POST, &format!("{path}/rotate"), None)
            .await
            .problem(404, "not-found");
    }
    let unknown = format!("/apikey/{}YYYYYYYY", sdk.application_id);
    ada.patch(&unknown, json!({ "name": "Mine" }))
        .await
        .problem(404, "not-found");
    ada.delete(&unknown).await.problem(404, "not-found");
    assert_eq!(sdk.traces(sdk.batch(1)).await.status, 200);
}

#[tokio::test]
async fn deleting_an_application_revokes_its_keys() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    ada.delete(&format!("/applications/{}", sdk.application_id))
        .await;
    sdk.traces(sdk.batch(1)).await.problem(401, "key-revoked");
    let path = format!("/apikey?ApplicationId={}", sdk.application_id);
    ada.send(Method::POST, &path, None)
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn last_use_is_recorded_at_most_every_five_minutes() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    let used = shared::base::clock::rfc3339(backend.clock.now());
    sdk.traces(sdk.batch(1)).await.json();
    backend.later(60);
    sdk.traces(sdk.batch(1)).await.json();
    assert_eq!(keys(&ada, &sdk.application_id).await[0]["lastUsedAt"], used);
    backend.later(240);
    sdk.traces(sdk.batch(1)).await.json();
    let used = shared::base::clock::rfc3339(backend.clock.now());
    assert_eq!(keys(&ada, &sdk.application_id).await[0]["lastUsedAt"], used);
}

#[tokio::test]
async fn after_a_rotation_the_list_shows_which_secret_is_still_in_use() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let old = ada.sdk().await;
    let used = shared::base::clock::rfc3339(backend.clock.now());
    old.traces(old.batch(1)).await.json();
    backend.later(60);
    let path = format!("/apikey/{}/rotate", old.key_id());
    ada.send(Method::POST, &path, None).await.json();
    let listed = keys(&ada, &old.application_id).await;
    assert_eq!(
        listed[0]["lastUsedAt"],
        Value::Null,
        "the new secret is not in use yet"
    );
    assert_eq!(listed[0]["previous"]["lastUsedAt"], used);
    backend.later(300);
    old.traces(old.batch(1)).await.json();
    let used = shared::base::clock::rfc3339(backend.clock.now());
    let listed = keys(&ada, &old.application_id).await;
    assert_eq!(listed[0]["previous"]["lastUsedAt"], used);
}

#[tokio::test]
async fn a_use_within_five_minutes_of_the_recorded_one_is_not_recorded() {
    use shared::identity::api_key::SecretSlot;

    let backend = Backend::start().await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    let id = sdk.key_id().parse().unwrap();
    let first = backend.clock.now();
    for seconds in [0, 1, 299, 300] {
        let now = shared::base::clock::after(first, Duration::from_secs(seconds));
        let recorded = backend
            .database
            .touch_key(id, SecretSlot::Current, now)
            .await;
        recorded.unwrap();
        let stored = backend.database.api_key(id).await.unwrap().unwrap();
        let expected = if seconds < 300 { first } else { now };
        assert_eq!(stored.last_used_at, Some(expected), "{seconds}");
    }
}

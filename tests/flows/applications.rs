//! Applications: created, listed, changed, deleted, and hidden from other users.

use serde_json::json;

use crate::support::{Backend, SignedIn};

#[tokio::test]
async fn an_application_is_created_read_renamed_and_deleted() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;

    let created = ada
        .post("/applications", json!({ "name": "  Shop " }))
        .await;
    assert_eq!(created.status, 201);
    assert_eq!(backend.calls.take(), ["TransactWriteItems"]);
    let created = created.json();
    assert_eq!(created["name"], "Shop");
    assert_eq!(created["environment"], "production");
    assert_eq!(created["role"], "owner");

    let path = format!("/applications/{}", created["id"].as_str().unwrap());
    assert_eq!(ada.get(&path).await.json(), created);
    assert_eq!(backend.calls.take(), ["BatchGetItem"]);
    assert_eq!(
        ada.get("/applications").await.json(),
        json!({ "applications": [created], "nextCursor": null })
    );
    assert_eq!(backend.calls.take(), ["Query", "BatchGetItem"]);

    let renamed = ada.patch(&path, json!({ "name": "Store" })).await.json();
    assert_eq!(renamed["name"], "Store");
    assert_eq!(backend.calls.take(), ["TransactWriteItems", "BatchGetItem"]);

    assert_eq!(ada.delete(&path).await.status, 204);
    assert_eq!(
        backend.calls.take(),
        ["BatchGetItem", "Query", "Query", "TransactWriteItems"]
    );
    ada.get(&path).await.problem(404, "not-found");
    ada.delete(&path).await.problem(404, "not-found");
    assert_eq!(
        ada.get("/applications").await.json(),
        json!({ "applications": [], "nextCursor": null })
    );
}

#[tokio::test]
async fn another_users_application_is_not_found() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let eve = backend.sign_in("eve").await;
    let adas = ada.create_application("Shop").await;
    let mut answers = Vec::new();
    for id in [adas.as_str(), "Lxxxxxxxxxx", "nonsense", "%00"] {
        let path = format!("/applications/{id}");
        for response in [
            eve.get(&path).await,
            eve.patch(&path, json!({ "name": "Mine" })).await,
            eve.patch(&path, json!({ "retentionDays": 1 })).await,
            eve.delete(&path).await,
            eve.get(&format!("{path}/audit")).await,
        ] {
            let mut problem = response.problem(404, "not-found");
            problem.as_object_mut().unwrap().remove("requestId");
            answers.push(problem);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "one answer for all: {answers:?}");
    assert_eq!(
        ada.get(&format!("/applications/{adas}")).await.json()["name"],
        "Shop"
    );
    assert_eq!(
        eve.get("/applications").await.json(),
        json!({ "applications": [], "nextCursor": null })
    );
}

#[tokio::test]
async fn names_and_environments_are_checked() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    for (body, pointer) in [
        (json!({ "name": "" }), "/name"),
        (json!({ "name": "a\nb" }), "/name"),
        (json!({ "name": "x".repeat(81) }), "/name"),
        (json!({ "name": 7 }), "/name"),
        (
            json!({ "name": "Shop", "environment": "prod" }),
            "/environment",
        ),
    ] {
        let problem = ada
            .post("/applications", body)
            .await
            .problem(400, "invalid-fields");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    for body in [json!({}), json!([]), json!(null), json!("Shop")] {
        let response = ada.post("/applications", body.clone()).await;
        assert_eq!(response.status, 400, "{body}");
    }
    assert!(backend.calls.take().is_empty());
}

#[tokio::test]
async fn settings_out_of_range_are_refused_and_shards_are_never_lowered() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let path = format!("/applications/{}", ada.create_application("Shop").await);
    let days = "must be 1 to 90";
    let shards = "must be 1 to 16";
    for (field, value, reason) in [
        ("retentionDays", json!(0), days),
        ("retentionDays", json!(91), days),
        ("retentionDays", json!(-1), days),
        ("retentionDays", json!(1.5), "expected"),
        ("retentionDays", json!("7"), "expected"),
        ("shards", json!(0), shards),
        ("shards", json!(17), shards),
        ("shards", json!(257), shards),
    ] {
        let refused = ada.patch(&path, json!({ "name": "Store", field: value }));
        let refused = refused.await.problem(400, "invalid-fields");
        let error = &refused["errors"][0];
        assert_eq!(error["pointer"], format!("/{field}"));
        let shown = error["reason"].as_str().unwrap();
        assert!(shown.starts_with(reason), "{error}");
    }
    let create = json!({ "name": "Shop", "retentionDays": 91 });
    let refused = ada.post("/applications", create).await;
    let refused = refused.problem(400, "invalid-fields");
    assert_eq!(refused["errors"][0]["pointer"], "/retentionDays");
    for body in [json!({}), json!({ "name": null, "shards": null })] {
        let refused = ada.patch(&path, body).await;
        refused.problem(400, "malformed-request");
    }
    assert!(backend.calls.take().is_empty());

    ada.patch(&path, json!({ "shards": 4 })).await.json();
    let lowered = json!({ "name": "Store", "retentionDays": 7, "shards": 3 });
    let refused = ada
        .patch(&path, lowered)
        .await
        .problem(400, "invalid-fields");
    let error = json!({ "pointer": "/shards", "reason": "can only be raised; it is 4 now" });
    assert_eq!(refused["errors"], json!([error]));
    let shown = ada.get(&path).await.json();
    let unchanged = (&json!("Shop"), &json!(30), &json!(4));
    assert_eq!(
        (&shown["name"], &shown["retentionDays"], &shown["shards"]),
        unchanged
    );
}

#[tokio::test]
async fn retention_is_that_of_the_application_or_else_of_the_deployment() {
    let backend = Backend::with(&[("TELEMETRY_RETENTION", "14d")]).await;
    let ada = backend.sign_in("ada").await;
    let shop = ada
        .post("/applications", json!({ "name": "Shop" }))
        .await
        .json();
    assert_eq!(
        (&shop["retentionDays"], &shop["shards"]),
        (&json!(14), &json!(1))
    );
    let body = json!({ "name": "Bank", "retentionDays": 90 });
    let bank = ada.post("/applications", body).await.json();
    assert_eq!(bank["retentionDays"], 90);

    let elsewhere = SignedIn {
        backend: backend.redeployed(&[("TELEMETRY_RETENTION", "7d")]),
        token: ada.token.clone(),
        refresh_token: ada.refresh_token.clone(),
    };
    let listed = elsewhere.get("/applications").await.json();
    let mut days: Vec<_> = listed["applications"].as_array().unwrap().iter().collect();
    days.sort_by_key(|application| application["retentionDays"].as_u64());
    assert_eq!(
        (&days[0]["retentionDays"], &days[1]["retentionDays"]),
        (&json!(7), &json!(90))
    );
}

#[tokio::test]
async fn settings_are_changed_on_all_keys_that_are_not_revoked_in_one_transaction() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    let mut keys = Vec::new();
    for _ in 0..20 {
        keys.push(ada.mint(&id).await);
    }
    let revoked = format!("/apikey/{}", &keys[7][12..31]);
    ada.delete(&revoked).await;
    backend.later(1);
    backend.calls.take();

    let path = format!("/applications/{id}");
    let settings = json!({ "name": "Store", "retentionDays": 7, "shards": 4 });
    let changed = ada.patch(&path, settings).await.json();
    assert_eq!(
        backend.calls.take(),
        ["BatchGetItem", "Query", "TransactWriteItems"]
    );
    let expected = (&json!("Store"), &json!(7), &json!(4));
    assert_eq!(
        (
            &changed["name"],
            &changed["retentionDays"],
            &changed["shards"]
        ),
        expected
    );
    assert_eq!(ada.get(&path).await.json(), changed);
    let stored = backend
        .database
        .api_keys(id.parse().unwrap())
        .await
        .unwrap();
    for stored in stored {
        let is_revoked = stored.key.state == shared::identity::api_key::KeyState::Revoked;
        let shards = stored.telemetry.shards.get();
        assert_eq!(shards, if is_revoked { 1 } else { 4 });
    }

    backend.calls.take();
    assert_eq!(
        ada.patch(&path, json!({ "retentionDays": 7 })).await.json(),
        changed
    );
    assert_eq!(backend.calls.take(), ["BatchGetItem"], "nothing to change");
    let audit_log = ada.get(&format!("{path}/audit?limit=3")).await.json();
    let mut actions: Vec<_> = audit_log["entries"].as_array().unwrap().iter().collect();
    actions.sort_by_key(|entry| entry["action"].as_str().map(str::to_owned));
    let actions: Vec<_> = actions.iter().map(|entry| &entry["action"]).collect();
    let expected = [
        "application.renamed",
        "application.retention_changed",
        "application.shards_raised",
    ];
    assert_eq!(actions, expected);
}

#[tokio::test]
async fn a_user_has_at_most_twenty_applications_by_default() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let mut last = String::new();
    for _ in 0..20 {
        last = ada.create_application("Shop").await;
    }
    let refused = ada
        .post("/applications", json!({ "name": "One more" }))
        .await;
    refused.problem(409, "application-limit");
    let listed = ada.get("/applications?limit=100").await.json();
    assert_eq!(listed["applications"].as_array().unwrap().len(), 20);
    ada.delete(&format!("/applications/{last}")).await;
    assert_eq!(
        ada.post("/applications", json!({ "name": "One more" }))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn the_audit_log_lists_changes_newest_first_in_pages() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    backend.later(1);
    let key = ada.mint(&id).await;
    backend.later(1);
    ada.patch(&format!("/applications/{id}"), json!({ "name": "Store" }))
        .await;

    let path = format!("/applications/{id}/audit");
    let all = ada.get(&path).await.json();
    let actions: Vec<_> = all["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["action"])
        .collect();
    assert_eq!(
        actions,
        ["application.renamed", "key.minted", "application.created"]
    );
    assert_eq!(all["entries"][1]["key"], key["upblit_live_".len()..][..19]);
    assert_eq!(all["nextCursor"], json!(null));

    let first = ada.get(&format!("{path}?limit=2")).await.json();
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = ada
        .get(&format!("{path}?limit=2&cursor={cursor}"))
        .await
        .json();
    assert_eq!(second["entries"][0]["action"], "application.created");
    for cursor in ["meta", "member%231", "audit%23%20", "%00"] {
        let response = ada.get(&format!("{path}?cursor={cursor}")).await;
        let problem = response.problem(400, "invalid-fields");
        assert_eq!(problem["errors"][0]["pointer"], "/cursor");
    }
}

#[tokio::test]
async fn a_deleted_user_is_not_signed_in() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let client = &backend.database.client;
    let users = client
        .scan()
        .table_name(&backend.database.tables.users)
        .send()
        .await
        .unwrap();
    let id = users.items()[0]["user_id"].clone();
    let delete = client
        .delete_item()
        .table_name(&backend.database.tables.users);
    delete.key("user_id", id).send().await.unwrap();
    ada.get("/me").await.problem(401, "invalid-access-token");
    let created = ada.post("/applications", json!({ "name": "Shop" })).await;
    created.problem(401, "invalid-access-token");
}

#[tokio::test]
async fn audit_entries_are_kept_for_four_hundred_days() {
    use shared::identity::audit::Subject;

    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    let entries_after = async |days: u64| {
        let now = shared::base::clock::after(
            backend.clock.now(),
            std::time::Duration::from_secs(days * 86_400),
        );
        let subject = Subject::Application(id.parse().unwrap());
        let audit_log = backend.database.audit_log(subject, None, 10, now).await;
        audit_log.unwrap().0.len()
    };
    assert_eq!(entries_after(399).await, 1);
    assert_eq!(
        entries_after(400).await,
        0,
        "also while the table's TTL has not deleted it"
    );
}

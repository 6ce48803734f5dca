//! Applications: created, listed, renamed, deleted; and nobody else's business.

use serde_json::json;

use crate::support::Backend;

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
        json!({ "applications": [created] })
    );
    assert_eq!(backend.calls.take(), ["Query", "BatchGetItem"]);

    let renamed = ada.patch(&path, json!({ "name": "Store" })).await.json();
    assert_eq!(renamed["name"], "Store");
    assert_eq!(backend.calls.take(), ["TransactWriteItems", "BatchGetItem"]);

    assert_eq!(ada.delete(&path).await.status, 204);
    assert_eq!(
        backend.calls.take(),
        ["BatchGetItem", "Query", "TransactWriteItems"]
    );
    ada.get(&path).await.problem(404, "not-found");
    ada.delete(&path).await.problem(404, "not-found");
    assert_eq!(
        ada.get("/applications").await.json(),
        json!({ "applications": [] })
    );
}

#[tokio::test]
async fn someone_elses_application_is_as_unknown_as_any_other() {
    let backend = Backend::start().await;
    let (ada, eve) = (backend.sign_in("ada").await, backend.sign_in("eve").await);
    let adas = ada.create_application("Shop").await;
    let mut answers = Vec::new();
    for id in [adas.as_str(), "Lxxxxxxxxxx", "nonsense", "%00"] {
        let path = format!("/applications/{id}");
        for response in [
            eve.get(&path).await,
            eve.patch(&path, json!({ "name": "Mine" })).await,
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
        json!({ "applications": [] })
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
async fn a_user_owns_a_hundred_applications_at_most() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let mut last = String::new();
    for _ in 0..100 {
        last = ada.create_application("Shop").await;
    }
    let refused = ada
        .post("/applications", json!({ "name": "One more" }))
        .await;
    refused.problem(409, "application-limit");
    let listed = ada.get("/applications").await.json();
    assert_eq!(listed["applications"].as_array().unwrap().len(), 100);
    ada.delete(&format!("/applications/{last}")).await;
    assert_eq!(
        ada.post("/applications", json!({ "name": "One more" }))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn the_audit_trail_tells_what_happened_newest_first_page_by_page() {
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
    let cursor = first["nextCursor"].as_str().unwrap().replace('#', "%23");
    let second = ada
        .get(&format!("{path}?limit=2&cursor={cursor}"))
        .await
        .json();
    assert_eq!(second["entries"][0]["action"], "application.created");
    for cursor in ["meta", "member%231", "audit%23%20", "%00"] {
        let response = ada.get(&format!("{path}?cursor={cursor}")).await;
        response.problem(400, "malformed-request");
    }
}

#[tokio::test]
async fn a_user_who_is_gone_is_not_signed_in() {
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
}

#[tokio::test]
async fn audit_entries_are_kept_for_four_hundred_days() {
    use shared::audit::Subject;

    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("Shop").await;
    let entries_after = async |days: u64| {
        let now = shared::clock::after(
            backend.clock.now(),
            std::time::Duration::from_secs(days * 86_400),
        );
        let subject = Subject::Application(id.parse().unwrap());
        let trail = backend.database.audit_trail(subject, None, 10, now).await;
        trail.unwrap().0.len()
    };
    assert_eq!(entries_after(399).await, 1);
    assert_eq!(
        entries_after(400).await,
        0,
        "also while the table's TTL has not deleted it"
    );
}

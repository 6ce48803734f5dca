//! `DELETE /me`: what it deletes and keeps, the decision on applications without another owner, and
//! failures in between.

use serde_json::{Value, json};
use shared::store::Table;

use crate::support::callers::refresh;
use crate::support::faulty_engine::{Fault, FaultyEngine};
use crate::support::{Backend, SignedIn};

/// All findings of `upblit admin check`.
async fn findings(backend: &Backend) -> Vec<String> {
    let mut found = Vec::new();
    let mut each = |finding: shared::store::admin::Finding| found.push(finding.to_string());
    let now = backend.clock.now();
    backend.database.check(now, &mut each).await.unwrap();
    backend.calls.take();
    found
}

/// The items of a table that mention a user.
async fn mentions(backend: &Backend, table: Table, user_id: &str) -> Vec<String> {
    let items = backend.dump(backend.database.tables.name(table)).await;
    let mentions = items.into_iter().filter(|item| item.contains(user_id));
    mentions.collect()
}

async fn id_of(user: &SignedIn) -> String {
    let me = user.get("/me").await.json();
    me["id"].as_str().unwrap().to_owned()
}

async fn logins(user: &SignedIn, application: &str) -> Vec<Value> {
    let path = format!("/applications/{application}/members");
    let listed = user.get(&path).await.json();
    let members = listed["members"].as_array().unwrap().iter();
    members.map(|member| member["login"].clone()).collect()
}

const WITH_APPLICATIONS: &str = "/me?applications=delete";

#[tokio::test]
async fn a_deleted_account_leaves_nothing_but_its_id_in_the_logs_of_applications() {
    let backend = Backend::start().await;
    let bob = backend.sign_in("bob").await;
    let shared = bob.create_application("Shared").await;
    let mut ada = backend.sign_in("ada").await;
    let id = ada.join(&bob.invite(&shared, "member").await).await;
    backend.sign_in("ada").await.logout().await;
    ada.rotate().await;
    let phone = backend.sign_in("ada").await;
    let desk = backend.sign_in("ada").await;

    let deleted = desk.delete("/me").await;
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    for table in [Table::Users, Table::RefreshTokens] {
        assert_eq!(mentions(&backend, table, &id).await, Vec::<String>::new());
    }
    let left = mentions(&backend, Table::Applications, &id).await;
    assert_eq!(left.len(), 2, "joined and left: {left:#?}");
    assert!(left.iter().all(|item| item.contains("audit#")), "{left:#?}");
    assert_eq!(findings(&backend).await, Vec::<String>::new());

    assert_eq!(logins(&bob, &shared).await, ["bob"]);
    let log = bob.get(&format!("/applications/{shared}/audit")).await;
    let log = log.json();
    let last = &log["entries"][0];
    assert_eq!(
        (&last["action"], &last["actor"]),
        (&json!("member.left"), &json!(id))
    );

    let users = log["users"].as_array().unwrap().iter();
    let named: Vec<_> = users.map(|user| &user["login"]).collect();
    assert_eq!(named, ["bob"], "a deleted user has no name");

    for user in [&ada, &phone, &desk] {
        let refused = refresh(&backend, &user.refresh_token).await;
        refused.problem(401, "invalid-refresh-token");
        user.get("/me").await.problem(401, "invalid-access-token");
        let created = user.post("/applications", json!({ "name": "No" })).await;
        created.problem(401, "invalid-access-token");
        assert_eq!(
            user.get("/applications").await.json()["applications"],
            json!([])
        );
    }
}

#[tokio::test]
async fn a_session_can_delete_the_account_in_its_first_ten_minutes_only() {
    let backend = Backend::start().await;
    let mut ada = backend.sign_in("ada").await;
    backend.later(599);
    ada.refresh().await;
    backend.later(1);
    ada.delete("/me").await.problem(403, "sign-in-again");
    let calls = backend.calls.take();
    assert_eq!(calls.last().unwrap(), "TransactWriteItems");
    assert_eq!(ada.get("/me").await.status, 200);
    let shop = ada.create_application("Shop").await;
    for path in ["/me", WITH_APPLICATIONS] {
        ada.delete(path).await.problem(403, "sign-in-again");
    }
    let young = backend.sign_in("ada").await;
    backend.later(599);
    young.delete("/me").await.problem(409, "sole-owner");
    young.logout().await;
    for path in ["/me", WITH_APPLICATIONS] {
        young
            .delete(path)
            .await
            .problem(401, "invalid-access-token");
    }
    assert_eq!(logins(&ada, &shop).await, ["ada"], "nothing changed");
}

#[tokio::test]
async fn applications_without_another_owner_are_listed_or_deleted() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let alone = ada.create_application("Alone").await;
    let key = ada.sdk().await;
    let of_two = ada.create_application("Of two").await;
    bob.join(&ada.invite(&of_two, "owner").await).await;
    bob.join(&ada.invite(&alone, "member").await).await;
    let elsewhere = bob.create_application("Elsewhere").await;
    ada.join(&bob.invite(&elsewhere, "viewer").await).await;

    let refused = ada.delete("/me").await.problem(409, "sole-owner");
    let mut listed = [
        json!({ "id": alone, "name": "Alone" }),
        json!({ "id": key.application_id, "name": "Shop" }),
    ];
    listed.sort_by_key(Value::to_string);
    let mut named = refused["applications"].as_array().unwrap().clone();
    named.sort_by_key(Value::to_string);
    assert_eq!(named, listed);
    assert_eq!(
        ada.get("/applications").await.json()["applications"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert_eq!(
        backend
            .calls
            .take()
            .iter()
            .filter(|call| call.contains("Write"))
            .count(),
        0
    );

    ada.delete("/me?application=delete")
        .await
        .problem(400, "invalid-fields");
    assert_eq!(ada.delete(WITH_APPLICATIONS).await.status, 204);
    assert_eq!(findings(&backend).await, Vec::<String>::new());
    for gone in [&alone, &key.application_id] {
        let path = format!("/applications/{gone}");
        bob.get(&path).await.problem(404, "not-found");
    }
    backend.later(11);
    key.traces(key.batch(1)).await.problem(401, "key-revoked");
    assert_eq!(logins(&bob, &of_two).await, ["bob"]);
    assert_eq!(logins(&bob, &elsewhere).await, ["bob"]);
}

#[tokio::test]
async fn an_application_outlives_the_account_of_its_creator_and_can_be_deleted() {
    let backend = Backend::start().await;
    let bob = backend.sign_in("bob").await;
    let mut shops = Vec::new();
    for returns in [false, true] {
        let ada = backend.sign_in("ada").await;
        let shop = ada.create_application("Shop").await;
        bob.join(&ada.invite(&shop, "owner").await).await;
        assert_eq!(ada.delete("/me").await.status, 204);
        shops.push(shop);
        if returns {
            backend.later(1);
            let back = backend.sign_in("ada").await;
            back.create_application("New").await;
        }
        assert_eq!(findings(&backend).await, Vec::<String>::new());
        let shop = shops.pop().unwrap();
        let deleted = bob.delete(&format!("/applications/{shop}")).await;
        assert_eq!(deleted.status, 204, "{}", deleted.text());
        assert_eq!(findings(&backend).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_deletion_that_fails_at_a_write_or_query_continues_when_it_is_sent_again() {
    let mut failed = 0;
    let writes = [
        "TransactWriteItems",
        "BatchWriteItem",
        "DeleteItem",
        "Query",
    ];
    for operation in writes {
        for skip in 0.. {
            let (engine, backend) = FaultyEngine::start().await;
            let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
            let id = id_of(&ada).await;
            ada.create_application("Alone").await;
            let shared = ada.create_application("Shared").await;
            bob.join(&ada.invite(&shared, "owner").await).await;
            engine.fail(operation, Fault::Denied, skip, 1);
            let first = ada.delete(WITH_APPLICATIONS).await;
            engine.heal();
            let was_complete = first.status == 204;
            if !was_complete {
                assert_eq!(first.status, 500, "{}", first.text());
                failed += 1;
                assert_eq!(
                    findings(&backend).await,
                    Vec::<String>::new(),
                    "{operation} {skip}"
                );
            }
            // Also after a lost response.
            assert_eq!(
                ada.delete(WITH_APPLICATIONS).await.status,
                204,
                "{operation} {skip}"
            );
            assert_eq!(
                findings(&backend).await,
                Vec::<String>::new(),
                "{operation} {skip}"
            );
            for table in [Table::Users, Table::RefreshTokens] {
                let left = mentions(&backend, table, &id).await;
                assert_eq!(left, Vec::<String>::new(), "{operation} {skip}");
            }
            let log = mentions(&backend, Table::Applications, &format!("user#{id}")).await;
            assert_eq!(log, Vec::<String>::new(), "{operation} {skip}");
            assert_eq!(logins(&bob, &shared).await, ["bob"]);
            if was_complete {
                break;
            }
        }
    }
    assert!(failed >= 10, "{failed}");
}

#[tokio::test]
async fn a_deletion_that_has_begun_ends_all_sessions_and_only_its_own_token_can_continue_it() {
    let (engine, backend) = FaultyEngine::start().await;
    let (ada, phone) = (backend.sign_in("ada").await, backend.sign_in("ada").await);
    engine.fail("BatchWriteItem", Fault::Denied, 0, 1);
    ada.delete("/me").await.problem(500, "internal-error");
    engine.heal();
    for user in [&ada, &phone] {
        let refused = refresh(&backend, &user.refresh_token).await;
        refused.problem(401, "invalid-refresh-token");
        let created = user.post("/applications", json!({ "name": "No" })).await;
        created.problem(401, "invalid-access-token");
    }
    phone
        .delete("/me")
        .await
        .problem(401, "invalid-access-token");
    assert_eq!(ada.get("/me").await.status, 200, "not complete");
    backend.later(601);
    assert_eq!(ada.delete("/me").await.status, 204, "decided in time");
    assert_eq!(findings(&backend).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_sign_in_ends_a_deletion_that_is_not_complete() {
    let (engine, backend) = FaultyEngine::start().await;
    let ada = backend.sign_in("ada").await;
    let shop = ada.create_application("Shop").await;
    engine.fail("Query", Fault::Denied, 2, 1);
    assert_eq!(ada.delete(WITH_APPLICATIONS).await.status, 500);
    engine.heal();
    let back = backend.sign_in("ada").await;
    ada.delete(WITH_APPLICATIONS)
        .await
        .problem(401, "invalid-access-token");
    assert_eq!(logins(&back, &shop).await, ["ada"]);
    assert_eq!(findings(&backend).await, Vec::<String>::new());
    assert_eq!(back.delete(WITH_APPLICATIONS).await.status, 204);
}

#[tokio::test]
async fn someone_who_signs_in_after_a_deletion_gets_a_new_account() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    assert_eq!(ada.delete("/me").await.status, 204);
    assert_eq!(ada.delete("/me").await.status, 204, "sent again");
    backend.later(1);
    let back = backend.sign_in("ada").await;
    let log = back.get("/me/audit").await.json();
    assert_eq!(log["entries"].as_array().unwrap().len(), 1, "{log}");
    assert_eq!(
        back.get("/applications").await.json()["applications"],
        json!([])
    );
    ada.delete("/me").await.problem(401, "invalid-access-token");
    assert_eq!(back.get("/me").await.status, 200);
}

#[tokio::test]
async fn if_both_owners_delete_their_accounts_at_once_one_owner_remains() {
    for _ in 0..5 {
        let backend = Backend::start().await;
        let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
        let shop = ada.create_application("Shop").await;
        bob.join(&ada.invite(&shop, "owner").await).await;
        let (first, second) =
            futures_util::future::join(ada.delete("/me"), bob.delete("/me")).await;
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409], "{} {}", first.text(), second.text());
        let kept = if first.status == 409 { "ada" } else { "bob" };
        let back = backend.sign_in(kept).await;
        assert_eq!(logins(&back, &shop).await, [kept]);
        assert_eq!(findings(&backend).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_long_audit_log_and_many_sessions_are_deleted_too() {
    let backend = Backend::start().await;
    for _ in 0..120 {
        backend.later(1);
        backend.sign_in("ada").await.logout().await;
    }
    let ada = backend.sign_in("ada").await;
    let id = id_of(&ada).await;
    assert_eq!(ada.delete("/me").await.status, 204);
    assert!(!backend.dump_all().await.contains(&id));
}

//! Invites for one GitHub account.

use serde_json::{Value, json};

use super::{accept, members, pairs, shop};
use crate::support::Backend;

#[tokio::test]
async fn a_bound_invite_is_404_for_everyone_but_its_account() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let eve = backend.sign_in("eve").await;
    let (_, path) = shop(&ada).await;
    let invites = format!("{path}/invites");
    let body = json!({ "role": "member", "githubLogin": "BOB" });
    let invite = ada.post(&invites, body).await;
    assert_eq!(invite.status, 201, "{}", invite.text());
    let invite = invite.json();
    let calls = [
        "BatchGetItem",
        "BatchGetItem",
        "Query",
        "TransactWriteItems",
    ];
    assert_eq!(backend.calls.take(), calls);

    let bob_id = bob.get("/me").await.json()["id"].clone();
    let listed = ada.get(&invites).await.json();
    assert_eq!(listed["invites"][0]["onlyFor"], bob_id);
    assert_eq!(
        listed["invites"][0]["githubLogin"], "BOB",
        "as GitHub writes it"
    );
    let log = ada.get(&format!("{path}/audit")).await.json();
    let mut entries = log["entries"].as_array().unwrap().iter();
    let made = entries.find(|entry| entry["action"] == "invite.created");
    assert_eq!(made.unwrap()["member"], bob_id);
    assert_eq!(names(&log), ["ada"], "not whether bob has an account here");

    for path in ["/invites/preview", "/invites/accept"] {
        for user in [&eve, &ada] {
            let refused = user.post(path, json!({ "token": invite["token"] })).await;
            let unknown = user.post(path, json!({ "token": "upblit_invite_" })).await;
            let [refused, unknown] = [refused, unknown].map(|answer| {
                let mut problem = answer.problem(404, "not-found");
                problem.as_object_mut().unwrap().remove("requestId");
                problem
            });
            assert_eq!(refused, unknown);
        }
    }
    let preview = bob
        .post("/invites/preview", json!({ "token": invite["token"] }))
        .await;
    assert_eq!(preview.json()["role"], "member");
    backend.later(1);
    assert_eq!(accept(&bob, &invite["token"]).await.status, 200);
    let both = pairs(&[("ada", "owner"), ("bob", "member")]);
    assert_eq!(members(&ada, &path).await, both);
    let log = ada.get(&format!("{path}/audit")).await.json();
    assert_eq!(names(&log), ["ada", "bob"]);
}

/// Logins of the users whom an audit log names.
fn names(log: &Value) -> Vec<&str> {
    let users = log["users"].as_array().unwrap().iter();
    let mut logins: Vec<&str> = users.map(|user| user["login"].as_str().unwrap()).collect();
    logins.sort_unstable();
    logins
}

#[tokio::test]
async fn an_invite_without_an_account_names_none() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let (id, path) = shop(&ada).await;
    ada.invite(&id, "viewer").await;
    let listed = ada.get(&format!("{path}/invites")).await.json();
    assert_eq!(listed["invites"][0]["onlyFor"], Value::Null);
    assert_eq!(listed["invites"][0]["githubLogin"], Value::Null);
}

#[tokio::test]
async fn names_without_a_personal_account_are_refused_and_only_owners_ask_github() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let (id, path) = shop(&ada).await;
    bob.join(&ada.invite(&id, "member").await).await;
    let invites = format!("{path}/invites");
    let names = [
        "nobody",
        "acme",
        "",
        "a b",
        "../user",
        "a--b",
        "é",
        &"a".repeat(40),
    ];
    for name in names {
        let body = json!({ "role": "viewer", "githubLogin": name });
        let problem = ada.post(&invites, body.clone()).await;
        let problem = problem.problem(400, "invalid-fields");
        assert_eq!(problem["errors"][0]["pointer"], "/githubLogin", "{name}");
        bob.post(&invites, body).await.problem(403, "not-allowed");
    }
    let listed = ada.get(&invites).await.json();
    assert_eq!(listed["invites"], json!([]));
}

#[tokio::test]
async fn no_bound_invite_is_created_while_github_does_not_respond_or_refuses() {
    let trouble = [
        ("GITHUB_API_URL", "http://127.0.0.1:1"),
        ("GITHUB_CLIENT_SECRET", "wrong"),
    ];
    for setting in trouble {
        let backend = Backend::start().await;
        let ada = backend.sign_in("ada").await;
        let (id, path) = shop(&ada).await;
        let mut ada = ada.clone();
        ada.backend = backend.redeployed(&[setting]);
        let body = json!({ "role": "viewer", "githubLogin": "bob" });
        let refused = ada.post(&format!("{path}/invites"), body).await;
        let problem = refused.problem(503, "unavailable");
        assert!(!problem.to_string().contains("wrong"), "{problem}");
        // Invites for any account do not need GitHub.
        assert!(ada.invite(&id, "viewer").await["token"].is_string());
    }
}

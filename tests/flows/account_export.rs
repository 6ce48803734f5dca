//! `GET /me/export`: everything stored about a user, once, in pages.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Backend, SignedIn};

/// The lists of an export.
const LISTS: [&str; 5] = [
    "sessions",
    "memberships",
    "accountLog",
    "applicationLog",
    "invites",
];

/// Returns all pages of the export, and their lists joined.
async fn export(user: &SignedIn) -> (Vec<Value>, Value) {
    let mut pages = Vec::new();
    let mut whole = json!({});
    let mut path = "/me/export".to_owned();
    loop {
        let page = user.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text());
        assert!(page.body.len() < 1_000_000);
        let page = page.json();
        for list in LISTS {
            let rows = page[list].as_array().unwrap().clone();
            let all = whole[list].as_array().cloned().unwrap_or_default();
            whole[list] = [all, rows].concat().into();
        }
        let next = page["nextCursor"].as_str().map(str::to_owned);
        pages.push(page);
        assert!(pages.len() < 200);
        let Some(cursor) = next else {
            break;
        };
        path = format!("/me/export?cursor={cursor}");
    }
    user.backend.calls.take();
    (pages, whole)
}

fn texts(rows: &Value, pointer: &str) -> Vec<String> {
    let rows = rows.as_array().unwrap().iter();
    let text = rows.map(|row| row.pointer(pointer).unwrap().as_str().unwrap().to_owned());
    text.collect()
}

#[tokio::test]
async fn an_export_has_everything_about_the_user_and_nothing_about_others() {
    let backend = Backend::start().await;
    let bob = backend.sign_in("bob").await;
    let shared = bob.create_application("Shared").await;
    let private = bob.create_application("Private").await;
    backend.sign_in("ada").await.logout().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.join(&bob.invite(&shared, "owner").await).await;
    let own = ada.create_application("Own").await;
    ada.mint(&own).await;
    let made = ada.invite(&shared, "viewer").await;
    bob.invite(&shared, "viewer").await;

    let (pages, whole) = export(&ada).await;
    let profile = &pages[0]["profile"];
    assert_eq!(profile["id"], json!(id));
    assert_eq!(profile["login"], "ada");
    assert_eq!(profile["email"], "ada@users.example");
    assert_eq!(profile["createdAt"], profile["lastSignInAt"]);
    assert!(pages[1..].iter().all(|page| page["profile"].is_null()));

    let sessions = whole["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2, "also the one that ended");
    let ended = sessions.iter().filter(|session| session["isEnded"] == true);
    assert_eq!(ended.count(), 1);
    let current = sessions
        .iter()
        .find(|session| session["isEnded"] == false)
        .unwrap();
    assert_eq!(current["lastUsedAt"], Value::Null);
    assert_eq!(current["userAgent"], "Browser/1.0");

    let names = texts(&whole["memberships"], "/applicationName");
    assert_eq!(
        names.into_iter().collect::<BTreeSet<_>>(),
        BTreeSet::from(["Own".into(), "Shared".into()])
    );
    assert_eq!(
        texts(&whole["accountLog"], "/action").len(),
        3,
        "two sign-ins and a sign-out"
    );
    let mut actions = texts(&whole["applicationLog"], "/entry/action");
    actions.sort();
    let expected = [
        "application.created",
        "invite.created",
        "key.minted",
        "member.joined",
    ];
    assert_eq!(actions, expected, "neither bob's entries nor of Private");
    assert_eq!(
        texts(&whole["invites"], "/id"),
        [made["id"].as_str().unwrap()]
    );

    let text = whole.to_string();
    assert!(!text.contains(&private));
    let bob_id = bob.get("/me").await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(!text.contains(&bob_id), "{text}");
    for secret in [&ada.refresh_token, made["token"].as_str().unwrap()] {
        assert!(!text.contains(&secret[20..]), "no secret");
    }
}

#[tokio::test]
async fn many_sessions_applications_and_entries_are_exported_once_each() {
    let backend = Backend::with(&[("APPLICATIONS_PER_USER", "100")]).await;
    for _ in 0..210 {
        backend.later(1);
        backend.sign_in("ada").await.logout().await;
    }
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let mut names = BTreeSet::new();
    for index in 0..55 {
        let owner = if index < 50 { &ada } else { &bob };
        let name = format!("Shop {index}");
        let id = owner.create_application(&name).await;
        if index >= 50 {
            ada.join(&bob.invite(&id, "viewer").await).await;
        }
        names.insert(name);
    }
    let busy = ada.create_application("Busy").await;
    names.insert("Busy".to_owned());
    backend.later(61);
    for index in 0..520 {
        if index % 250 == 0 {
            backend.later(61);
        }
        let renamed =
            json!({ "name": if index == 519 { "Busy".into() } else { index.to_string() } });
        let response = ada.patch(&format!("/applications/{busy}"), renamed).await;
        assert_eq!(response.status, 200);
    }
    let (_, whole) = export(&ada).await;
    assert_eq!(
        texts(&whole["sessions"], "/id")
            .into_iter()
            .collect::<BTreeSet<_>>()
            .len(),
        211
    );
    assert_eq!(whole["sessions"].as_array().unwrap().len(), 211);
    let exported = texts(&whole["memberships"], "/applicationName");
    assert_eq!(exported.len(), names.len());
    assert_eq!(exported.into_iter().collect::<BTreeSet<_>>(), names);
    assert_eq!(whole["accountLog"].as_array().unwrap().len(), 421);
    let log = texts(&whole["applicationLog"], "/entry/action");
    let count = |action: &str| log.iter().filter(|entry| *entry == action).count();
    assert_eq!(count("application.renamed"), 520);
    assert_eq!(count("application.created"), 51);
    assert_eq!(count("member.joined"), 5);
    assert_eq!(log.len(), 520 + 51 + 5, "each once");
}

#[tokio::test]
async fn a_page_takes_few_calls_and_reads_only_what_belongs_to_the_caller() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    for _ in 0..2 {
        ada.create_application("Shop").await;
    }
    let first = ada.get("/me/export").await.json();
    assert_eq!(backend.calls.take(), ["BatchGetItem", "Query"]);
    let mut cursor = first["nextCursor"].clone();
    for calls in [
        &["Query", "BatchGetItem"][..],
        &["Query"],
        &["Query", "BatchGetItem", "Query", "Query", "Query", "Query"],
    ] {
        let path = format!("/me/export?cursor={}", cursor.as_str().unwrap());
        let of_bob = bob.get(&path).await.json();
        assert!(!of_bob.to_string().contains("Shop"), "{of_bob}");
        backend.calls.take();
        cursor = ada.get(&path).await.json()["nextCursor"].clone();
        assert_eq!(backend.calls.take(), calls);
    }
    assert_eq!(cursor, Value::Null);
    let other = ada.get("/applications?limit=1").await.json()["nextCursor"].clone();
    let path = format!("/me/export?cursor={}", other.as_str().unwrap());
    ada.get(&path).await.problem(400, "invalid-fields");
}

#[tokio::test]
async fn a_deleted_user_has_no_export() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    assert_eq!(ada.delete("/me").await.status, 204);
    ada.get("/me/export")
        .await
        .problem(401, "invalid-access-token");
}

//! Members of an application: invited, accepted, given other roles, removed.

mod bound;
mod roles;

use std::collections::BTreeSet;

use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Backend, SignedIn};

/// Creates an application. Returns its id and its path.
async fn shop(ada: &SignedIn) -> (String, String) {
    let id = ada.create_application("Shop").await;
    let path = format!("/applications/{id}");
    (id, path)
}

async fn accept(user: &SignedIn, token: &Value) -> crate::support::Response {
    user.post("/invites/accept", json!({ "token": token }))
        .await
}

/// Logins and roles of the members.
async fn members(user: &SignedIn, path: &str) -> Vec<(String, String)> {
    let listed = user.get(&format!("{path}/members")).await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let members = listed["members"].as_array().unwrap().iter();
    members
        .map(|member| (text(&member["login"]), text(&member["role"])))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = expected.iter();
    owned
        .map(|(login, role)| ((*login).to_owned(), (*role).to_owned()))
        .collect()
}

#[tokio::test]
async fn an_invite_is_previewed_accepted_once_and_makes_a_member() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let (id, path) = shop(&ada).await;
    let invites = format!("{path}/invites");
    let invite = ada.post(&invites, json!({ "role": "member" })).await;
    assert_eq!(invite.status, StatusCode::CREATED);
    let calls = ["BatchGetItem", "Query", "TransactWriteItems"];
    assert_eq!(backend.calls.take(), calls);
    let invite = invite.json();
    assert_eq!(invite["expiresAt"], "2026-02-07T12:30:00.000Z");
    let token = &invite["token"];
    let listed = ada.get(&invites).await.json();
    assert_eq!(listed["invites"][0]["id"], invite["id"]);
    assert!(!listed.to_string().contains(token.as_str().unwrap()));
    backend.calls.take();

    let bound = json!({ "role": "viewer", "onlyFor": "bob" });
    assert_eq!(
        ada.post(&invites, bound).await.status,
        400,
        "not restricted"
    );
    bob.get(&path).await.problem(404, "not-found");
    backend.calls.take();
    let preview = bob
        .post("/invites/preview", json!({ "token": token }))
        .await;
    assert_eq!(backend.calls.take(), ["BatchGetItem", "GetItem"]);
    let expected = json!({
        "applicationId": id, "applicationName": "Shop", "role": "member", "invitedBy": "ada",
        "expiresAt": invite["expiresAt"],
    });
    assert_eq!(preview.json(), expected);

    backend.later(1);
    let joined = accept(&bob, token).await.json();
    assert_eq!(backend.calls.take(), ["BatchGetItem", "TransactWriteItems"]);
    assert_eq!(
        (&joined["id"], &joined["role"]),
        (&json!(id), &json!("member"))
    );
    assert_eq!(bob.get(&path).await.json(), joined);
    let listed = bob.get("/applications").await.json();
    assert_eq!(listed["applications"], json!([joined]));
    let both = pairs(&[("ada", "owner"), ("bob", "member")]);
    assert_eq!(members(&bob, &path).await, both);

    let eve = backend.sign_in("eve").await;
    for user in [&bob, &eve] {
        accept(user, token).await.problem(404, "not-found");
    }
    assert_eq!(ada.get(&invites).await.json(), json!({ "invites": [] }));
    let dump = backend.dump_all().await;
    assert!(
        !dump.contains(&token.as_str().unwrap()[25..]),
        "the token is not stored"
    );
}

#[tokio::test]
async fn every_token_that_cannot_be_accepted_gets_the_same_404() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let (id, path) = shop(&ada).await;
    let withdrawn = ada.invite(&id, "viewer").await;
    let invite = format!("{path}/invites/{}", withdrawn["id"].as_str().unwrap());
    assert_eq!(ada.delete(&invite).await.status, 204);
    assert_eq!(backend.calls.take(), ["TransactWriteItems"]);
    ada.delete(&invite).await.problem(404, "not-found");
    let expired = ada.invite(&id, "viewer").await;
    backend.later(7 * 24 * 60 * 60);
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let deleted = ada.create_application("Gone").await;
    let gone = ada.invite(&deleted, "viewer").await;
    assert_eq!(
        ada.delete(&format!("/applications/{deleted}")).await.status,
        204
    );
    let mut answers = BTreeSet::new();
    for token in [
        &withdrawn["token"],
        &expired["token"],
        &gone["token"],
        &json!("upblit_invite_L0000000000TkqXo2RdVqzvJ5l0cWmYy1bGhN3aPsE4"),
        &json!("upblit_invite_"),
        &json!(""),
    ] {
        for path in ["/invites/preview", "/invites/accept"] {
            let refused = bob.post(path, json!({ "token": token })).await;
            let mut problem = refused.problem(404, "not-found");
            problem.as_object_mut().unwrap().remove("requestId");
            answers.insert(problem.to_string());
        }
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(
        ada.get(&format!("{path}/invites")).await.json()["invites"],
        json!([])
    );
}

#[tokio::test]
async fn a_hundred_accepts_at_once_make_one_member() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let (id, path) = shop(&ada).await;
    let invite = ada.invite(&id, "member").await;
    let eve = backend.sign_in("eve").await;
    let accepts =
        (0..100).map(|index| accept(if index % 2 == 0 { &bob } else { &eve }, &invite["token"]));
    let answers = futures_util::future::join_all(accepts).await;
    let joined = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(joined, 1);
    let refused = answers.iter().map(|answer| answer.status.as_u16());
    assert!(
        refused
            .into_iter()
            .all(|status| [200, 404, 503].contains(&status))
    );
    assert_eq!(members(&ada, &path).await.len(), 2);
}

#[tokio::test]
async fn two_owners_who_remove_each_other_leave_one() {
    let backend = Backend::start().await;
    for attempt in 0..5 {
        let ada = backend.sign_in(&format!("ada{attempt}")).await;
        let bob = backend.sign_in(&format!("bob{attempt}")).await;
        let (id, path) = shop(&ada).await;
        let bob_id = bob.join(&ada.invite(&id, "owner").await).await;
        let ada_id = ada.get("/me").await.json()["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let [of_ada, of_bob] = [&ada_id, &bob_id].map(|id| format!("{path}/members/{id}"));
        let by_removal = attempt % 2 == 0;
        let (first, second) = if by_removal {
            futures_util::future::join(ada.delete(&of_bob), bob.delete(&of_ada)).await
        } else {
            futures_util::future::join(ada.delete(&of_ada), bob.delete(&of_bob)).await
        };
        let gone = [&first, &second].map(|answer| answer.status == 204);
        assert_eq!(
            gone.iter().filter(|gone| **gone).count(),
            1,
            "{first:?} {second:?}"
        );
        let stays = match (by_removal, gone[0]) {
            (true, true) | (false, false) => &ada,
            _ => &bob,
        };
        let left = members(stays, &path).await;
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].1, "owner");
    }
}

#[tokio::test]
async fn the_last_owner_neither_leaves_nor_steps_down() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let (id, path) = shop(&ada).await;
    let bob_id = bob.join(&ada.invite(&id, "member").await).await;
    let ada_id = ada.get("/me").await.json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let [of_ada, of_bob] = [&ada_id, &bob_id].map(|id| format!("{path}/members/{id}"));
    ada.delete(&of_ada).await.problem(409, "last-owner");
    ada.patch(&of_ada, json!({ "role": "viewer" }))
        .await
        .problem(409, "last-owner");
    assert_eq!(
        ada.patch(&of_bob, json!({ "role": "owner" })).await.status,
        204
    );
    assert_eq!(
        ada.patch(&of_ada, json!({ "role": "viewer" })).await.status,
        204
    );
    ada.patch(&of_bob, json!({ "role": "viewer" }))
        .await
        .problem(403, "not-allowed");
    assert_eq!(ada.delete(&of_ada).await.status, 204, "a viewer leaves");
    ada.delete(&of_ada).await.problem(404, "not-found");
    bob.delete(&of_bob).await.problem(409, "last-owner");
    assert_eq!(bob.delete(&path).await.status, 204);
}

#[tokio::test]
async fn a_removed_member_immediately_sees_nothing() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let sdk = ada.sdk().await;
    let path = format!("/applications/{}", sdk.application_id);
    let bob_id = bob
        .join(&ada.invite(&sdk.application_id, "member").await)
        .await;
    let key = bob.mint(&sdk.application_id).await;
    let telemetry = format!("/telemetry/traces?applicationId={}", sdk.application_id);
    assert_eq!(bob.get(&telemetry).await.status, 200);
    let of_bob = format!("{path}/members/{bob_id}");
    assert_eq!(ada.delete(&of_bob).await.status, 204);
    for path in [&path, &telemetry, &format!("{path}/members")] {
        bob.get(path).await.problem(404, "not-found");
    }
    let rename = bob.patch(&path, json!({ "name": "Mine" })).await;
    rename.problem(404, "not-found");
    assert_eq!(
        bob.get("/applications").await.json()["applications"],
        json!([])
    );
    let of_bob = crate::support::Sdk { key, ..sdk };
    assert_eq!(
        of_bob.traces(of_bob.batch(1)).await.status,
        200,
        "keys stay"
    );
}

#[tokio::test]
async fn members_and_invites_are_limited_and_a_member_uses_up_no_invite() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let (id, path) = shop(&ada).await;
    let mut guests = Vec::new();
    for index in 0..49 {
        let guest = backend.sign_in(&format!("guest{index}")).await;
        guest.join(&ada.invite(&id, "viewer").await).await;
        guests.push(guest);
    }
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(ada.invite(&id, "owner").await);
    }
    let one_more = ada
        .post(&format!("{path}/invites"), json!({ "role": "viewer" }))
        .await;
    one_more.problem(409, "invite-limit");
    let eve = backend.sign_in("eve").await;
    accept(&eve, &open[0]["token"])
        .await
        .problem(409, "member-limit");
    accept(&guests[0], &open[0]["token"])
        .await
        .problem(409, "already-a-member");
    let me = guests[1].get("/me").await.json();
    let own = format!("{path}/members/{}", me["id"].as_str().unwrap());
    assert_eq!(guests[1].delete(&own).await.status, 204);
    assert_eq!(accept(&eve, &open[0]["token"]).await.status, 200);
    for _ in 0..20 {
        ada.mint(&id).await;
    }
    assert_eq!(
        eve.delete(&path).await.status,
        204,
        "with all members, invites and keys"
    );
    let left = backend.dump(&backend.database.tables.applications).await;
    let left: Vec<_> = left
        .iter()
        .filter(|item| item.contains("member#") || item.contains("invite#"))
        .collect();
    assert_eq!(left, Vec::<&String>::new());
}

#[tokio::test]
async fn the_audit_log_has_who_changed_whom_from_what_to_what() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let (id, path) = shop(&ada).await;
    let bob_id = bob.join(&ada.invite(&id, "viewer").await).await;
    let ada_id = ada.get("/me").await.json()["id"].clone();
    let of_bob = format!("{path}/members/{bob_id}");
    for (by, role) in [(&ada, Some("member")), (&bob, None)] {
        backend.later(1);
        let answer = match role {
            Some(role) => by.patch(&of_bob, json!({ "role": role })).await,
            None => by.delete(&of_bob).await,
        };
        assert_eq!(answer.status, 204);
    }
    let log = ada.get(&format!("{path}/audit")).await.json();
    let short = |entry: &Value| {
        let of = |name: &str| entry[name].clone();
        json!([
            of("action"),
            of("actor"),
            of("member"),
            of("from"),
            of("to")
        ])
    };
    let entries = log["entries"].as_array().unwrap();
    let newest: Vec<_> = entries.iter().take(2).map(short).collect();
    assert_eq!(
        newest,
        [
            json!(["member.left", bob_id, bob_id, "member", null]),
            json!(["member.role_changed", ada_id, bob_id, "viewer", "member"]),
        ]
    );
    let all: Vec<_> = entries.iter().map(short).collect();
    assert!(all.contains(&json!(["member.joined", bob_id, bob_id, null, "viewer"])));
    assert!(all.contains(&json!(["invite.created", ada_id, null, null, "viewer"])));
}

//! The list of a user's sessions, and ending them.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use http::header::AUTHORIZATION;
use serde_json::{Value, json};
use shared::base::clock;

use crate::support::{Backend, SignedIn};

const DAY: u64 = 24 * 60 * 60;

async fn list(user: &SignedIn) -> Vec<Value> {
    let body = user.get("/sessions").await.json();
    assert_eq!(user.backend.calls.take(), ["Query"]);
    body["sessions"].as_array().unwrap().clone()
}

/// The id of the user's current session.
async fn id(user: &SignedIn) -> String {
    let sessions = list(user).await;
    let mut current = sessions.iter().filter(|session| session["current"] == true);
    let id = current.next().unwrap()["id"].as_str().unwrap();
    assert_eq!(current.next(), None);
    id.to_owned()
}

async fn is_signed_in(user: &mut SignedIn) -> bool {
    let response = user.refresh().await;
    user.backend.calls.take();
    if !response.status.is_success() {
        response.problem(401, "invalid-refresh-token");
    }
    response.status.is_success()
}

#[tokio::test]
async fn the_list_shows_time_and_client_of_each_sign_in_and_the_current_session() {
    let backend = Backend::start().await;
    let now = || shared::base::clock::rfc3339(backend.clock.now());
    let signed_in = now();
    let mut laptop = backend.sign_in("ada").await;
    backend.later(60);
    let phone = backend.sign_in("ada").await;
    backend.later(60);
    laptop.refresh().await;
    backend.calls.take();

    let sessions = list(&laptop).await;
    assert_eq!(sessions.len(), 2, "{sessions:?}");
    assert_eq!(sessions[0]["current"], false, "the newest is first");
    assert_eq!(
        sessions[1],
        json!({
            "id": id(&laptop).await,
            "createdAt": signed_in,
            "lastUsedAt": null,
            "expiresAt": null,
            "userAgent": "Browser/1.0",
            "current": true,
        })
    );
    assert_eq!(id(&phone).await, sessions[0]["id"]);
}

#[tokio::test]
async fn the_list_rounds_other_sessions_to_the_hour_and_hides_use_of_the_current_one() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let backend = Backend::start().await;
    let hour = clock::after(clock::floor(backend.clock.now(), HOUR), HOUR);
    backend.clock.set(hour);
    let mut watched = backend.sign_in("ada").await;
    let mut watching = backend.sign_in("ada").await;
    let ends = clock::after(hour, 14 * 24 * HOUR);
    let hidden = (Value::Null, Value::Null);
    let mut shown = async || {
        watching.refresh().await;
        backend.calls.take();
        let sessions = list(&watching).await;
        let times = sessions.iter().map(|session| {
            let times = (session["lastUsedAt"].clone(), session["expiresAt"].clone());
            (session["current"] == true, times)
        });
        times.collect::<BTreeMap<_, _>>()
    };
    let of_the_hour = |past: u32| {
        let times = [hour, ends].map(|at| clock::rfc3339(clock::after(at, past * HOUR)));
        let [used, ends] = times.map(Value::from);
        BTreeMap::from([(true, hidden.clone()), (false, (used, ends))])
    };
    assert_eq!(shown().await, of_the_hour(0));
    backend.later(3_500);
    watched.refresh().await;
    assert_eq!(shown().await, of_the_hour(0), "a refresh does not show");
    backend.later(200);
    watched.rotate().await;
    backend.later(10);
    assert_eq!(shown().await, of_the_hour(1));
}

#[tokio::test]
async fn the_list_shows_no_one_elses_sessions() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let (of_ada, of_bob) = (list(&ada).await, list(&bob).await);
    assert_eq!((of_ada.len(), of_bob.len()), (1, 1));
    assert_ne!(of_ada[0]["id"], of_bob[0]["id"]);
}

#[tokio::test]
async fn one_session_is_ended_by_its_id() {
    let backend = Backend::start().await;
    let (mut laptop, mut phone) = (backend.sign_in("ada").await, backend.sign_in("ada").await);
    let path = format!("/sessions/{}", id(&phone).await);
    let response = laptop.delete(&path).await;
    assert_eq!((response.status.as_u16(), response.body.len()), (204, 0));
    assert_eq!(backend.calls.take(), ["TransactWriteItems"]);
    assert!(!is_signed_in(&mut phone).await, "the ended session");
    assert!(is_signed_in(&mut laptop).await);
    assert_eq!(list(&laptop).await.len(), 1);
    laptop.delete(&path).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_user_can_end_the_current_session() {
    let backend = Backend::start().await;
    let mut ada = backend.sign_in("ada").await;
    let path = format!("/sessions/{}", id(&ada).await);
    assert_eq!(ada.delete(&path).await.status, 204);
    assert!(!is_signed_in(&mut ada).await);
}

#[tokio::test]
async fn all_other_sessions_are_ended_at_once() {
    let backend = Backend::start().await;
    let (mut laptop, mut phone) = (backend.sign_in("ada").await, backend.sign_in("ada").await);
    let (mut tablet, mut bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let response = laptop.delete("/sessions?except=current").await;
    assert_eq!(response.status, 204);
    assert_eq!(backend.calls.take(), ["Query", "TransactWriteItems"]);
    assert!(is_signed_in(&mut laptop).await);
    assert!(is_signed_in(&mut bob).await);
    assert!(!is_signed_in(&mut phone).await);
    assert!(!is_signed_in(&mut tablet).await);
    assert_eq!(list(&laptop).await.len(), 1);
}

#[tokio::test]
async fn all_sessions_are_ended_at_once() {
    let backend = Backend::start().await;
    let (mut laptop, mut phone) = (backend.sign_in("ada").await, backend.sign_in("ada").await);
    let mut bob = backend.sign_in("bob").await;
    assert_eq!(laptop.delete("/sessions").await.status, 204);
    assert!(!is_signed_in(&mut laptop).await);
    assert!(!is_signed_in(&mut phone).await);
    assert!(is_signed_in(&mut bob).await);
    // The access token is valid until it expires, but there is nothing left to list.
    assert_eq!(list(&laptop).await, Vec::<Value>::new());
}

#[tokio::test]
async fn fifty_sessions_are_ended_in_two_transactions() {
    let backend = Backend::start().await;
    let mut oldest = backend.sign_in("ada").await;
    for _ in 1..50 {
        backend.sign_in("ada").await;
    }
    assert_eq!(list(&oldest).await.len(), 50);
    assert_eq!(oldest.delete("/sessions").await.status, 204);
    let calls = ["Query", "TransactWriteItems", "TransactWriteItems"];
    assert_eq!(backend.calls.take(), calls);
    assert!(!is_signed_in(&mut oldest).await);
    assert_eq!(list(&oldest).await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_unreadable_query_ends_no_session() {
    let backend = Backend::start().await;
    let (laptop, phone) = (backend.sign_in("ada").await, backend.sign_in("ada").await);
    for (query, slug) in [
        ("except=", "invalid-fields"),
        ("except=others", "invalid-fields"),
        ("except=Current", "invalid-fields"),
        ("excep=current", "invalid-fields"),
        ("except=current&except=current", "malformed-request"),
    ] {
        let response = laptop.delete(&format!("/sessions?{query}")).await;
        response.problem(400, slug);
    }
    assert_eq!(list(&phone).await.len(), 2);
}

#[tokio::test]
async fn someone_elses_session_is_unknown_and_stays() {
    let backend = Backend::start().await;
    let (mut ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let path = format!("/sessions/{}", id(&ada).await);
    let mut theirs = bob.delete(&path).await.problem(404, "not-found");
    let unknown = bob.delete("/sessions/AAAAAAAAAAAAAAAAAAAAAA").await;
    theirs["requestId"] = unknown.problem(404, "not-found")["requestId"].clone();
    assert_eq!(theirs, unknown.problem(404, "not-found"));
    assert!(is_signed_in(&mut ada).await);
    assert_eq!(list(&bob).await.len(), 1);
}

#[tokio::test]
async fn malformed_ids_are_unknown_without_a_database_call() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let real = id(&ada).await;
    for id in [
        "x",
        "current",
        "%00",
        "%F0%9F%A6%80",
        "..",
        "AAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAB",
        &format!("{real}="),
        &format!("{real}%20"),
        &"A".repeat(8_000),
    ] {
        let response = ada.delete(&format!("/sessions/{id}")).await;
        response.problem(404, "not-found");
    }
    // The router refuses bytes that are not UTF-8.
    ada.delete("/sessions/%FF").await.problem(404, "not-found");
    assert_eq!(backend.calls.take(), Vec::<String>::new());
    assert_eq!(list(&ada).await.len(), 1);
}

#[tokio::test]
async fn an_expired_session_is_not_listed_though_its_row_is_still_there() {
    let backend = Backend::start().await;
    backend.sign_in("ada").await;
    backend.later(14 * DAY - 1);
    let ada = backend.sign_in("ada").await;
    assert_eq!(list(&ada).await.len(), 2);
    backend.later(1);
    assert_eq!(list(&ada).await.len(), 1);
    let rows = backend.dump(&backend.database.tables.refresh_tokens).await;
    assert_eq!(rows.len(), 2);
}

#[tokio::test]
async fn a_refresh_token_is_no_access_token() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let bearer = format!("Bearer {}", ada.refresh_token);
    let request = Request::get("/sessions").header(AUTHORIZATION, bearer);
    let response = backend.send(request.body(Body::empty()).unwrap()).await;
    response.problem(401, "invalid-access-token");
    assert_eq!(backend.calls.take(), Vec::<String>::new());
}

//! Entries of the account's audit log about sessions that continue.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use http::header::{CONTENT_TYPE, USER_AGENT};
use serde_json::json;
use shared::base::clock;

use crate::support::callers::BROWSER;
use crate::support::{Backend, Response, SignedIn};

/// `POST /refresh` with this user agent.
async fn refresh_from(backend: &Backend, browser: &str, token: &str) -> Response {
    let body = json!({ "refreshToken": token }).to_string();
    let request = Request::post("/refresh")
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, browser)
        .body(Body::from(body));
    backend.send(request.unwrap()).await
}

/// Entries of the account's audit log about sessions that continue, newest first.
async fn notices(user: &SignedIn) -> Vec<String> {
    let log = user.get("/me/audit").await.json();
    let entries = log["entries"].as_array().unwrap();
    let actions = entries
        .iter()
        .map(|entry| entry["action"].as_str().unwrap());
    let notices = actions.filter(|action| ["session.recovered", "session.shared"].contains(action));
    notices.map(str::to_owned).collect()
}

/// A backend whose clock stands at the beginning of an hour.
async fn at_the_hour() -> Backend {
    let backend = Backend::start().await;
    let hour = Duration::from_secs(3_600);
    backend
        .clock
        .set(clock::after(clock::floor(backend.clock.now(), hour), hour));
    backend
}

#[tokio::test]
async fn a_token_served_again_to_another_client_is_in_the_audit_log_once_an_hour() {
    let backend = at_the_hour().await;
    let ada = backend.sign_in("ada").await;
    let from = async |browser: &str| {
        backend.calls.take();
        refresh_from(&backend, browser, &ada.refresh_token)
            .await
            .json();
        backend.calls.take()
    };
    assert_eq!(from(BROWSER).await, ["UpdateItem"]);
    assert_eq!(notices(&ada).await, Vec::<String>::new());
    backend.later(1);
    for browser in ["Thief/1.0", "Thief/2.0"] {
        assert_eq!(from(browser).await, ["UpdateItem", "PutItem"]);
        assert_eq!(notices(&ada).await, ["session.shared"]);
    }
    assert_eq!(from(BROWSER).await, ["UpdateItem"]);
    let log = ada.get("/me/audit").await.json();
    let mut entries = log["entries"].as_array().unwrap().iter();
    let entry = entries
        .find(|entry| entry["action"] == "session.shared")
        .unwrap();
    assert_eq!(
        (&entry["actor"], entry["session"].is_string()),
        (&json!("upblit"), true)
    );
    let hour = clock::floor_to_hour(backend.clock.now());
    assert_eq!(
        entry["at"],
        clock::rfc3339(hour),
        "not when the owner was active"
    );
}

#[tokio::test]
async fn a_recovery_is_in_the_audit_log_once_an_hour_and_the_audit_log_can_be_paged() {
    let backend = at_the_hour().await;
    let mut ada = backend.sign_in("ada").await;
    let first = ada.refresh_token.clone();
    ada.rotate().await;
    for (later, expected) in [(46, 1), (46, 1), (46, 1), (3_600, 2), (46, 2)] {
        backend.later(later);
        ada.refresh_token.clone_from(&first);
        assert_eq!(ada.refresh().await.status, 200);
        assert_eq!(notices(&ada).await, vec!["session.recovered"; expected]);
    }
    let page = ada.get("/me/audit?limit=1").await.json();
    let cursor = page["nextCursor"].as_str().unwrap().replace('#', "%23");
    let rest = ada.get(&format!("/me/audit?cursor={cursor}")).await.json();
    assert_eq!(rest["entries"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_refresh_succeeds_even_if_its_notice_cannot_be_recorded() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let table = &backend.database.tables.applications;
    let delete = backend.database.client.delete_table().table_name(table);
    delete.send().await.unwrap();
    let response = refresh_from(&backend, "Another/1.0", &ada.refresh_token).await;
    assert_eq!(response.status, 200);
}

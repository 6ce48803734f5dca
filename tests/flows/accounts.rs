//! Accounts: the limit on sessions, and the audit log.

use serde_json::Value;

use crate::support::callers::refresh;
use crate::support::{Backend, SignedIn};

async fn actions(user: &SignedIn) -> Vec<String> {
    let audit_log = user.get("/me/audit").await.json();
    let entries = audit_log["entries"].as_array().unwrap().iter();
    entries
        .map(|entry| entry["action"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_user_has_fifty_sessions_and_a_further_sign_in_ends_the_oldest() {
    let backend = Backend::start().await;
    let oldest = backend.sign_in("ada").await;
    let mut second = oldest.refresh_token.clone();
    for index in 1..50 {
        backend.later(1);
        let user = backend.sign_in("ada").await;
        if index == 1 {
            second = user.refresh_token;
        }
    }
    backend.later(1);
    let newest = backend.sign_in("ada").await;
    let listed = newest.get("/sessions").await.json();
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 50);
    let ended = refresh(&backend, &oldest.refresh_token).await;
    ended.problem(401, "invalid-refresh-token");
    assert_eq!(refresh(&backend, &second).await.status, 200);
}

#[tokio::test]
async fn sign_ins_at_once_at_the_limit_all_succeed() {
    let backend = Backend::start().await;
    for _ in 0..50 {
        backend.later(1);
        backend.sign_in("ada").await;
    }
    backend.later(1);
    let at_once = [
        backend.sign_in("ada"),
        backend.sign_in("ada"),
        backend.sign_in("ada"),
    ];
    let signed_in = futures_util::future::join_all(at_once).await;
    for user in &signed_in {
        let listed = user.get("/sessions").await.json();
        assert_eq!(listed["sessions"].as_array().unwrap().len(), 50);
    }
}

#[tokio::test]
async fn sessions_that_ended_make_room_without_ending_others() {
    let backend = Backend::start().await;
    let kept = backend.sign_in("ada").await;
    for _ in 0..120 {
        backend.later(1);
        backend.sign_in("ada").await.logout().await;
    }
    assert_eq!(refresh(&backend, &kept.refresh_token).await.status, 200);
}

#[tokio::test]
async fn the_audit_log_of_an_account_shows_how_sessions_began_and_ended() {
    let backend = Backend::start().await;
    let mut first = backend.sign_in("ada").await;
    let other = backend.sign_in("eve").await;
    backend.later(1);
    let stolen = first.refresh_token.clone();
    for _ in 0..3 {
        first.rotate().await;
    }
    refresh(&backend, &stolen)
        .await
        .problem(401, "invalid-refresh-token");
    backend.later(1);
    let second = backend.sign_in("ada").await;
    backend.later(1);
    second.logout().await;
    backend.later(1);
    let third = backend.sign_in("ada").await;
    assert_eq!(
        actions(&third).await,
        [
            "session.opened",
            "session.signed_out",
            "session.opened",
            "session.reuse_detected",
            "session.opened",
        ]
    );
    let audit_log = third.get("/me/audit").await.json();
    assert_eq!(audit_log["entries"][3]["actor"], "upblit");
    assert!(audit_log["entries"][3]["session"].is_string());
    assert_eq!(audit_log["nextCursor"], Value::Null);
    assert_eq!(actions(&other).await, ["session.opened"], "nobody else's");
}

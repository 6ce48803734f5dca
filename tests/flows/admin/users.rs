//! `upblit admin users`, `usage`, `block`, `unblock`, `sign-out` and `delete`.

mod deletion;

use std::collections::BTreeSet;
use std::process::ExitCode;

use local::admin::{Command, run};
use serde_json::{Value, json};
use shared::base::clock::Clock;
use shared::base::ids::UserId;
use shared::store::Table;

use super::findings;
use crate::support::callers::{parameters, refresh};
use crate::support::log::Log;
use crate::support::{Backend, SignedIn};

/// Runs a command. Returns what it prints, and whether it succeeds.
async fn admin(backend: &Backend, command: Command) -> (String, bool) {
    let mut out = Vec::new();
    let (clock, _) = Clock::manual(backend.clock.now());
    let code = run(&command, &backend.database, &clock, &mut out).await;
    let is_success = format!("{:?}", code.unwrap()) == format!("{:?}", ExitCode::SUCCESS);
    backend.calls.take();
    (String::from_utf8(out).unwrap(), is_success)
}

async fn succeeds(backend: &Backend, command: Command) -> String {
    let (output, is_success) = admin(backend, command).await;
    assert!(is_success, "{output}");
    output
}

async fn fails(backend: &Backend, command: Command) -> String {
    let (output, is_success) = admin(backend, command).await;
    assert!(!is_success, "{output}");
    output
}

async fn id_of(user: &SignedIn) -> UserId {
    let me = user.get("/me").await.json();
    me["id"].as_str().unwrap().parse().unwrap()
}

/// Verifies that a sign-in is refused, with one transaction that writes nothing.
async fn is_refused(backend: &Backend, login: &str) {
    let tables = [Table::Users, Table::RefreshTokens, Table::Applications];
    let stored = async || {
        let mut all = Vec::new();
        for table in tables {
            all.extend(backend.dump(backend.database.tables.name(table)).await);
        }
        // Attributes come in no particular order.
        let in_order = |item: String| {
            let mut parts: Vec<_> = item.trim_matches(['{', '}']).split(", ").collect();
            parts.sort_unstable();
            parts.join(", ")
        };
        all.into_iter().map(in_order).collect::<BTreeSet<_>>()
    };
    let before = stored().await;
    let mut browser = backend.browser();
    let github = browser.start().await;
    let callback = browser.approve(&github, login).await;
    backend.calls.take();
    let location = browser.get(&callback).await.location();
    assert_eq!(backend.calls.take(), ["TransactWriteItems"]);
    let reason = parameters(location.query()).remove("reason");
    assert_eq!(reason.as_deref(), Some("not_allowed"), "{location}");
    assert_eq!(location.fragment(), None);
    assert_eq!(stored().await, before, "a refusal writes nothing");
}

/// Actors and actions of the account's audit log, newest first.
async fn log(user: &SignedIn) -> Vec<String> {
    let log = user.get("/me/audit").await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let entries = log["entries"].as_array().unwrap().iter();
    let lines =
        entries.map(|entry| format!("{} {}", text(&entry["actor"]), text(&entry["action"])));
    lines.collect()
}

#[tokio::test]
async fn a_blocked_user_has_no_sessions_and_cannot_sign_in_until_the_block_ends() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let phone = backend.sign_in("ada").await;
    let bob = backend.sign_in("bob").await;
    let user = id_of(&ada).await;
    let output = succeeds(&backend, Command::Block { user }).await;
    assert_eq!(
        output,
        format!("user {user} is blocked\nuser {user}: 2 sessions ended\n")
    );

    for one in [&ada, &phone] {
        let refused = refresh(&backend, &one.refresh_token).await;
        refused.problem(401, "invalid-refresh-token");
        let created = one.post("/applications", json!({ "name": "No" })).await;
        created.problem(401, "invalid-access-token");
    }
    let lines = Log::capture();
    is_refused(&backend, "ada").await;
    let lines = lines.take();
    let warned = lines
        .iter()
        .filter(|line| line.contains("this account is blocked"));
    assert_eq!(warned.count(), 1, "{lines:#?}");
    assert_eq!(bob.get("/sessions").await.status, 200);
    assert_eq!(findings(&backend).await, Vec::<String>::new());
    let again = succeeds(&backend, Command::Block { user }).await;
    assert!(again.contains("was blocked before"), "{again}");

    backend.later(60);
    let output = succeeds(&backend, Command::Unblock { user }).await;
    assert_eq!(output, format!("user {user} is not blocked any more\n"));
    fails(&backend, Command::Unblock { user }).await;
    backend.later(60);
    let ada = backend.sign_in("ada").await;
    let entries = log(&ada).await;
    assert_eq!(entries[0], format!("{user} session.opened"));
    assert_eq!(entries[1], "upblit account.unblocked");
    let mut others = entries[2..].to_vec();
    others.sort();
    let opened = format!("{user} session.opened");
    let ended = "upblit session.revoked".to_owned();
    let expected = [
        opened.clone(),
        opened,
        "upblit account.blocked".to_owned(),
        ended.clone(),
        ended,
    ];
    assert_eq!(others, expected);
    refresh(&backend, &phone.refresh_token)
        .await
        .problem(401, "invalid-refresh-token");
}

#[tokio::test]
async fn a_user_can_be_blocked_before_the_first_sign_in() {
    let backend = Backend::start().await;
    let other = Backend::start().await;
    let user = id_of(&other.sign_in("ada").await).await;
    succeeds(&backend, Command::Block { user }).await;
    is_refused(&backend, "ada").await;
    let listed = succeeds(&backend, Command::Users { text: None }).await;
    assert!(
        listed.starts_with(&format!("user {user}: no account, blocked since ")),
        "{listed}"
    );
    assert_eq!(findings(&backend).await, Vec::<String>::new());
    succeeds(&backend, Command::Unblock { user }).await;
    let users = backend
        .dump(backend.database.tables.name(Table::Users))
        .await;
    assert_eq!(users, Vec::<String>::new());
    let ada = backend.sign_in("ada").await;
    assert_eq!(ada.get("/me").await.json()["login"], "ada");
}

#[tokio::test]
async fn signing_out_a_user_ends_all_sessions_and_nothing_else() {
    let backend = Backend::start().await;
    let bob = backend.sign_in("bob").await;
    let mut sessions = Vec::new();
    for _ in 0..50 {
        sessions.push(backend.sign_in("ada").await);
    }
    let user = id_of(&sessions[0]).await;
    let output = succeeds(&backend, Command::SignOut { user }).await;
    assert_eq!(output, format!("user {user}: 50 sessions ended\n"));
    for one in &sessions {
        let refused = refresh(&backend, &one.refresh_token).await;
        refused.problem(401, "invalid-refresh-token");
    }
    let output = succeeds(&backend, Command::SignOut { user }).await;
    assert_eq!(output, format!("user {user}: 0 sessions ended\n"));
    assert_eq!(
        bob.get("/sessions").await.json()["sessions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(refresh(&backend, &bob.refresh_token).await.status, 200);
    backend.sign_in("ada").await;
    assert_eq!(findings(&backend).await, Vec::<String>::new());
}

#[tokio::test]
async fn users_and_their_usage_are_listed_without_secrets() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let user = id_of(&ada).await;
    let sdk = ada.sdk().await;
    assert_eq!(sdk.traces(sdk.batch(1)).await.status, 200);
    ada.mint(&sdk.application_id).await;
    let revoked = ada.mint(&sdk.application_id).await;
    let id = &revoked["upblit_live_".len()..][..19];
    assert_eq!(ada.delete(&format!("/apikey/{id}")).await.status, 204);
    bob.join(&ada.invite(&sdk.application_id, "viewer").await)
        .await;

    let all = succeeds(&backend, Command::Users { text: None }).await;
    assert_eq!(all.lines().count(), 3);
    assert!(all.ends_with("\n2 users\n"), "{all}");
    let text = Some("BOB@users".to_owned());
    let some = succeeds(&backend, Command::Users { text }).await;
    assert!(some.contains(" bob <bob@users.example>: since "), "{some}");
    assert!(
        some.ends_with(", created 0 applications\n1 users\n"),
        "{some}"
    );

    let usage = succeeds(&backend, Command::Usage { user }).await;
    let lines: Vec<&str> = usage.lines().collect();
    assert_eq!(lines.len(), 4, "{usage}");
    assert!(lines[0].starts_with(&format!("user {user} ada <ada@users.example>: since ")));
    assert!(lines[1].starts_with("session "), "{usage}");
    assert!(lines[1].ends_with(", Browser/1.0"), "{usage}");
    let application = format!("application {} ", sdk.application_id);
    assert!(lines[2].starts_with(&application), "{usage}");
    assert!(lines[2].contains(": owner, 2 keys, last used 2"), "{usage}");
    assert_eq!(lines[3], "1 sessions, 1 applications");
    for secret in [&sdk.key[31..], &ada.token, &ada.refresh_token[20..]] {
        assert!(!usage.contains(secret), "{usage}");
    }
    let user = "1".parse().unwrap();
    let output = fails(&backend, Command::Usage { user }).await;
    assert_eq!(output, "there is no user 1\n");
}

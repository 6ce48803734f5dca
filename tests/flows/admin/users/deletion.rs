//! `upblit admin delete`, and blocks of users whose account is deleted.

use local::admin::{Command, SoleOwnedOption};
use serde_json::json;
use shared::base::ids::UserId;
use shared::store::Table;

use super::{fails, id_of, is_refused, succeeds};
use crate::admin::findings;
use crate::support::Backend;
use crate::support::callers::refresh;

fn delete(user: UserId) -> Command {
    Command::Delete {
        user,
        applications: None,
    }
}

fn delete_with_applications(user: UserId) -> Command {
    Command::Delete {
        user,
        applications: Some(SoleOwnedOption::Delete),
    }
}

#[tokio::test]
async fn a_block_outlasts_the_account() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let shared = bob.create_application("Shared").await;
    ada.join(&bob.invite(&shared, "owner").await).await;
    let own = ada.create_application("Own").await;
    let user = id_of(&ada).await;
    succeeds(&backend, Command::Block { user }).await;
    succeeds(&backend, delete_with_applications(user)).await;

    is_refused(&backend, "ada").await;
    let users = backend
        .dump(backend.database.tables.name(Table::Users))
        .await;
    let left: Vec<_> = users
        .iter()
        .filter(|item| item.contains(&user.to_string()))
        .collect();
    assert_eq!(left.len(), 1);
    for text in ["ada", "created_ms", "deleted_by", "applications"] {
        assert!(!left[0].contains(text), "{left:?}");
    }
    assert_eq!(findings(&backend).await, Vec::<String>::new());
    let members = bob.get(&format!("/applications/{shared}/members")).await;
    assert_eq!(members.json()["members"].as_array().unwrap().len(), 1);
    assert_eq!(ada.get("/me").await.status, 401, "no profile is left");
    let audit = bob
        .get(&format!("/applications/{shared}/audit"))
        .await
        .json();
    assert_eq!(audit["users"].as_array().unwrap().len(), 1, "bob alone");

    fails(&backend, delete(user)).await;
    succeeds(&backend, Command::Unblock { user }).await;
    let ada = backend.sign_in("ada").await;
    let listed = ada.get("/applications").await.json();
    assert_eq!(listed["applications"], json!([]));
    ada.get(&format!("/applications/{own}"))
        .await
        .problem(404, "not-found");
    ada.create_application("New").await;
    assert_eq!(findings(&backend).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_user_who_is_blocked_while_deleting_the_account_stays_blocked() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let user = id_of(&ada).await;
    succeeds(&backend, Command::Block { user }).await;
    let deletion = backend.database.begin_deletion_by_operator(user).await;
    let deletion = deletion.unwrap().unwrap();
    assert!(backend.database.delete_profile(&deletion).await.unwrap());
    assert!(
        backend.database.delete_profile(&deletion).await.unwrap(),
        "repeated after a lost response"
    );
    is_refused(&backend, "ada").await;
}

#[tokio::test]
async fn an_operator_deletes_an_account_as_its_user_can() {
    let backend = Backend::start().await;
    let (ada, bob) = (backend.sign_in("ada").await, backend.sign_in("bob").await);
    let shared = bob.create_application("Shared").await;
    ada.join(&bob.invite(&shared, "member").await).await;
    let own = ada.create_application("Own").await;
    let user = id_of(&ada).await;

    let output = fails(&backend, delete(user)).await;
    assert!(
        output.starts_with(&format!("application {own} \"Own\"\n")),
        "{output}"
    );
    assert!(output.contains("--applications=delete"), "{output}");
    assert_eq!(
        refresh(&backend, &ada.refresh_token).await.status,
        200,
        "nothing changed"
    );

    backend.later(1);
    let output = succeeds(&backend, delete_with_applications(user)).await;
    assert_eq!(output, format!("user {user}: the account is deleted\n"));
    for table in [Table::Users, Table::RefreshTokens] {
        let items = backend.dump(backend.database.tables.name(table)).await;
        assert!(
            !items.iter().any(|item| item.contains(&user.to_string())),
            "{items:?}"
        );
    }
    ada.get("/me").await.problem(401, "invalid-access-token");
    let audit = bob
        .get(&format!("/applications/{shared}/audit"))
        .await
        .json();
    let last = &audit["entries"][0];
    assert_eq!(last["action"], "member.removed");
    assert_eq!(last["actor"], "upblit");
    assert_eq!(last["member"], user.to_string());
    assert_eq!(findings(&backend).await, Vec::<String>::new());
    let output = fails(&backend, delete_with_applications(user)).await;
    assert_eq!(output, format!("there is no user {user}\n"));
    backend.sign_in("ada").await;
}

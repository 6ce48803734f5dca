//! `upblit admin check` on a product that works, and its output.

use std::process::ExitCode;

use local::admin::{Command, run};
use shared::base::clock::Clock;
use shared::store::Table;

use serde_json::json;

use super::{Busy, Item, check, findings};
use crate::support::stored::text;

#[tokio::test]
async fn a_check_of_a_product_in_use_finds_nothing() {
    let busy = Busy::start().await;
    assert_eq!(findings(&busy.backend).await, Vec::<String>::new());
    let (_, checked) = check(&busy.backend).await;
    let mut items = 0;
    for table in Table::ALL {
        items += busy.items(table, |_| true).await.len();
    }
    assert_eq!(checked.items, items as u64, "every item is read");
    assert!(items > 40, "{items}");
}

#[tokio::test]
async fn a_check_finds_nothing_once_telemetry_sessions_and_keys_expire() {
    let busy = Busy::start().await;
    for days in [10, 19, 1, 1, 40] {
        busy.backend.later(days * 24 * 60 * 60);
        assert_eq!(findings(&busy.backend).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_check_finds_nothing_after_accounts_are_deleted() {
    let busy = Busy::start().await;
    let shop = format!("/applications/{}", busy.sdk.application_id);
    let members = busy.ada.get(&format!("{shop}/members")).await.json();
    let bob = &members["members"][1]["userId"];
    let path = format!("{shop}/members/{}", bob.as_str().unwrap());
    let promoted = busy.ada.patch(&path, json!({ "role": "owner" })).await;
    assert_eq!(promoted.status, 204);
    // The creator of the application is deleted first, then the other member.
    for login in ["ada", "bob"] {
        let user = busy.backend.sign_in(login).await;
        let path = "/me?applications=delete";
        assert_eq!(user.delete(path).await.status, 204, "{login}");
        let mut found = findings(&busy.backend).await;
        found.retain(|finding| !finding.starts_with("leftover Telemetry "));
        assert_eq!(found, Vec::<String>::new(), "{login}");
    }
    let left = busy.items(Table::Users, |_| true).await;
    assert_eq!(left.len(), 0);
}

/// As a release left it that did not delete the telemetry of deleted applications.
#[tokio::test]
async fn telemetry_of_an_application_that_does_not_exist_is_found() {
    let busy = Busy::start().await;
    let id = &busy.sdk.application_id;
    let path = format!("/applications/{id}");
    assert_eq!(busy.ada.delete(&path).await.status, 204);
    assert_eq!(findings(&busy.backend).await, Vec::<String>::new());
    let is_left = |item: &Item| text(item, "application_id") == "deleted";
    for item in busy.items(Table::Applications, is_left).await {
        busy.delete(Table::Applications, &item).await;
    }
    let items = busy.items(Table::Telemetry, |_| true).await.len();
    let expected = format!(
        "leftover Telemetry {id}: {items} items of an application that does not exist; they expire"
    );
    assert_eq!(findings(&busy.backend).await, [expected]);
}

async fn printed(busy: &Busy) -> (String, ExitCode) {
    let mut out = Vec::new();
    let (clock, manual) = Clock::manual(busy.backend.clock.now());
    manual.set(busy.backend.clock.now());
    let database = &busy.backend.database;
    let code = run(&Command::Check, database, &clock, &mut out).await;
    (String::from_utf8(out).unwrap(), code.unwrap())
}

#[tokio::test]
async fn a_check_prints_its_findings_and_totals_and_its_exit_code_says_whether_something_is_broken()
{
    let busy = Busy::start().await;
    let (output, code) = printed(&busy).await;
    assert!(
        output.ends_with(" items checked: 0 broken, 0 left over\n"),
        "{output}"
    );
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
    let summaries = busy.items(Table::Telemetry, |item| item.contains_key("summary"));
    for summary in &summaries.await {
        busy.delete(Table::Telemetry, summary).await;
    }
    let (output, code) = printed(&busy).await;
    assert!(output.contains("leftover Telemetry "), "{output}");
    assert!(output.contains("broken Telemetry rollup#"), "{output}");
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
    let secrets = [
        &busy.sdk.key[31..],
        &busy.ada.token,
        &busy.ada.refresh_token,
    ];
    for secret in secrets {
        assert!(!output.contains(secret), "{output}");
    }
}

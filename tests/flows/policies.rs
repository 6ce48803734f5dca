//! Each function may do in the tables what its code does, and nothing else: the permissions and table
//! names in `template.yaml` equal those that all events and the rare cases needed.

use std::collections::BTreeSet;

use http::Method;
use serde_json::json;
use shared::base::clock::rfc3339;
use shared::base::environment::Env;
use shared::store::{Table, TableNames};

use crate::deleted_applications;
use crate::events;
use crate::leaked_keys::github::GitHub;
use crate::support::callers::{parameters, post, refresh};
use crate::support::calls::Grant;
use crate::support::{Backend, Sdk, SignedIn};
use crate::template::{functions, statements, template, text};

#[tokio::test]
async fn roles_and_settings_are_for_what_each_function_does_and_nothing_else() {
    // Every route, with requests that succeed and that are refused.
    let mut done = events::replay().await.grants.clone();
    done.extend(rare_ways().await);
    let allowed = allowed();
    let words = |grants: BTreeSet<&Grant>| -> Vec<String> {
        let words = grants.into_iter().map(|grant| {
            let Grant {
                function,
                action,
                resource,
            } = grant;
            format!("{function}: {action} on {resource}")
        });
        words.collect()
    };
    let missing = words(done.difference(&allowed).collect());
    let needless = words(allowed.difference(&done).collect());
    let used = used(&done);
    let named = named();
    let nameless: Vec<_> = used.difference(&named).collect();
    let unused: Vec<_> = named.difference(&used).collect();
    let none = || Vec::<String>::new();
    assert_eq!(
        (missing, needless, lines(nameless), lines(unused)),
        (none(), none(), none(), none()),
        "done but not allowed; allowed but not done; used without a setting; set but not used"
    );
}

/// A table of a function: the function, the setting of its name, the table.
type Use = (String, String, String);

fn lines(uses: Vec<&Use>) -> Vec<String> {
    let line = |(function, setting, table): &Use| format!("{function}: {setting} for {table}");
    uses.into_iter().map(line).collect()
}

/// The tables that the functions called, each under the setting that the code reads.
fn used(done: &BTreeSet<Grant>) -> BTreeSet<Use> {
    let names = TableNames::local(&Env::default());
    let setting = |name: &str| {
        let table = Table::ALL.into_iter().find(|t| names.name(*t) == name);
        table.map_or("(none)", Table::setting)
    };
    done.iter()
        .map(|grant| {
            let table = grant.resource.split('/').next().unwrap();
            let setting = setting(table).to_owned();
            (grant.function.clone(), setting, table.to_owned())
        })
        .collect()
}

/// The tables whose names `template.yaml` sets for the functions.
fn named() -> BTreeSet<Use> {
    let template = template();
    let mut named = BTreeSet::new();
    for (function, resource) in functions(&template) {
        let variables = &resource["Properties"]["Environment"]["Variables"];
        let variables = variables.as_mapping().into_iter().flatten();
        for (setting, table) in variables {
            let setting = text(setting);
            if setting.starts_with("TABLE_") {
                let table = table_of(&format!("{}.Arn", text(table)));
                named.insert((function.to_owned(), setting.to_owned(), table));
            }
        }
    }
    named
}

/// The table permissions of the roles in `template.yaml`.
fn allowed() -> BTreeSet<Grant> {
    let template = template();
    let mut grants = BTreeSet::new();
    for (function, resource) in functions(&template) {
        for (action, on) in statements(&template, resource) {
            if let Some(action) = action.strip_prefix("dynamodb:") {
                grants.insert(Grant {
                    function: function.to_owned(),
                    resource: table_of(on),
                    action: action.to_owned(),
                });
            }
        }
    }
    grants
}

/// `UsersTable.Arn` is `upblit-users`; `${ApplicationsTable.Arn}/index/by_user` is
/// an index of `upblit-applications`.
fn table_of(resource: &str) -> String {
    let (table, index) = match resource.strip_prefix("${") {
        Some(text) => text.split_once('}').unwrap(),
        None => (resource, ""),
    };
    let table = table.strip_suffix("Table.Arn").unwrap();
    let mut name = "upblit".to_owned();
    for letter in table.chars() {
        if letter.is_uppercase() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    format!("{name}{index}")
}

/// Permissions for rare cases that take more than one request.
async fn rare_ways() -> BTreeSet<Grant> {
    let github = GitHub::start().await;
    let backend = &github.backend;
    backend.calls.record_grants();
    more_sessions_than_one_may_have(backend).await;
    tokens_used_twice(backend).await;
    a_code_used_twice(backend).await;

    let (ada, sdk) = github.sdk().await;
    settings_of_an_application(&ada, &sdk).await;
    more_keys_than_one_may_have(&ada, &sdk).await;
    telemetry_over_hours(&ada, &sdk).await;
    let leaked = github.report(&[&sdk.key]).await;
    assert!(leaked.text().contains("true_positive"));
    an_account_with_a_past(&ada, &sdk).await;
    let path = format!("/applications/{}", sdk.application_id);
    assert_eq!(ada.delete(&path).await.status, 204, "with keys on it");
    deleted_applications::scheduled(backend).await;
    backend.calls.grants()
}

/// Deletes an account with a session that has ended and a membership.
async fn an_account_with_a_past(ada: &SignedIn, sdk: &Sdk) {
    let backend = &sdk.backend;
    backend.sign_in("dora").await.logout().await;
    let dora = backend.sign_in("dora").await;
    dora.join(&ada.invite(&sdk.application_id, "viewer").await)
        .await;
    assert_eq!(dora.delete("/me").await.status, 204);
}

async fn more_sessions_than_one_may_have(backend: &Backend) {
    for _ in 0..51 {
        backend.later(1);
        backend.sign_in("eve").await;
    }
}

async fn tokens_used_twice(backend: &Backend) {
    let mut bob = backend.sign_in("bob").await;
    let first = bob.refresh_token.clone();
    bob.rotate().await;
    assert_eq!(
        refresh(backend, &first).await.status,
        200,
        "within the grace"
    );
    backend.later(60);
    assert_eq!(
        refresh(backend, &first).await.status,
        200,
        "a lost response"
    );
    bob.rotate().await.problem(401, "invalid-refresh-token");
}

async fn a_code_used_twice(backend: &Backend) {
    let mut page = backend.browser();
    let github = page.get(events::START_WITH_CHALLENGE).await.location();
    let back = page.approve(&github, "carl").await;
    let success = page.get(&back).await.location();
    let code = parameters(success.query())["code"].clone();
    let body = json!({ "code": code, "codeVerifier": events::VERIFIER });
    for _ in 0..2 {
        let redeemed = post(backend, "/oauth2/token", body.clone()).await;
        assert_eq!(redeemed.status, 200);
    }
}

async fn settings_of_an_application(ada: &SignedIn, sdk: &Sdk) {
    let path = format!("/applications/{}", sdk.application_id);
    let settings = json!({ "name": "Till", "retentionDays": 7, "shards": 16 });
    assert_eq!(ada.patch(&path, settings).await.status, 200);
}

async fn more_keys_than_one_may_have(ada: &SignedIn, sdk: &Sdk) {
    for _ in 1..20 {
        ada.mint(&sdk.application_id).await;
    }
    let path = format!("/apikey?ApplicationId={}", sdk.application_id);
    let refused = ada.send(Method::POST, &path, None).await;
    refused.problem(409, "key-limit");
}

async fn telemetry_over_hours(ada: &SignedIn, sdk: &Sdk) {
    let now = sdk.backend.clock.now();
    let spans = [0, 2, 4].map(|hours| {
        let mut span = sdk.span(hours);
        let hours = jiff::SignedDuration::from_hours(hours as i64);
        span["timestamp"] = rfc3339(now - hours).into();
        span
    });
    for minutes in [0, 6] {
        sdk.backend.later(minutes * 60);
        let stored = sdk.traces(json!({ "traces": spans })).await.json();
        assert_eq!(stored["accepted"], 3, "in three chunks");
    }
    // Late arrivals, before a reader adds them to a rollup.
    let [from, to] = [5, 3].map(|hours| rfc3339(now - jiff::SignedDuration::from_hours(hours)));
    let id = &sdk.application_id;
    let path = format!("/telemetry?applicationId={id}&from={from}&to={to}");
    assert_eq!(ada.delete(&path).await.json()["deletedEvents"], 1);
    for question in ["traces?", "traces/trace-0?", "logs?", "metrics?"] {
        let path = format!("/telemetry/{question}applicationId={}", sdk.application_id);
        assert_eq!(ada.get(&path).await.status, 200, "{question}");
        let from = rfc3339(now - jiff::SignedDuration::from_hours(6));
        let path = format!("{path}&from={from}");
        assert_eq!(ada.get(&path).await.status, 200, "{question} of six hours");
    }
}

//! The operator lists who may sign in: accounts, members of organizations and teams, and owners of
//! e-mail addresses. Everyone else is refused, without a database call.

mod github;
mod template_rules;

use serde_json::Value;

use crate::support::Backend;
use crate::support::callers::parameters;
use crate::support::log::Log;

/// The reason why a sign-in as `login` fails, or `None` if it succeeds.
async fn outcome(backend: &Backend, login: &str) -> Option<String> {
    let mut browser = backend.browser();
    let github = browser.start().await;
    let callback = browser.approve(&github, login).await;
    backend.calls.take();
    let location = browser.get(&callback).await.location();
    let reason = parameters(location.query()).remove("reason");
    let has_tokens = parameters(location.fragment()).contains_key("token");
    assert_eq!(has_tokens, reason.is_none(), "{location}");
    let expected: &[&str] = match reason {
        None => &["TransactWriteItems"],
        Some(_) => &[],
    };
    assert_eq!(backend.calls.take(), expected, "{login}");
    reason
}

#[tokio::test]
async fn strangers_are_refused_by_each_kind_of_entry() {
    const NOT: Option<&str> = Some("not_allowed");
    // Organizations and teams are those of the stand-in.
    let ada_by_id = format!("renamed:{}", id("ada").await);
    let other_id = format!("ada:{}", id("bob").await);
    for (setting, value, login, expected) in [
        ("ALLOWED_GITHUB_USERS", "bob, ada", "Ada", None),
        ("ALLOWED_GITHUB_USERS", "bob, ada", "eve", NOT),
        ("ALLOWED_GITHUB_USERS", &ada_by_id, "ada", None),
        ("ALLOWED_GITHUB_USERS", &ada_by_id, "renamed", NOT),
        ("ALLOWED_GITHUB_USERS", &other_id, "ada", NOT),
        ("ALLOWED_GITHUB_ORGANIZATIONS", "ACME", "ada", None),
        ("ALLOWED_GITHUB_ORGANIZATIONS", "acme", "grace", None),
        ("ALLOWED_GITHUB_ORGANIZATIONS", "acme", "eve", NOT),
        ("ALLOWED_GITHUB_ORGANIZATIONS", "acme", "linus", NOT),
        ("ALLOWED_GITHUB_ORGANIZATIONS", "acm", "ada", NOT),
        ("ALLOWED_GITHUB_ORGANIZATIONS", "acme-corp", "ada", NOT),
        ("ALLOWED_GITHUB_ORGANIZATIONS", "acme/platform", "ada", None),
        ("ALLOWED_GITHUB_ORGANIZATIONS", "acme/platform", "eve", NOT),
        (
            "ALLOWED_GITHUB_ORGANIZATIONS",
            "acme/platform",
            "grace",
            NOT,
        ),
        ("ALLOWED_GITHUB_ORGANIZATIONS", "acme/other", "ada", NOT),
        ("ALLOWED_GITHUB_ORGANIZATIONS", "other, acme", "ada", None),
        (
            "ALLOWED_GITHUB_ORGANIZATIONS",
            "fortress, acme",
            "ada",
            None,
        ),
        (
            "ALLOWED_GITHUB_ORGANIZATIONS",
            "fortress, acme",
            "eve",
            Some("github_forbidden"),
        ),
        ("ALLOWED_EMAIL_DOMAINS", "Users.Example", "eve", None),
        ("ALLOWED_EMAIL_DOMAINS", "unverified.example", "eve", NOT),
        ("ALLOWED_EMAIL_DOMAINS", "example.com", "eve", NOT),
    ] {
        let backend = Backend::with(&[(setting, value)]).await;
        let outcome = outcome(&backend, login).await;
        assert_eq!(outcome.as_deref(), expected, "{login} by {setting} {value}");
    }
}

/// The id that the stand-in gives an account.
async fn id(login: &str) -> String {
    let user = Backend::start().await.sign_in(login).await;
    let me = user.get("/me").await.json();
    me["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn one_match_of_several_lists_is_enough() {
    let backend = Backend::with(&[
        ("ALLOWED_GITHUB_USERS", "eve"),
        ("ALLOWED_GITHUB_ORGANIZATIONS", "acme/platform"),
        ("ALLOWED_EMAIL_DOMAINS", "example.com"),
    ])
    .await;
    for (login, is_allowed) in [("eve", true), ("octocat", true), ("mallory", false)] {
        assert_eq!(
            outcome(&backend, login).await.is_none(),
            is_allowed,
            "{login}"
        );
    }
}

#[tokio::test]
async fn the_scope_for_organizations_is_requested_only_if_one_is_listed() {
    let usual = "read:user user:email";
    for (settings, expected) in [
        (&[][..], usual.to_owned()),
        (&[("ALLOWED_GITHUB_USERS", "ada")], usual.to_owned()),
        (
            &[("ALLOWED_EMAIL_DOMAINS", "users.example")],
            usual.to_owned(),
        ),
        (
            &[("ALLOWED_GITHUB_ORGANIZATIONS", "acme")],
            format!("{usual} read:org"),
        ),
    ] {
        let github = Backend::with(settings).await.browser().start().await;
        assert_eq!(
            parameters(github.query())["scope"],
            expected,
            "{settings:?}"
        );
    }
}

#[tokio::test]
async fn a_refusal_is_in_the_log_with_the_id_of_the_account_and_leaves_nothing_in_the_tables() {
    let backend = Backend::with(&[("ALLOWED_GITHUB_USERS", "ada")]).await;
    let log = Log::capture();
    assert_eq!(
        outcome(&backend, "eve").await.as_deref(),
        Some("not_allowed")
    );
    let lines: Vec<Value> = log
        .take()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let eve = id("eve").await;
    let said = |message: &str| {
        let mut newest_first = lines.iter().rev();
        let line = newest_first.find(|line| line.to_string().contains(message));
        line.unwrap_or_else(|| panic!("no {message}"))
    };
    assert!(
        said("the allow list has no entry")
            .to_string()
            .contains(&eve)
    );
    assert!(said("sign-in failed").to_string().contains("not_allowed"));
    assert_eq!(said("answered")["user"], eve);
    assert!(
        !lines
            .iter()
            .any(|line| line.to_string().contains("users.example"))
    );
    assert_eq!(backend.dump_all().await, "");
}

#[tokio::test]
async fn a_shorter_list_ends_no_session_but_refuses_the_next_sign_in() {
    let before = Backend::with(&[("ALLOWED_GITHUB_USERS", "ada,eve")]).await;
    let mut eve = before.sign_in("eve").await;
    let after = before.redeployed(&[("ALLOWED_GITHUB_USERS", "ada")]);
    assert_eq!(outcome(&after, "eve").await.as_deref(), Some("not_allowed"));
    eve.backend = after;
    assert_eq!(eve.get("/me").await.status, 200);
    assert_eq!(eve.rotate().await.status, 200, "until the session ends");
}

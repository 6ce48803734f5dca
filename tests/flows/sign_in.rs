//! Sign-in with GitHub: RFC 6749 with `state` and PKCE, in several tabs at once.

use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::support::backend::{FRONTEND_URL, PUBLIC_URL};
use crate::support::callers::{SignedIn, parameters};
use crate::support::{Backend, Browser, Response};

mod client_state;

/// The reason in the address of the login page.
#[track_caller]
fn reason(response: &Response) -> String {
    let location = response.location();
    let prefix = format!("{FRONTEND_URL}/login?reason=");
    location
        .as_str()
        .strip_prefix(&prefix)
        .unwrap_or_else(|| panic!("{location}"))
        .to_owned()
}

async fn approved(backend: &Backend) -> (Browser, String) {
    let mut browser = backend.browser();
    let github = browser.start().await;
    let callback = browser.approve(&github, "octocat").await;
    (browser, callback)
}

#[tokio::test]
async fn the_start_sends_the_browser_to_github_with_state_and_pkce_and_no_database_call() {
    let backend = Backend::start().await;
    let github = backend.browser().start().await;
    let query = parameters(github.query());
    assert!(github.path().ends_with("/login/oauth/authorize"));
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["client_id"], "client");
    assert_eq!(
        query["redirect_uri"],
        format!("{PUBLIC_URL}/login/oauth2/code/github")
    );
    assert_eq!(query["scope"], "read:user user:email");
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!(query["code_challenge"].len(), 43);
    assert!(query["state"].len() >= 22);
    assert!(backend.calls.take().is_empty());
}

#[tokio::test]
async fn the_callback_returns_the_tokens_in_the_fragment_with_one_transaction() {
    let backend = Backend::start().await;
    let (mut browser, callback) = approved(&backend).await;
    let response = browser.get(&callback).await;
    assert_eq!(backend.calls.take(), ["TransactWriteItems"]);
    assert_eq!(response.header("cache-control"), "no-store");
    assert!(browser.cookies.is_empty(), "the cookie was deleted");

    let success = response.location();
    assert!(
        success
            .as_str()
            .starts_with(&format!("{FRONTEND_URL}/oauth-success#token=eyJ"))
    );
    assert_eq!(success.query(), None, "no token in a query");
    assert_eq!(parameters(success.fragment())["expiresIn"], "900");

    let octocat = SignedIn::from_redirect(backend, &success);
    assert!(
        octocat
            .token
            .starts_with("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.")
    );
    let me = octocat.get("/me").await.json();
    assert_eq!(
        (&me["id"], &me["login"]),
        (&json!("583231"), &json!("octocat"))
    );
    assert_eq!(me["email"], "octocat@users.example");
}

#[tokio::test]
async fn signing_in_again_updates_the_user_and_opens_another_session() {
    let backend = Backend::start().await;
    backend.sign_in("octocat").await;
    backend.sign_in("octocat").await;
    assert_eq!(backend.dump(&backend.database.tables.users).await.len(), 1);
    assert_eq!(
        backend
            .dump(&backend.database.tables.refresh_tokens)
            .await
            .len(),
        2
    );
}

#[tokio::test]
async fn two_tabs_at_once_both_succeed() {
    let backend = Backend::start().await;
    let mut browser = backend.browser();
    let first = browser.start().await;
    let second = browser.start().await;
    for github in [second, first] {
        let callback = browser.approve(&github, "octocat").await;
        assert!(
            browser
                .get(&callback)
                .await
                .location()
                .path()
                .ends_with("/oauth-success")
        );
    }
}

#[tokio::test]
async fn a_callback_that_this_browser_did_not_start_is_refused() {
    let backend = Backend::start().await;
    let (mut browser, callback) = approved(&backend).await;
    let (path, query) = callback.split_once('?').unwrap();
    let query = parameters(Some(query));
    let code = &query["code"];
    let state = &query["state"];
    let flipped = state.chars().rev().collect::<String>();
    for query in [
        String::new(),
        format!("?code={code}"),
        format!("?code={code}&state="),
        format!("?code={code}&state={flipped}"),
        format!("?code={code}&state={state}x"),
        format!("?code={code}&state={state}&state={state}"),
        format!("?code={code}&code={code}&state={state}"),
        format!("?code={code}&state=%00%0d%0a"),
    ] {
        let response = browser.get(&format!("{path}{query}")).await;
        assert_eq!(reason(&response), "invalid_state", "{query}");
    }
    let mut other = backend.browser();
    assert_eq!(
        reason(&other.get(&callback).await),
        "invalid_state",
        "another browser"
    );
    assert!(backend.calls.take().is_empty());
    assert!(
        browser
            .get(&callback)
            .await
            .location()
            .path()
            .ends_with("/oauth-success")
    );
}

#[tokio::test]
async fn a_replayed_callback_opens_no_second_session() {
    let backend = Backend::start().await;
    let (mut browser, callback) = approved(&backend).await;
    let cookies = browser.cookies.clone();
    browser.get(&callback).await;
    assert_eq!(reason(&browser.get(&callback).await), "invalid_state");
    browser.cookies = cookies;
    assert_eq!(
        reason(&browser.get(&callback).await),
        "github_error",
        "GitHub's code was already used"
    );
    assert_eq!(
        backend
            .dump(&backend.database.tables.refresh_tokens)
            .await
            .len(),
        1
    );
}

#[tokio::test]
async fn a_sign_in_that_takes_ten_minutes_has_expired() {
    let backend = Backend::start().await;
    let (mut browser, callback) = approved(&backend).await;
    backend.later(600);
    assert_eq!(reason(&browser.get(&callback).await), "login_expired");
    assert!(browser.cookies.is_empty());
}

#[tokio::test]
async fn a_denied_sign_in_returns_to_the_login_page_without_githubs_text() {
    let backend = Backend::start().await;
    for with_code in ["", "&code=abc"] {
        let mut browser = backend.browser();
        let state = parameters(browser.start().await.query())["state"].clone();
        let path = format!(
            "/login/oauth2/code/github?error=access_denied&error_description=%3Cb%3Eno\
             &state={state}{with_code}"
        );
        assert_eq!(reason(&browser.get(&path).await), "access_denied");
    }
    assert!(backend.calls.take().is_empty());
}

#[tokio::test]
async fn only_a_path_on_the_frontend_is_returned_to() {
    let backend = Backend::start().await;
    let mut browser = backend.browser();
    let start = "/oauth2/authorization/github?return_to=";
    let github = browser
        .get(&format!("{start}%2Fapplications%3Ftab%3Dkeys"))
        .await
        .location();
    let callback = browser.approve(&github, "octocat").await;
    let success = browser.get(&callback).await.location();
    assert_eq!(
        parameters(success.fragment())["returnTo"],
        "/applications?tab=keys"
    );
    for dropped in [
        "%2F%2Fevil.test",
        "%2F..%2F%2Fevil.test",
        "%2F%5Cevil.test",
        "https%3A%2F%2Fevil.test",
        "https:evil.test",
        "javascript:alert(1)",
        "%2F%252fevil.test",
        "%2F%0D%0ASet-Cookie:x=1",
        "evil.test",
        "%2Fa%20b",
        &format!("%2F{}", "a".repeat(600)),
        "",
    ] {
        let github = browser.get(&format!("{start}{dropped}")).await.location();
        let callback = browser.approve(&github, "octocat").await;
        let success = browser.get(&callback).await.location();
        let parameters = parameters(success.fragment());
        assert!(parameters.contains_key("token"), "{dropped}");
        assert!(!parameters.contains_key("returnTo"), "{dropped}");
    }
}

#[tokio::test]
async fn cookies_of_other_sites_never_stop_a_sign_in() {
    let backend = Backend::start().await;
    for other in ["city=Z\u{fc}rich", "a=\"b", "x", "="] {
        let mut browser = backend.browser();
        let github = browser.start().await;
        let callback = browser.approve(&github, "octocat").await;
        let ours: Vec<_> = browser.cookies.iter().collect();
        let (name, value) = ours[0];
        // Browsers send one byte per character.
        let header = format!("{other}; {name}={value}; {other}");
        let latin: Vec<u8> = header.chars().map(|char| char as u8).collect();
        let request = Request::get(&callback).header("cookie", &latin[..]);
        let done = backend.send(request.body(Body::empty()).unwrap()).await;
        let success = done.location();
        assert!(
            parameters(success.fragment()).contains_key("token"),
            "{other}"
        );
    }
}

#[tokio::test]
async fn thirty_abandoned_sign_ins_leave_five_small_cookies_and_the_last_ones_still_work() {
    let backend = Backend::start().await;
    let mut browser = backend.browser();
    let mut started = Vec::new();
    for _ in 0..30 {
        started.push(browser.start().await);
        backend.later(1);
    }
    assert_eq!(browser.cookies.len(), 5);
    let bytes = browser
        .cookies
        .iter()
        .map(|(name, value)| name.len() + value.len() + 3);
    assert!(bytes.sum::<usize>() < 1_250);
    for github in &started[25..] {
        let callback = browser.approve(github, "octocat").await;
        let success = browser.get(&callback).await.location();
        assert!(parameters(success.fragment()).contains_key("token"));
    }
    let callback = browser.approve(&started[24], "octocat").await;
    assert_eq!(reason(&browser.get(&callback).await), "invalid_state");
}

#[tokio::test]
async fn a_head_request_of_the_callback_consumes_nothing() {
    let backend = Backend::start().await;
    let mut browser = backend.browser();
    let github = browser.start().await;
    let callback = browser.approve(&github, "octocat").await;
    let cookies: Vec<_> = browser
        .cookies
        .iter()
        .map(|(n, v)| format!("{n}={v}"))
        .collect();
    let head = Request::head(&callback).header("cookie", cookies.join("; "));
    let response = backend.send(head.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status, 204);
    assert!(!response.headers.contains_key("set-cookie"));
    assert_eq!(backend.calls.take(), [] as [String; 0]);
    let success = browser.get(&callback).await.location();
    assert!(parameters(success.fragment()).contains_key("token"));
}

#[tokio::test]
async fn a_spoofed_host_changes_nothing() {
    let backend = Backend::start().await;
    let request = Request::get("/oauth2/authorization/github")
        .header("host", "evil.test")
        .header("x-forwarded-host", "evil.test")
        .header("x-forwarded-proto", "https")
        .header("forwarded", "host=evil.test");
    let response = backend.send(request.body(Body::empty()).unwrap()).await;
    assert!(!response.header("location").contains("evil.test"));
    assert!(!response.header("set-cookie").contains("evil.test"));
}

#[tokio::test]
async fn githubs_login_hint_is_passed_on_if_it_is_a_login() {
    let backend = Backend::start().await;
    let mut browser = backend.browser();
    let github = browser
        .get("/oauth2/authorization/github?login=hubot")
        .await
        .location();
    assert_eq!(parameters(github.query())["login"], "hubot");
    let github = browser
        .get("/oauth2/authorization/github?login=ada_acme")
        .await
        .location();
    assert_eq!(parameters(github.query())["login"], "ada_acme");
    let github = browser
        .get("/oauth2/authorization/github?login=a%26b")
        .await
        .location();
    assert!(!parameters(github.query()).contains_key("login"));
}

#[tokio::test]
async fn a_setting_returns_the_tokens_in_the_query() {
    let backend = Backend::with(&[("TOKEN_HANDOFF", "query")]).await;
    let (mut browser, callback) = approved(&backend).await;
    let success = browser.get(&callback).await.location();
    assert_eq!(success.fragment(), None);
    let query = parameters(success.query());
    assert!(query["token"].starts_with("eyJ") && query["refresh"].starts_with("upblit_rt_"));
}

#[tokio::test]
async fn behind_https_the_cookie_is_bound_to_the_host() {
    let settings = [("PUBLIC_URL", "https://api.test"), ("SIGN_IN", "open")];
    let backend = Backend::with(&settings).await;
    let response = backend.browser().get("/oauth2/authorization/github").await;
    let cookie = response.header("set-cookie");
    assert!(cookie.starts_with("__Host-upblit_login_"), "{cookie}");
    for attribute in [
        "Secure",
        "HttpOnly",
        "SameSite=Lax",
        "Path=/",
        "Max-Age=600",
    ] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
}

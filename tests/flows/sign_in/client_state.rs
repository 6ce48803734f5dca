//! A frontend's own `client_state`, which it gets back at the end of a sign-in that it started.

use std::collections::BTreeMap;

use crate::support::Backend;
use crate::support::callers::parameters;

const CHALLENGE: &str =
    "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

/// Signs in with a query of the start, and returns the query and the fragment of `/oauth-success`.
async fn sign_in(backend: &Backend, query: &str) -> [BTreeMap<String, String>; 2] {
    let mut browser = backend.browser();
    let start = format!("/oauth2/authorization/github?{query}");
    let github = browser.get(&start).await.location();
    let callback = browser.approve(&github, "octocat").await;
    let success = browser.get(&callback).await.location();
    assert_eq!(success.path(), "/oauth-success");
    [success.query(), success.fragment()].map(parameters)
}

#[tokio::test]
async fn a_client_state_comes_back_where_the_tokens_or_the_code_are() {
    let backend = Backend::start().await;
    let [query, fragment] = sign_in(&backend, "client_state=of-this-tab").await;
    assert!(query.is_empty() && fragment.contains_key("token"));
    assert_eq!(fragment["clientState"], "of-this-tab");

    let [query, fragment] = sign_in(&backend, &format!("client_state=x_1&{CHALLENGE}")).await;
    assert!(fragment.is_empty() && query.contains_key("code"));
    assert_eq!(query["clientState"], "x_1");

    let backend = Backend::with(&[("TOKEN_HANDOFF", "query")]).await;
    let [query, _] = sign_in(&backend, "client_state=x_1").await;
    assert!(query.contains_key("token") && query["clientState"] == "x_1");
}

#[tokio::test]
async fn a_sign_in_without_a_client_state_ends_as_documented() {
    let backend = Backend::start().await;
    let [query, fragment] = sign_in(&backend, "return_to=%2Fapplications").await;
    assert!(query.is_empty());
    let names: Vec<_> = fragment.keys().collect();
    assert_eq!(names, ["expiresIn", "refreshToken", "returnTo", "token"]);
}

#[tokio::test]
async fn a_client_state_of_another_form_starts_no_sign_in() {
    let backend = Backend::start().await;
    for state in ["", "a%20b", "%26token=x", &"a".repeat(129)] {
        let start = format!("/oauth2/authorization/github?client_state={state}");
        let location = backend.browser().get(&start).await.location();
        let reason = &parameters(location.query())["reason"];
        assert_eq!(reason, "invalid_request", "{state}");
    }
}

#[tokio::test]
async fn five_unfinished_sign_ins_with_the_longest_values_fit_into_the_headers_of_a_request() {
    let backend = Backend::start().await;
    let mut browser = backend.browser();
    let state = "s".repeat(128);
    let path = "p".repeat(511);
    let start = format!(
        "/oauth2/authorization/github?client_state={state}&return_to=%2F{path}&{CHALLENGE}"
    );
    for _ in 0..8 {
        browser.get(&start).await.location();
    }
    let header: usize = browser
        .cookies
        .iter()
        .map(|(name, value)| name.len() + value.len() + 3)
        .sum();
    assert_eq!(browser.cookies.len(), 5);
    assert!(header <= 8_192, "{header} bytes");
}

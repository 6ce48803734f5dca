//! Authorization codes, which a page gets instead of tokens if it started the sign-in with a PKCE
//! challenge.

use std::collections::BTreeSet;

use axum::body::Body;
use http::Request;
use http::header::{CONTENT_TYPE, USER_AGENT};
use serde_json::json;

use crate::support::callers::{GRACE_SECONDS, SignedIn, parameters, post, refresh};
use crate::support::{Backend, Response};

/// Verifier and challenge of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Signs in with a challenge, and returns the code.
async fn code(backend: &Backend) -> String {
    let mut browser = backend.browser();
    let start = format!(
        "/oauth2/authorization/github?code_challenge={CHALLENGE}&code_challenge_method=S256"
    );
    let github = browser.get(&start).await.location();
    let callback = browser.approve(&github, "octocat").await;
    backend.calls.take();
    let success = browser.get(&callback).await.location();
    assert_eq!(backend.calls.take(), ["TransactWriteItems"]);
    assert_eq!(success.path(), "/oauth-success");
    assert_eq!(success.fragment(), None);
    let query = parameters(success.query());
    assert_eq!(
        query.keys().collect::<Vec<_>>(),
        ["code"],
        "no token in a query"
    );
    query["code"].clone()
}

async fn redeem(backend: &Backend, code: &str, verifier: &str) -> Response {
    let body = json!({ "code": code, "codeVerifier": verifier });
    post(backend, "/oauth2/token", body).await
}

fn signed_in(backend: &Backend, response: &Response) -> SignedIn {
    let body = response.json();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    SignedIn {
        backend: backend.clone(),
        token: text("accessToken"),
        refresh_token: text("refreshToken"),
    }
}

#[tokio::test]
async fn a_code_and_its_verifier_are_swapped_for_tokens_with_one_write() {
    let backend = Backend::start().await;
    let code = code(&backend).await;
    let response = redeem(&backend, &code, VERIFIER).await;
    assert_eq!(backend.calls.take(), ["UpdateItem"]);
    assert_eq!(response.header("cache-control"), "no-store");
    let mut octocat = signed_in(&backend, &response);
    assert_eq!(octocat.get("/me").await.json()["login"], "octocat");
    assert_eq!(octocat.rotate().await.status, 200);
    assert_eq!(octocat.rotate().await.status, 200);
}

#[tokio::test]
async fn a_code_redeemed_again_by_another_client_is_in_the_audit_log() {
    let backend = Backend::start().await;
    let code = code(&backend).await;
    let ada = signed_in(&backend, &redeem(&backend, &code, VERIFIER).await);
    let notices = async || {
        let audit_log = ada.get("/me/audit").await.text();
        audit_log.matches("session.shared").count()
    };
    assert_eq!(redeem(&backend, &code, VERIFIER).await.status, 200);
    assert_eq!(notices().await, 0, "the same client");
    let body = json!({ "code": code, "codeVerifier": VERIFIER }).to_string();
    for _ in 0..2 {
        let request = Request::post("/oauth2/token")
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, "Thief/1.0");
        let again = backend.send(request.body(Body::from(body.clone())).unwrap());
        assert_eq!(again.await.status, 200);
        assert_eq!(notices().await, 1, "once an hour");
    }
}

#[tokio::test]
async fn a_code_redeemed_twice_gets_the_current_tokens_both_times() {
    let backend = Backend::start().await;
    let code = code(&backend).await;
    let first = signed_in(&backend, &redeem(&backend, &code, VERIFIER).await);
    backend.later(1);
    backend.calls.take();
    let again = redeem(&backend, &code, VERIFIER).await;
    assert_eq!(backend.calls.take(), ["UpdateItem"]);
    let mut again = signed_in(&backend, &again);
    assert_eq!(again.refresh_token, first.refresh_token);
    assert_eq!(first.get("/me").await.status, 200);

    assert_eq!(again.rotate().await.status, 200);
    let late = signed_in(&backend, &redeem(&backend, &code, VERIFIER).await);
    assert_eq!(late.refresh_token, again.refresh_token, "the newest");
    backend.later(60);
    redeem(&backend, &code, VERIFIER)
        .await
        .problem(400, "invalid-code");
    assert_eq!(again.refresh().await.status, 200, "and it ends nothing");
}

#[tokio::test]
async fn a_code_redeemed_in_parallel_gets_one_refresh_token() {
    let backend = Backend::start().await;
    let code = code(&backend).await;
    let attempts = (0..20).map(|_| redeem(&backend, &code, VERIFIER));
    let responses = futures_util::future::join_all(attempts).await;
    let tokens: BTreeSet<_> = responses
        .iter()
        .map(|response| signed_in(&backend, response).refresh_token)
        .collect();
    assert_eq!(tokens.len(), 1);
}

#[tokio::test]
async fn a_code_of_an_ended_session_is_refused() {
    let backend = Backend::start().await;
    let code = code(&backend).await;
    let octocat = signed_in(&backend, &redeem(&backend, &code, VERIFIER).await);
    octocat.logout().await;
    redeem(&backend, &code, VERIFIER)
        .await
        .problem(400, "invalid-code");
}

#[tokio::test]
async fn a_wrong_verifier_never_ends_the_session() {
    let backend = Backend::start().await;
    let code = code(&backend).await;
    let wrong = async || {
        let refused = redeem(&backend, &code, &"x".repeat(43)).await;
        refused.problem(400, "invalid-code");
        assert_eq!(backend.calls.take(), ["UpdateItem"]);
    };
    wrong().await;
    let mut octocat = signed_in(&backend, &redeem(&backend, &code, VERIFIER).await);
    for later in [0, 30, 29, 1, 3600] {
        backend.later(later);
        backend.calls.take();
        wrong().await;
        assert_eq!(octocat.refresh().await.status, 200);
    }
}

#[tokio::test]
async fn a_session_opened_with_a_challenge_recovers_three_times_in_a_row_and_no_more() {
    let backend = Backend::start().await;
    let code = code(&backend).await;
    let octocat = signed_in(&backend, &redeem(&backend, &code, VERIFIER).await);
    for outcome in ["rotated", "recovered", "recovered", "recovered"] {
        backend.later(GRACE_SECONDS + 1);
        let response = refresh(&backend, &octocat.refresh_token).await;
        assert_eq!(response.status, 200, "{outcome}");
    }
    backend.later(GRACE_SECONDS + 1);
    backend.calls.take();
    let response = refresh(&backend, &octocat.refresh_token).await;
    response.problem(401, "invalid-refresh-token");
    assert_eq!(backend.calls.take(), ["UpdateItem", "TransactWriteItems"]);
}

#[tokio::test]
async fn a_code_expires_after_a_minute() {
    let backend = Backend::start().await;
    let (first, second) = (code(&backend).await, code(&backend).await);
    backend.later(59);
    assert_eq!(redeem(&backend, &first, VERIFIER).await.status, 200);
    backend.later(1);
    redeem(&backend, &second, VERIFIER)
        .await
        .problem(400, "invalid-code");
}

#[tokio::test]
async fn a_wrong_verifier_gets_nothing_and_leaves_the_code_to_its_owner() {
    let backend = Backend::start().await;
    let code = code(&backend).await;
    redeem(&backend, &code, &"x".repeat(43))
        .await
        .problem(400, "invalid-code");
    let problem = redeem(&backend, &code, "short")
        .await
        .problem(400, "invalid-fields");
    assert_eq!(problem["errors"][0]["pointer"], "/codeVerifier");
    assert_eq!(redeem(&backend, &code, VERIFIER).await.status, 200);
}

#[tokio::test]
async fn forged_codes_and_other_tokens_are_refused_without_a_database_call() {
    let backend = Backend::start().await;
    let octocat = backend.sign_in("octocat").await;
    let code = code(&backend).await;
    let flipped = code.chars().rev().collect::<String>();
    for code in [
        "",
        "upblit_code_",
        &flipped,
        &octocat.refresh_token,
        &octocat.token,
    ] {
        redeem(&backend, code, VERIFIER)
            .await
            .problem(400, "invalid-code");
    }
    refresh(&backend, &code)
        .await
        .problem(401, "invalid-refresh-token");
    for body in [
        json!({}),
        json!({ "code": code }),
        json!({ "code": 1, "codeVerifier": 2 }),
    ] {
        assert_eq!(post(&backend, "/oauth2/token", body).await.status, 400);
    }
    assert!(backend.calls.take().is_empty());
}

#[tokio::test]
async fn an_unredeemed_code_leaves_nothing_in_the_tables_that_redeems_it() {
    let backend = Backend::start().await;
    let code = code(&backend).await;
    let dump = backend.dump_all().await;
    assert!(!dump.contains(&code) && !dump.contains(VERIFIER));
}

#[tokio::test]
async fn a_challenge_without_s256_starts_no_sign_in() {
    let backend = Backend::start().await;
    let start = "/oauth2/authorization/github?";
    for query in [
        format!("code_challenge={CHALLENGE}"),
        format!("code_challenge={CHALLENGE}&code_challenge_method=plain"),
        "code_challenge_method=S256".to_owned(),
        "code_challenge=short&code_challenge_method=S256".to_owned(),
    ] {
        let location = backend
            .browser()
            .get(&format!("{start}{query}"))
            .await
            .location();
        assert_eq!(
            parameters(location.query())["reason"],
            "invalid_request",
            "{query}"
        );
    }
}

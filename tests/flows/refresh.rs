//! Refreshes: the newest token of a session gets its successor, and reuse of an old token ends
//! the session.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::backend::JWT_SECRET;
use crate::support::callers::{GRACE_SECONDS, post, refresh};
use crate::support::{Backend, Response, SignedIn};

const DAY: u64 = 24 * 60 * 60;
const GRACE: u64 = GRACE_SECONDS;
const IDLE: u64 = 14 * DAY;
const ABSOLUTE: u64 = 90 * DAY;

pub(super) async fn strict() -> Backend {
    Backend::with(&[("REFRESH_REUSE_POLICY", "strict")]).await
}

/// The refresh token in a successful response.
#[track_caller]
pub(super) fn successor(response: &Response) -> String {
    response.json()["refreshToken"].as_str().unwrap().to_owned()
}

/// Expects the 401 of a refused refresh token. Returns the problem without its request id.
#[track_caller]
pub(super) fn refused(response: &Response) -> Value {
    let mut problem = response.problem(401, "invalid-refresh-token");
    problem.as_object_mut().unwrap().remove("requestId");
    problem
}

/// The only session in the table.
pub(super) async fn row(backend: &Backend) -> HashMap<String, AttributeValue> {
    let scan = backend.database.client.scan();
    let scan = scan.table_name(&backend.database.tables.refresh_tokens);
    let mut items = scan.send().await.unwrap().items.unwrap();
    backend.calls.take();
    assert_eq!(items.len(), 1);
    items.remove(0)
}

pub(super) async fn put(backend: &Backend, row: HashMap<String, AttributeValue>) {
    let put = backend.database.client.put_item().set_item(Some(row));
    let put = put.table_name(&backend.database.tables.refresh_tokens);
    put.send().await.unwrap();
    backend.calls.take();
}

async fn send(backend: &Backend, content_type: Option<&str>, body: impl Into<Body>) -> Response {
    let mut request = Request::post("/refresh");
    if let Some(content_type) = content_type {
        request = request.header(CONTENT_TYPE, content_type);
    }
    backend.send(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn a_refresh_answers_with_new_tokens_for_one_write() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    backend.later(60);
    let response = refresh(&backend, &ada.refresh_token).await;
    assert_eq!(backend.calls.take(), ["UpdateItem"]);
    assert_eq!(response.header("cache-control"), "no-store");

    let body = response.json();
    assert_eq!(body["token"], body["accessToken"]);
    assert_ne!(body["token"], ada.token);
    assert_ne!(body["refreshToken"], ada.refresh_token);
    assert_eq!(body["tokenType"], "Bearer");
    assert_eq!(body["expiresIn"], 900);
    assert_eq!(body["refreshExpiresIn"], IDLE);
    assert_eq!(body.as_object().unwrap().len(), 6, "{body}");
}

#[tokio::test]
async fn each_successor_and_its_access_token_work() {
    let backend = Backend::start().await;
    let mut ada = backend.sign_in("ada").await;
    let mut seen = BTreeSet::from([ada.refresh_token.clone()]);
    for _ in 0..20 {
        backend.later(900);
        assert_eq!(ada.refresh().await.status, 200);
        assert_eq!(backend.calls.take(), ["UpdateItem"]);
        assert!(seen.insert(ada.refresh_token.clone()), "a token came back");
        assert_eq!(ada.get("/sessions").await.status, 200);
        backend.calls.take();
    }
}

#[tokio::test]
async fn a_retry_within_the_grace_gets_the_same_successor() {
    for backend in [Backend::start().await, strict().await] {
        let mut ada = backend.sign_in("ada").await;
        let first = ada.refresh_token.clone();
        ada.rotate().await;
        assert_ne!(ada.refresh_token, first);
        for _ in 0..3 {
            backend.later(GRACE / 3);
            backend.calls.take();
            let again = refresh(&backend, &first).await;
            assert_eq!(backend.calls.take(), ["UpdateItem"]);
            assert_eq!(successor(&again), ada.refresh_token);
        }
        assert_eq!(ada.rotate().await.status, 200, "and it works");
    }
}

#[tokio::test]
async fn under_recover_a_retry_after_the_grace_moves_the_session_on() {
    let backend = Backend::start().await;
    let mut ada = backend.sign_in("ada").await;
    let first = ada.refresh_token.clone();
    ada.rotate().await;
    backend.later(GRACE + 1);
    backend.calls.take();
    let recovered = refresh(&backend, &first).await;
    assert_eq!(backend.calls.take(), ["UpdateItem", "PutItem"]);
    assert_ne!(successor(&recovered), ada.refresh_token);

    let again = refresh(&backend, &first).await;
    assert_eq!(successor(&again), successor(&recovered), "its own grace");
    assert_eq!(refresh(&backend, &successor(&recovered)).await.status, 200);

    backend.later(GRACE + 1);
    backend.calls.take();
    assert_eq!(refresh(&backend, &first).await.status, 200);
    assert_eq!(backend.calls.take(), ["UpdateItem"], "in the same hour");
}

#[tokio::test]
async fn under_recover_a_client_that_never_stores_stays_until_the_absolute_expiry() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    for _ in 0..8 {
        backend.later(11 * DAY);
        assert_eq!(refresh(&backend, &ada.refresh_token).await.status, 200);
    }
    backend.later(2 * DAY);
    refused(&refresh(&backend, &ada.refresh_token).await);
}

#[tokio::test]
async fn under_strict_a_retry_after_the_grace_ends_the_session() {
    let backend = strict().await;
    let mut ada = backend.sign_in("ada").await;
    let first = ada.refresh_token.clone();
    ada.rotate().await;
    backend.later(GRACE + 1);
    backend.calls.take();
    refused(&refresh(&backend, &first).await);
    assert_eq!(backend.calls.take(), ["UpdateItem", "TransactWriteItems"]);
    refused(&ada.refresh().await);
}

#[tokio::test]
async fn a_token_from_three_swaps_ago_ends_the_session_even_for_the_newest() {
    for backend in [Backend::start().await, strict().await] {
        let mut ada = backend.sign_in("ada").await;
        let grandparent = ada.refresh_token.clone();
        for _ in 0..3 {
            ada.rotate().await;
        }
        backend.calls.take();
        refused(&refresh(&backend, &grandparent).await);
        assert_eq!(backend.calls.take(), ["UpdateItem", "TransactWriteItems"]);
        refused(&ada.refresh().await);
        assert_eq!(backend.calls.take(), ["UpdateItem"]);
    }
}

#[tokio::test]
async fn a_token_used_by_a_thief_and_its_owner_ends_the_session_in_either_order() {
    for thief_first in [true, false] {
        let backend = Backend::start().await;
        let mut owner = backend.sign_in("ada").await;
        let mut thief = SignedIn {
            backend: backend.clone(),
            token: owner.token.clone(),
            refresh_token: owner.refresh_token.clone(),
        };
        let (first, second) = if thief_first {
            (&mut thief, &mut owner)
        } else {
            (&mut owner, &mut thief)
        };
        assert_eq!(first.rotate().await.status, 200);
        assert_eq!(
            second.rotate().await.status,
            200,
            "taken for a lost response"
        );
        refused(&first.rotate().await);
        refused(&second.rotate().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_refreshes_at_once_get_one_successor_by_one_write() {
    let backend = Backend::start().await;
    let instances = [backend.clone(), backend.another_instance()];
    let ada = backend.sign_in("ada").await;
    backend.later(GRACE + 1);
    let mut requests = JoinSet::new();
    for number in 0..100 {
        let instance = instances[number % 2].clone();
        let token = ada.refresh_token.clone();
        requests.spawn(async move { refresh(&instance, &token).await });
    }
    let answers = requests.join_all().await;
    // One for each request; the SDK retries if a busy engine is slow.
    let calls = backend.calls.take();
    assert!(calls.len() >= 100 && calls.iter().all(|call| call == "UpdateItem"));
    let successors: BTreeSet<_> = answers.iter().map(successor).collect();
    assert_eq!(successors.len(), 1);
    assert_eq!(
        row(&backend).await["current_counter"],
        AttributeValue::N("2".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_late_retries_at_once_get_one_successor_too() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    backend.later(GRACE + 1);
    refresh(&backend, &ada.refresh_token).await;
    backend.later(GRACE + 1);
    let mut requests = JoinSet::new();
    for _ in 0..100 {
        let backend = backend.clone();
        let token = ada.refresh_token.clone();
        requests.spawn(async move { refresh(&backend, &token).await });
    }
    let answers = requests.join_all().await;
    let successors: BTreeSet<_> = answers.iter().map(successor).collect();
    assert_eq!(successors.len(), 1);
    assert_eq!(
        row(&backend).await["current_counter"],
        AttributeValue::N("3".into())
    );
}

#[tokio::test]
async fn another_instance_knows_what_the_first_one_did() {
    let backend = Backend::start().await;
    let mut ada = backend.sign_in("ada").await;
    let first = ada.refresh_token.clone();
    ada.rotate().await;
    let other = backend.another_instance();
    assert_eq!(successor(&refresh(&other, &first).await), ada.refresh_token);
    ada.backend = other.another_instance();
    assert_eq!(ada.rotate().await.status, 200);
    backend.later(GRACE + 1);
    refused(&refresh(&other, &first).await);
    refused(&refresh(&backend, &ada.refresh_token).await);
}

#[tokio::test]
async fn a_clock_five_minutes_off_signs_nobody_out() {
    let backend = Backend::start().await;
    let mut ada = backend.sign_in("ada").await;
    let first = ada.refresh_token.clone();
    ada.rotate().await;
    let now = backend.clock.now();
    backend.clock.set(now - jiff::SignedDuration::from_mins(5));
    assert_eq!(
        successor(&refresh(&backend, &first).await),
        ada.refresh_token
    );
    assert_eq!(ada.refresh().await.status, 200);
    backend.clock.set(now + jiff::SignedDuration::from_mins(5));
    assert_eq!(ada.refresh().await.status, 200);
}

#[tokio::test]
async fn an_idle_session_ends_on_the_second_though_its_row_is_still_there() {
    for (late, status) in [
        (IDLE - 1, 200),
        (IDLE, 401),
        (IDLE + 1, 401),
        (IDLE + DAY, 401),
    ] {
        let backend = Backend::start().await;
        let mut ada = backend.sign_in("ada").await;
        backend.later(late);
        assert_eq!(ada.refresh().await.status, status, "{late}");
        assert_eq!(backend.calls.take(), ["UpdateItem"]);
        assert_eq!(row(&backend).await["revoked"], AttributeValue::Bool(false));
    }
}

#[tokio::test]
async fn use_does_not_extend_the_absolute_expiry() {
    for (late, status) in [(10 * DAY - 1, 200), (10 * DAY, 401), (10 * DAY + 1, 401)] {
        let backend = Backend::start().await;
        let mut ada = backend.sign_in("ada").await;
        for day in (10..=80).step_by(10) {
            backend.later(10 * DAY);
            let left = (ABSOLUTE - day * DAY).min(IDLE);
            assert_eq!(
                ada.refresh().await.json()["refreshExpiresIn"],
                left,
                "day {day}"
            );
        }
        backend.later(late);
        assert_eq!(ada.refresh().await.status, status, "{late}");
    }
}

#[tokio::test]
async fn signing_out_invalidates_every_token_of_the_session() {
    let backend = Backend::start().await;
    let mut ada = backend.sign_in("ada").await;
    let elsewhere = backend.sign_in("ada").await;
    let first = ada.refresh_token.clone();
    ada.rotate().await;
    backend.calls.take();
    let response = ada.logout().await;
    assert_eq!((response.status.as_u16(), response.body.len()), (204, 0));
    assert_eq!(backend.calls.take(), ["TransactWriteItems"]);
    refused(&ada.refresh().await);
    refused(&refresh(&backend, &first).await);
    assert_eq!(ada.logout().await.status, 204, "again");
    assert_eq!(
        refresh(&backend, &elsewhere.refresh_token).await.status,
        200
    );
}

#[tokio::test]
async fn signing_out_with_an_older_token_ends_the_session_too() {
    let backend = Backend::start().await;
    let mut ada = backend.sign_in("ada").await;
    let first = ada.refresh_token.clone();
    ada.rotate().await;
    ada.rotate().await;
    post(&backend, "/logout", json!({ "refreshToken": first })).await;
    refused(&ada.refresh().await);
}

#[tokio::test]
async fn signing_out_with_what_is_no_token_is_204_and_calls_nothing() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    for token in [
        "",
        "garbage",
        "upblit_rt_",
        &ada.token,
        &format!("{}A", ada.refresh_token),
    ] {
        let response = post(&backend, "/logout", json!({ "refreshToken": token })).await;
        assert_eq!(response.status, 204, "{token}");
    }
    assert_eq!(backend.calls.take(), Vec::<String>::new());
    post(&backend, "/logout", json!({}))
        .await
        .problem(400, "malformed-request");
    assert_eq!(refresh(&backend, &ada.refresh_token).await.status, 200);
}

#[tokio::test]
async fn every_refusal_reads_the_same() {
    let backend = Backend::start().await;
    let mut reused = backend.sign_in("ada").await;
    let revoked = backend.sign_in("bob").await;
    let expired = backend.sign_in("eve").await;
    let first = reused.refresh_token.clone();
    for _ in 0..3 {
        reused.rotate().await;
    }
    revoked.logout().await;
    let mut problem = vec![
        refused(&refresh(&backend, "garbage").await),
        refused(&refresh(&backend, "").await),
        refused(&refresh(&backend, &first).await),
        refused(&refresh(&backend, &reused.refresh_token).await),
        refused(&refresh(&backend, &revoked.refresh_token).await),
    ];
    backend.later(IDLE);
    problem.push(refused(&refresh(&backend, &expired.refresh_token).await));
    problem.dedup();
    assert_eq!(problem.len(), 1, "{problem:#?}");
}

#[tokio::test]
async fn a_forgery_is_refused_without_a_call() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let genuine = &ada.refresh_token;
    let tail = if genuine.ends_with('A') { "E" } else { "A" };
    let forged = format!("{}{tail}", &genuine[..genuine.len() - 1]);
    for token in [
        &forged,
        &genuine[..genuine.len() - 1],
        &genuine.to_uppercase(),
        &genuine["upblit_rt_".len()..],
        &format!("{genuine}="),
        &format!(" {genuine}"),
        &format!("{genuine}\n"),
        &format!("{genuine}\0"),
        "upblit_rt_\0\0\0",
        "upblit_rt_🦀🔑",
        &format!("upblit_rt_{}", "A".repeat(66)),
        &format!("upblit_rt_{}", "A".repeat(60_000)),
        &ada.token,
    ] {
        refused(&refresh(&backend, token).await);
    }
    let mebibyte = refresh(&backend, &"A".repeat(1 << 20)).await;
    mebibyte.problem(413, "too-large");
    assert_eq!(backend.calls.take(), Vec::<String>::new());
    assert_eq!(refresh(&backend, genuine).await.status, 200);
}

#[tokio::test]
async fn a_malformed_body_is_400_without_a_call() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let token = json!(ada.refresh_token);
    let genuine = format!(r#"{{"refreshToken":{token}}}"#);
    for (body, slug) in [
        ("", "malformed-request"),
        ("{}", "malformed-request"),
        ("null", "malformed-request"),
        ("7", "malformed-request"),
        ("[]", "malformed-request"),
        (&format!("[{token}]"), "malformed-request"),
        (&format!("[{genuine}]"), "malformed-request"),
        (&token.to_string(), "malformed-request"),
        (&format!(r#"{{"token":{token}}}"#), "malformed-request"),
        (
            &format!(r#"{{"refreshToken":{token},"refreshToken":{token}}}"#),
            "malformed-request",
        ),
        (&genuine[..genuine.len() - 1], "malformed-request"),
        (&genuine[..genuine.len() - 9], "malformed-request"),
        (&format!("{genuine}{genuine}"), "malformed-request"),
        (&genuine.replace(':', "="), "malformed-request"),
        (
            &format!(r#"{{"x":{}"#, "[".repeat(10_000)),
            "malformed-request",
        ),
        (r#"{"refreshToken":null}"#, "invalid-fields"),
        (r#"{"refreshToken":7}"#, "invalid-fields"),
        (r#"{"refreshToken":{}}"#, "invalid-fields"),
        (
            &format!(r#"{{"refreshToken":[{token}]}}"#),
            "invalid-fields",
        ),
    ] {
        let response = send(&backend, Some("application/json"), body.to_owned()).await;
        let shown = &body[..body.len().min(120)];
        assert_eq!(response.status, 400, "{shown}");
        let problem = response.problem(400, slug);
        assert!(
            !problem.to_string().contains(&ada.refresh_token[..20]),
            "quotes the token"
        );
    }
    let invalid_utf8 = send(
        &backend,
        Some("application/json"),
        b"{\"refreshToken\":\"\xff\"}".to_vec(),
    );
    assert_eq!(invalid_utf8.await.status, 400);
    assert_eq!(backend.calls.take(), Vec::<String>::new());
}

#[tokio::test]
async fn an_unknown_field_is_ignored() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let body = json!({ "refreshToken": ada.refresh_token, "grantType": [null] });
    assert_eq!(post(&backend, "/refresh", body).await.status, 200);
}

#[tokio::test]
async fn only_json_is_read_and_its_charset_does_not_matter() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let body = json!({ "refreshToken": ada.refresh_token }).to_string();
    for wrong in [
        None,
        Some(""),
        Some("text/plain"),
        Some("application/jsonp"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=application/json"),
    ] {
        let response = send(&backend, wrong, body.clone()).await;
        response.problem(415, "unsupported-media-type");
    }
    assert_eq!(backend.calls.take(), Vec::<String>::new());
    for right in [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "Application/JSON",
    ] {
        assert_eq!(
            send(&backend, Some(right), body.clone()).await.status,
            200,
            "{right}"
        );
    }
}

#[tokio::test]
async fn another_method_is_405_and_a_token_in_the_query_is_not_read() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let path = format!("/refresh?refreshToken={}", ada.refresh_token);
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
        let request = Request::builder()
            .method(&method)
            .uri(&path)
            .body(Body::empty());
        let response = backend.send(request.unwrap()).await;
        response.problem(405, "method-not-allowed");
        assert_eq!(response.header("allow"), "POST");
    }
    post(&backend, &path, json!({}))
        .await
        .problem(400, "malformed-request");
    refused(&post(&backend, &path, json!({ "refreshToken": "garbage" })).await);
    assert_eq!(backend.calls.take(), Vec::<String>::new());
    assert_eq!(refresh(&backend, &ada.refresh_token).await.status, 200);
}

#[tokio::test]
async fn a_session_whose_row_is_gone_is_over() {
    let backend = Backend::start().await;
    let mut ada = backend.sign_in("ada").await;
    let row = row(&backend).await;
    let delete = backend.database.client.delete_item();
    let delete = delete.table_name(&backend.database.tables.refresh_tokens);
    let delete = delete.key("user_id", row["user_id"].clone());
    delete
        .key("session_id", row["session_id"].clone())
        .send()
        .await
        .unwrap();
    backend.calls.take();
    refused(&ada.refresh().await);
    assert_eq!(backend.calls.take(), ["UpdateItem"]);
    assert_eq!(ada.logout().await.status, 204);
    assert!(
        backend
            .dump(&backend.database.tables.refresh_tokens)
            .await
            .is_empty(),
        "the session was written again"
    );
}

#[tokio::test]
async fn a_corrupt_row_is_a_server_error_and_signs_nobody_out() {
    let backend = Backend::start().await;
    let mut ada = backend.sign_in("ada").await;
    let sound = row(&backend).await;
    for (attribute, value) in [
        ("current_counter", Some(AttributeValue::S("two".into()))),
        ("current_counter", None),
        ("idle_expires_ms", None),
        ("revoked", None),
        ("moved_ms", None),
    ] {
        let mut corrupt = sound.clone();
        corrupt.remove(attribute);
        corrupt.extend(value.map(|value| (attribute.to_owned(), value)));
        put(&backend, corrupt).await;
        let response = ada.refresh().await;
        assert!(
            response.status.is_server_error(),
            "{attribute}: {}",
            response.text()
        );
        assert!(!response.text().contains(attribute), "{}", response.text());
    }
    put(&backend, sound).await;
    assert_eq!(ada.refresh().await.status, 200);
}

#[tokio::test]
async fn a_rotation_of_the_signing_key_signs_nobody_out_until_the_old_key_is_removed() {
    const NEW: &str = "the next signing secret of the tests, of 32 bytes too";
    let backend = Backend::start().await;
    let (mut active, mut away) = (backend.sign_in("ada").await, backend.sign_in("bob").await);

    let settings = [("JWT_SECRET", NEW), ("JWT_SECRET_PREVIOUS", JWT_SECRET)];
    active.backend = backend.redeployed(&settings);
    assert_eq!(
        active.get("/sessions").await.status,
        200,
        "the old access token"
    );
    assert_eq!(active.rotate().await.status, 200, "the old refresh token");

    active.backend = backend.redeployed(&[("JWT_SECRET", NEW)]);
    away.backend = active.backend.clone();
    assert_eq!(active.get("/sessions").await.status, 200);
    assert_eq!(active.refresh().await.status, 200);
    backend.calls.take();
    away.get("/sessions")
        .await
        .problem(401, "invalid-access-token");
    refused(&away.refresh().await);
    assert_eq!(backend.calls.take(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reuse_that_races_with_refreshes_ends_the_session_and_is_never_served() {
    let backend = Backend::start().await;
    let mut ada = backend.sign_in("ada").await;
    let grandparent = ada.refresh_token.clone();
    for _ in 0..3 {
        ada.rotate().await;
    }
    let mut reuses = JoinSet::new();
    let mut refreshes = JoinSet::new();
    for _ in 0..20 {
        let backend = backend.clone();
        let old = grandparent.clone();
        let newest = ada.refresh_token.clone();
        let other = backend.another_instance();
        reuses.spawn(async move { refresh(&other, &old).await });
        refreshes.spawn(async move { refresh(&backend, &newest).await });
    }
    for response in reuses.join_all().await {
        refused(&response);
    }
    for response in refreshes.join_all().await {
        if !response.status.is_success() {
            refused(&response);
        }
    }
    refused(&ada.refresh().await);
}

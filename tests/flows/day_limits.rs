//! Daily quotas: of each application, and of all applications that a user created.

use serde_json::{Value, json};

use crate::support::faulty_engine::{Fault, FaultyEngine};
use crate::support::{Backend, Response, Sdk, SignedIn, backend, stored};

const DAY: u64 = 24 * 60 * 60;

/// A backend with these settings, a user, and the SDK of an application.
async fn with(settings: &[(&str, &str)]) -> (Backend, SignedIn, Sdk) {
    let backend = Backend::with(settings).await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    (backend, ada, sdk)
}

/// Sends batches of one span, two write units each. Returns the responses.
async fn send(sdk: &Sdk, batches: usize) -> Vec<Value> {
    let mut answers = Vec::new();
    for index in 0..batches {
        let batch = json!({ "traces": [sdk.span(index)] });
        answers.push(sdk.traces(batch).await.json());
    }
    answers
}

fn accepted(answers: &[Value]) -> u64 {
    answers
        .iter()
        .map(|a| a["accepted"].as_u64().unwrap())
        .sum()
}

/// The used share of the quota that key health shows.
async fn percent(ada: &SignedIn, sdk: &Sdk) -> Value {
    let path = format!("/apikey?ApplicationId={}", sdk.application_id);
    let listed = ada.get(&path).await.json();
    let keys = listed["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["id"] == sdk.key_id()).unwrap();
    key["health"]["quotaUsedPercent"].clone()
}

async fn otlp(sdk: &Sdk, body: &Value) -> Response {
    let headers = [("content-type", "application/json")];
    sdk.send("/v1/traces", &headers, body.to_string().into_bytes())
        .await
}

#[tokio::test]
async fn over_the_daily_quota_nothing_is_stored_and_senders_get_200_with_the_reason() {
    let (backend, _, sdk) = with(&[("APPLICATION_DAILY_UNITS", "10")]).await;
    assert_eq!(accepted(&send(&sdk, 5).await), 5);
    let kept = stored::events(&stored::items(&backend).await);
    backend.later(10);
    backend.calls.take();
    let refused = sdk.traces(sdk.batch(3)).await;
    assert_eq!(refused.status, 200);
    let refused = refused.json();
    assert_eq!(
        (&refused["accepted"], &refused["rejected"]),
        (&json!(0), &json!(3))
    );
    let reason = refused["errors"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("quota-exceeded: "), "{reason}");

    let span = json!({
        "traceId": "5b8aa5a2d2c872e8321cf37308d69df2", "spanId": "051581bf3cb55c13", "name": "GET",
        "startTimeUnixNano": nanos(&backend), "endTimeUnixNano": nanos(&backend),
    });
    let body = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span, {}] }] }] });
    let partial = otlp(&sdk, &body).await;
    assert_eq!(partial.status, 200);
    let partial = partial.json()["partialSuccess"].clone();
    assert_eq!(partial["rejectedSpans"], "2");
    let message = partial["errorMessage"].as_str().unwrap();
    assert!(message.starts_with("quota-exceeded: "), "{message}");

    let calls = backend.calls.take();
    assert!(calls.iter().all(|call| call != "PutItem"), "{calls:?}");
    assert_eq!(stored::events(&stored::items(&backend).await), kept);
}

#[tokio::test]
async fn an_empty_batch_over_the_quota_is_answered_as_always() {
    let (_, _, sdk) = with(&[("APPLICATION_DAILY_UNITS", "3")]).await;
    let empty = json!({ "traces": [] });
    let before = sdk.traces(empty.clone()).await.json();
    send(&sdk, 3).await;
    assert_eq!(accepted(&send(&sdk, 1).await), 0);
    let over = sdk.traces(empty).await;
    assert_eq!((over.status.as_u16(), over.json()), (200, before));
}

fn nanos(backend: &Backend) -> String {
    backend.clock.now().as_nanosecond().to_string()
}

#[tokio::test]
async fn batches_over_the_quota_make_no_call_until_the_day_ends() {
    let (backend, _, sdk) = with(&[("APPLICATION_DAILY_UNITS", "10")]).await;
    send(&sdk, 8).await;
    backend.later(60);
    send(&sdk, 1).await;
    backend.calls.take();
    assert_eq!(accepted(&send(&sdk, 20).await), 0);
    assert_eq!(backend.calls.take(), Vec::<String>::new());
    backend.later(DAY);
    let answer = sdk.traces(json!({ "traces": [sdk.span(99)] })).await;
    assert_eq!(answer.json()["accepted"], 1);
}

#[tokio::test]
async fn a_user_has_one_quota_for_all_the_applications_that_the_user_created() {
    let (_, ada, sdk) = with(&[("USER_DAILY_UNITS", "10")]).await;
    let other = ada.sdk().await;
    assert_ne!(sdk.application_id, other.application_id);
    assert_eq!(accepted(&send(&sdk, 3).await), 3);
    assert_eq!(accepted(&send(&other, 5).await), 2);
    assert_eq!(accepted(&send(&sdk, 1).await), 0);
    let bob = sdk.backend.sign_in("bob").await.sdk().await;
    assert_eq!(accepted(&send(&bob, 1).await), 1, "another user");
}

#[tokio::test]
async fn an_application_over_its_quota_takes_nothing_from_the_other_applications_of_the_user() {
    let settings = [
        ("APPLICATION_DAILY_UNITS", "10"),
        ("USER_DAILY_UNITS", "100"),
    ];
    let (backend, ada, sdk) = with(&settings).await;
    let other = ada.sdk().await;
    assert_eq!(accepted(&send(&sdk, 5).await), 5);
    for _ in 0..60 {
        let cold = Sdk {
            backend: backend.another_instance(),
            ..sdk.clone()
        };
        assert_eq!(accepted(&send(&cold, 1).await), 0);
    }
    assert_eq!(accepted(&send(&other, 5).await), 5);
}

#[tokio::test]
async fn a_key_that_another_member_made_is_charged_to_the_creator_of_the_application() {
    let (backend, ada, sdk) = with(&[("USER_DAILY_UNITS", "10")]).await;
    let bob = backend.sign_in("bob").await;
    let invite = ada.invite(&sdk.application_id, "member").await;
    bob.join(&invite).await;
    backend.calls.take();
    let path = format!("/apikey?ApplicationId={}", sdk.application_id);
    let key = bob.post(&path, json!({})).await.json();
    assert_eq!(backend.calls.take(), ["TransactWriteItems"; 2]);
    let of_bob = Sdk {
        key: key.as_str().unwrap().to_owned(),
        ..sdk.clone()
    };
    assert_eq!(accepted(&send(&of_bob, 9).await), 5);
    assert_eq!(accepted(&send(&sdk, 1).await), 0);
    let own = bob.sdk().await;
    assert_eq!(accepted(&send(&own, 1).await), 1, "bob paid nothing");
}

#[tokio::test]
async fn instances_share_the_daily_quota() {
    let (backend, _, sdk) = with(&[("APPLICATION_DAILY_UNITS", "400")]).await;
    let instances: Vec<_> = (0..4).map(|_| backend.another_instance()).collect();
    let mut stored = 0;
    for round in 0..100 {
        for instance in &instances {
            let sdk = Sdk {
                backend: instance.clone(),
                ..sdk.clone()
            };
            let batch = json!({ "traces": [sdk.span(round)] });
            stored += 2 * sdk.traces(batch).await.json()["accepted"].as_u64().unwrap();
        }
    }
    assert!((300..=408).contains(&stored), "{stored} units");
}

#[tokio::test]
async fn a_request_that_cannot_be_read_counts_as_a_unit() {
    let (_, _, sdk) = with(&[("APPLICATION_DAILY_UNITS", "10")]).await;
    for _ in 0..10 {
        let refused = sdk.send("/ingest/traces", &[], b"{".to_vec()).await;
        refused.problem(400, "malformed-request");
    }
    assert_eq!(accepted(&send(&sdk, 1).await), 0);
}

#[tokio::test]
async fn from_eighty_percent_on_key_health_shows_the_used_share_until_the_day_ends() {
    let (backend, ada, sdk) = with(&[("APPLICATION_DAILY_UNITS", "100")]).await;
    send(&sdk, 30).await;
    backend.later(60);
    send(&sdk, 5).await;
    assert_eq!(percent(&ada, &sdk).await, Value::Null);
    send(&sdk, 10).await;
    backend.later(60);
    send(&sdk, 1).await;
    let shown = percent(&ada, &sdk).await.as_u64().unwrap();
    assert!((90..=92).contains(&shown), "{shown}");
    send(&sdk, 10).await;
    backend.later(60);
    send(&sdk, 1).await;
    assert_eq!(percent(&ada, &sdk).await, json!(100));
    backend.later(DAY);
    let ada = backend.sign_in("ada").await;
    assert_eq!(percent(&ada, &sdk).await, Value::Null, "of yesterday");
}

#[tokio::test]
async fn metrics_are_charged_by_the_size_of_their_body() {
    let (_, _, sdk) = with(&[("APPLICATION_DAILY_UNITS", "24")]).await;
    let mut body = br#"{"resourceMetrics":[]}"#.to_vec();
    body.resize(5 << 20, b' ');
    let headers = [("content-type", "application/json")];
    assert_eq!(sdk.send("/v1/metrics", &headers, body).await.status, 200);
    assert_eq!(accepted(&send(&sdk, 5).await), 2);
}

/// A span in each of this many hours.
fn spans_of_hours(hours: i64) -> Value {
    let span = |hour| {
        let start = backend::start() - jiff::SignedDuration::from_hours(hour);
        json!({
            "timestamp": shared::base::clock::rfc3339(start), "traceId": format!("t{hour}"),
            "spanId": "s", "durationMs": 1.0, "responseStatus": 200,
        })
    };
    json!({ "traces": (0..hours).map(span).collect::<Vec<_>>() })
}

#[tokio::test]
async fn a_batch_that_turns_out_larger_than_what_is_left_is_not_stored() {
    for quota in ["APPLICATION_DAILY_UNITS", "USER_DAILY_UNITS"] {
        let (backend, _, sdk) = with(&[(quota, "80")]).await;
        assert_eq!(accepted(&send(&sdk, 10).await), 10);
        let kept = stored::events(&stored::items(&backend).await);
        // At least a chunk of each hour, and a summary in a transaction.
        let refused = sdk.traces(spans_of_hours(24)).await;
        assert_eq!(refused.status, 200);
        let refused = refused.json();
        let outcome = [&refused["accepted"], &refused["rejected"]];
        assert_eq!(outcome, [&json!(0), &json!(24)], "{quota}");
        assert_eq!(stored::events(&stored::items(&backend).await), kept);
        let after = accepted(&send(&sdk, 40).await);
        assert_eq!(after, 29, "{quota}: 80 - 20 - 1 units are left");
    }
}

#[tokio::test]
async fn a_batch_whose_writes_fail_is_charged_all_that_they_may_have_taken() {
    let settings = [("APPLICATION_DAILY_UNITS", "80")];
    let (engine, backend) = FaultyEngine::start_with(&settings).await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    assert_eq!(accepted(&send(&sdk, 1).await), 1);
    engine.fail_always("PutItem", Fault::Broken);
    let failed = sdk.traces(spans_of_hours(10)).await;
    failed.problem(503, "unavailable");
    engine.heal();
    let left = accepted(&send(&sdk, 40).await);
    assert!(
        left <= (80 - 2 - 10 * 3) / 2,
        "{left} more batches of two units"
    );
}

#[tokio::test]
async fn without_a_lease_nothing_is_stored_or_charged_and_the_sender_gets_503() {
    // The leases of the minute, of the application and of the user.
    for skip in 0..3 {
        let settings = [
            ("APPLICATION_DAILY_UNITS", "10"),
            ("USER_DAILY_UNITS", "10"),
        ];
        let (engine, backend) = FaultyEngine::start_with(&settings).await;
        let ada = backend.sign_in("ada").await;
        let sdk = ada.sdk().await;
        engine.fail("UpdateItem", Fault::Broken, skip, usize::MAX);
        for batch in 0..3 {
            let failed = sdk.traces(json!({ "traces": [sdk.span(batch)] })).await;
            failed.problem(503, "unavailable");
        }
        assert_eq!(stored::events(&stored::items(&backend).await), 0);
        engine.heal();
        assert_eq!(accepted(&send(&sdk, 9).await), 5, "after {skip} leases");
    }
}

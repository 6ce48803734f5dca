//! The quotas of a day for reading: of each application, and of each reader.

use serde_json::{Value, json};

use crate::support::faulty_engine::{Fault, FaultyEngine};
use crate::support::metered::{self, Meter};
use crate::support::{Backend, Response, Sdk, SignedIn};

const DAY: u64 = 24 * 60 * 60;
const FIVE_MINUTES: u64 = 5 * 60;

/// The routes of queries, with what follows the application.
const QUERIES: [&str; 6] = [
    "traces",
    "traces/trace-0",
    "logs",
    "metrics",
    "fields",
    "differences",
];

fn path(query: &str, sdk: &Sdk) -> String {
    format!("/telemetry/{query}?applicationId={}", sdk.application_id)
}

/// A user, and an SDK with one trace and one log record.
async fn shop(settings: &[(&str, &str)]) -> (SignedIn, Sdk) {
    with_telemetry(&Backend::with(settings).await).await
}

async fn with_telemetry(backend: &Backend) -> (SignedIn, Sdk) {
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    assert_eq!(sdk.traces(sdk.batch(1)).await.status, 200);
    assert_eq!(sdk.logs(sdk.log("paid")).await.status, 200);
    (ada, sdk)
}

/// The end of the day in which the tests begin, and the seconds until then.
const MIDNIGHT: &str = "2026-02-01T00:00:00.000Z";
const SECONDS_TO_MIDNIGHT: &str = "41400";

/// What is left of a policy by the `RateLimit` header.
#[track_caller]
fn left(response: &Response, policy: &str) -> u64 {
    let header = response.header("ratelimit");
    let item = header
        .split(", ")
        .find_map(|item| item.strip_prefix(&format!("\"{policy}\";r=")));
    let (left, _) = item
        .unwrap_or_else(|| panic!("{header}"))
        .split_once(';')
        .unwrap();
    left.parse().unwrap()
}

#[track_caller]
fn over_quota(response: &Response) -> String {
    let problem = response.problem(429, "quota-exceeded");
    assert_eq!(problem["availableAt"], MIDNIGHT);
    assert_eq!(response.header("retry-after"), SECONDS_TO_MIDNIGHT);
    problem["detail"].as_str().unwrap().to_owned()
}

/// The usage of today.
async fn reads(user: &SignedIn, sdk: &Sdk) -> Value {
    let path = format!("/applications/{}/usage?days=1", sdk.application_id);
    user.get(&path).await.json()["days"][0]["reads"].clone()
}

#[tokio::test]
async fn every_question_states_what_is_left_of_both_quotas() {
    let settings = [
        ("APPLICATION_DAILY_READ_UNITS", "30000"),
        ("USER_DAILY_READ_UNITS", "20000"),
    ];
    let (ada, sdk) = shop(&settings).await;
    let reader = ada.reader(&sdk.application_id).await;
    let of_day = r#""application";q=30000;w=86400, "reader";q=20000;w=86400"#;
    for query in QUERIES {
        let path = path(query, &sdk);
        let response = ada.get(&path).await;
        assert_eq!(response.header("ratelimit-policy"), of_day, "{path}");
        let of_key = format!(r#""requests";q=6000;w=60, {of_day}"#);
        let response = reader.get(&path).await;
        assert_eq!(response.header("ratelimit-policy"), of_key, "{path}");
        let refused = ada
            .get(&format!(
                "{path}&from=2026-01-31T12:00:00Z&to=2026-01-01T12:00:00Z"
            ))
            .await;
        assert_eq!(refused.status, 400, "{path}");
        assert_eq!(refused.header("ratelimit-policy"), of_day, "{path}");
    }
}

#[tokio::test]
async fn a_question_is_charged_what_the_database_bills_and_what_its_response_and_time_cost() {
    let (meter, backend) = metered::start().await;
    let (ada, sdk) = with_telemetry(&backend).await;
    ada.get(&path("logs", &sdk)).await.json();
    for query in QUERIES {
        let path = path(query, &sdk);
        let before = left(&ada.get(&path).await, "reader");
        Meter::take(&meter);
        let response = ada.get(&path).await;
        let units = meter.take();
        let written = units.put + units.update + units.transaction;
        let of_database = (units.read + 5.0 * written).ceil() as u64;
        assert!(of_database >= 2, "the membership at least");
        let of_response = (response.text().len() as u64).div_ceil(1024);
        let charged = before - left(&response, "reader");
        assert_eq!(charged, 15 + of_database + of_response, "{path}");
    }
}

#[tokio::test]
async fn over_the_quota_of_the_application_nobody_reads_until_the_day_ends() {
    let (ada, sdk) = shop(&[("APPLICATION_DAILY_READ_UNITS", "100")]).await;
    let backend = ada.backend.clone();
    let bob = backend.sign_in("bob").await;
    bob.join(&ada.invite(&sdk.application_id, "viewer").await)
        .await;
    let reader = ada.reader(&sdk.application_id).await;
    let query = path("logs", &sdk);
    let mut answered = 0;
    while ada.get(&query).await.status == 200 {
        answered += 1;
    }
    assert!((3..=6).contains(&answered), "{answered}");
    for response in [bob.get(&query).await, reader.get(&query).await] {
        let detail = over_quota(&response);
        assert!(detail.contains("this application"), "{detail}");
        assert_eq!(left(&response, "application"), 0);
    }
    let other = ada.sdk().await;
    assert_eq!(
        ada.get(&path("logs", &other)).await.status,
        200,
        "another application"
    );
    assert_eq!(
        sdk.traces(sdk.batch(1)).await.json()["accepted"],
        1,
        "sending goes on"
    );
    backend.later(DAY);
    let ada = backend.sign_in("ada").await;
    assert_eq!(ada.get(&query).await.status, 200);
}

#[tokio::test]
async fn a_user_has_one_quota_for_all_applications_and_takes_nothing_from_others() {
    let (ada, sdk) = shop(&[("USER_DAILY_READ_UNITS", "100")]).await;
    let bob = ada.backend.sign_in("bob").await;
    bob.join(&ada.invite(&sdk.application_id, "viewer").await)
        .await;
    let reader = ada.reader(&sdk.application_id).await;
    let own = bob.sdk().await;
    while bob.get(&path("logs", &own)).await.status == 200 {}
    let refused = bob.get(&path("logs", &sdk)).await;
    let detail = over_quota(&refused);
    assert!(detail.contains("you have"), "{detail}");
    assert_eq!(ada.get(&path("logs", &sdk)).await.status, 200);
    assert_eq!(reader.get(&path("logs", &sdk)).await.status, 200);
}

#[tokio::test]
async fn keys_of_all_applications_of_a_user_share_a_quota_which_is_not_the_users_own() {
    let (ada, sdk) = shop(&[("USER_DAILY_READ_UNITS", "100")]).await;
    let reader = ada.reader(&sdk.application_id).await;
    let other = ada.sdk().await;
    let of_other = ada.reader(&other.application_id).await;
    while reader.get(&path("logs", &sdk)).await.status == 200 {}
    let refused = of_other.get(&path("logs", &other)).await;
    let detail = over_quota(&refused);
    assert!(detail.contains("keys"), "{detail}");
    assert_eq!(ada.get(&path("logs", &sdk)).await.status, 200);
    let bob = ada.backend.sign_in("bob").await;
    let of_bob = bob.sdk().await;
    let reader = bob.reader(&of_bob.application_id).await;
    let answer = reader.get(&path("logs", &of_bob)).await;
    assert_eq!(answer.status, 200, "keys of another user");
}

#[tokio::test]
async fn a_usual_question_makes_no_call_for_its_quotas() {
    let (ada, sdk) = shop(&[]).await;
    let backend = &ada.backend;
    let leases = async |query: &str| {
        backend.calls.take();
        ada.get(&path(query, &sdk)).await;
        let calls = backend.calls.take();
        calls.iter().filter(|call| *call == "UpdateItem").count()
    };
    assert_eq!(leases("logs").await, 2, "the leases of the first");
    for _ in 0..30 {
        assert_eq!(leases("traces").await, 0);
    }
    backend.later(FIVE_MINUTES);
    assert_eq!(leases("logs").await, 1, "usage");
    assert_eq!(leases("logs").await, 0);
}

#[tokio::test]
async fn questions_over_a_quota_read_only_the_membership() {
    let (ada, sdk) = shop(&[("USER_DAILY_READ_UNITS", "50")]).await;
    while ada.get(&path("logs", &sdk)).await.status == 200 {}
    ada.backend.later(60);
    ada.backend.calls.take();
    for _ in 0..5 {
        assert_eq!(ada.get(&path("logs", &sdk)).await.status, 429);
    }
    assert_eq!(ada.backend.calls.take(), ["BatchGetItem"; 5]);
    let reader = ada.reader(&sdk.application_id).await;
    while reader.get(&path("logs", &sdk)).await.status == 200 {}
    ada.backend.later(60);
    reader.get(&path("logs", &sdk)).await;
    ada.backend.calls.take();
    for _ in 0..5 {
        assert_eq!(reader.get(&path("logs", &sdk)).await.status, 429);
    }
    assert_eq!(ada.backend.calls.take(), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_question_takes_beyond_its_lease_is_leased_at_once() {
    let (mut ada, sdk) = shop(&[("APPLICATION_DAILY_READ_UNITS", "200")]).await;
    let mut answered = 0;
    for _ in 0..40 {
        ada.backend = sdk.backend.another_instance();
        answered += u32::from(ada.get(&path("logs", &sdk)).await.status == 200);
    }
    assert!(
        (5..=9).contains(&answered),
        "{answered} queries, each of another instance"
    );
}

#[tokio::test]
async fn usage_shows_questions_and_their_units() {
    let (ada, sdk) = shop(&[]).await;
    assert_eq!(reads(&ada, &sdk).await, json!({ "queries": 0, "units": 0 }));
    let whole = 40_000_000;
    let first = ada.get(&path("logs", &sdk)).await;
    assert_eq!(
        reads(&ada, &sdk).await,
        json!({ "queries": 1, "units": 16 }),
        "the estimate"
    );
    ada.get(&path("traces", &sdk)).await;
    ada.backend.later(FIVE_MINUTES);
    let ada = ada.backend.sign_in("ada").await;
    let last = ada.get(&path("logs", &sdk)).await;
    assert!(left(&first, "application") > left(&last, "application"));
    let shown = reads(&ada, &sdk).await;
    assert_eq!(shown["queries"], 3);
    assert_eq!(shown["units"], whole - left(&last, "application"));
    let path = format!("/applications/{}/usage", sdk.application_id);
    assert_eq!(ada.get(&path).await.json()["readUnitsPerDay"], whole);
}

#[tokio::test]
async fn without_a_lease_a_question_is_refused_and_nothing_is_charged() {
    for skip in 0..2 {
        let settings = [
            ("APPLICATION_DAILY_READ_UNITS", "40"),
            ("USER_DAILY_READ_UNITS", "40"),
        ];
        let (engine, backend) = FaultyEngine::start_with(&settings).await;
        let (ada, sdk) = with_telemetry(&backend).await;
        engine.fail("UpdateItem", Fault::Broken, skip, usize::MAX);
        for _ in 0..3 {
            ada.get(&path("logs", &sdk))
                .await
                .problem(503, "unavailable");
        }
        engine.heal();
        assert_eq!(ada.get(&path("logs", &sdk)).await.status, 200, "{skip}");
    }
}

//! The quota of each key, shared by all instances, and the limit on unknown keys.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use shared::base::clock::rfc3339;
use shared::base::ids::{KeyId, PublicKeyId};
use shared::base::random;
use shared::identity::api_key::ApiKey;
use shared::telemetry::inflate::MAX_INFLATED_BYTES;

use crate::support::{Backend, Response, Sdk, metered};

/// A field of a `RateLimit` header: `field(…, "requests", "r")` is the remainder of the requests.
#[track_caller]
fn field(header: &str, policy: &str, name: &str) -> u64 {
    let item = header
        .split(", ")
        .find(|item| item.starts_with(&format!("\"{policy}\"")));
    let parameter = item
        .unwrap()
        .split(';')
        .find_map(|p| p.strip_prefix(&format!("{name}=")));
    parameter.unwrap().parse().unwrap()
}

#[track_caller]
fn denied(response: &Response) {
    response.problem(429, "rate-limited");
    let seconds: u64 = response.header("retry-after").parse().unwrap();
    assert!(
        (1..=5).contains(&seconds),
        "OpenTelemetry SDKs drop a batch on a longer wait"
    );
}

/// Moves the clock to the start of a rate-limit window, so that a test stays within it.
fn at_the_start_of_a_minute(backend: &Backend) {
    let into = backend.clock.now().as_second().rem_euclid(60);
    backend.later(u64::try_from(60 - into).unwrap());
}

#[tokio::test]
async fn every_response_states_the_limits_and_the_remainder() {
    let backend = Backend::with(&[("RATE_LIMIT_REQUESTS", "100")]).await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    at_the_start_of_a_minute(&backend);
    let response = sdk.traces(sdk.batch(3)).await;
    assert_eq!(
        response.header("ratelimit-policy"),
        r#""requests";q=100;w=60, "events";q=600000;w=60, "units";q=60000;w=60"#
    );
    let left = response.header("ratelimit");
    assert_eq!(field(left, "requests", "r"), 99);
    assert_eq!(field(left, "events", "r"), 599_997);
    assert_eq!(field(left, "units", "r"), 59_998);
    assert_eq!(field(left, "requests", "t"), 60);
}

#[tokio::test]
async fn refused_requests_count_too_and_take_few_leases() {
    let bomb = gzip(&vec![b' '; MAX_INFLATED_BYTES + 1]);
    let refused: [(&str, u16, &str, Vec<u8>); 6] = [
        ("no JSON", 400, "", b"{".to_vec()),
        ("no array", 400, "", b"{}".to_vec()),
        ("a bomb", 413, "gzip", bomb),
        ("a corrupt body", 400, "gzip", b"\x1f\x8b\x08".to_vec()),
        ("a large body", 413, "", vec![b' '; 8 << 20]),
        ("an unknown encoding", 415, "br", b"{}".to_vec()),
    ];
    // One lease of the day is enough, also for bombs, which take 256 units each.
    let settings = [
        ("RATE_LIMIT_REQUESTS", "100"),
        ("APPLICATION_DAILY_UNITS", "10000000"),
        ("USER_DAILY_UNITS", "10000000"),
    ];
    let backend = Backend::with(&settings).await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    at_the_start_of_a_minute(&backend);
    let mut left = 100;
    for (case, status, encoding, body) in refused {
        for _ in 0..5 {
            let headers = [("content-encoding", encoding)];
            let response = sdk.send("/ingest/traces", &headers, body.clone()).await;
            assert_eq!(response.status, status, "{case}");
            left -= 1;
            let header = response.header("ratelimit");
            assert_eq!(field(header, "requests", "r"), left, "{case}");
        }
    }
    let calls = backend.calls.take();
    let leases = calls.iter().filter(|call| *call == "UpdateItem").count();
    assert!(leases <= 8, "{calls:?}");
}

#[tokio::test]
async fn a_batch_larger_than_the_whole_quota_takes_all_of_it() {
    let backend = Backend::with(&[("RATE_LIMIT_EVENTS", "5")]).await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    at_the_start_of_a_minute(&backend);
    let response = sdk.traces(sdk.batch(20)).await;
    assert_eq!(field(response.header("ratelimit"), "events", "r"), 0);
    assert_eq!(response.json()["accepted"], 20);
    denied(&sdk.traces(sdk.batch(1)).await);
    backend.later(60);
    assert_eq!(sdk.traces(sdk.batch(1)).await.status, 200);
}

/// A batch with a span in each of the last `hours` hours.
fn over_hours(sdk: &Sdk, hours: i64) -> Value {
    let now = sdk.backend.clock.now();
    let span = |hour: i64| {
        let mut span = sdk.span(usize::try_from(hour).unwrap());
        span["timestamp"] = rfc3339(now - jiff::SignedDuration::from_hours(hour)).into();
        span
    };
    json!({ "traces": (0..hours).map(span).collect::<Vec<_>>() })
}

#[tokio::test]
async fn the_quota_of_write_units_is_settled_by_what_was_stored() {
    let (meter, backend) = metered::start().await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    at_the_start_of_a_minute(&backend);
    let mut left = 60_000;
    for batch in [
        sdk.batch(1),
        sdk.batch(512),
        over_hours(&sdk, 2),
        over_hours(&sdk, 23),
        json!({ "traces": [] }),
        json!({ "traces": [null] }),
    ] {
        meter.take();
        let response = sdk.traces(batch).await;
        assert_eq!(response.status, 200);
        let units = meter.take();
        left -= (units.put + units.transaction) as u64;
        assert_eq!(field(response.header("ratelimit"), "units", "r"), left);
    }
    assert!(left < 60_000 - 100, "{left}");
}

#[tokio::test]
async fn units_over_the_quota_deny_the_next_batch_without_a_call() {
    let backend = Backend::with(&[("RATE_LIMIT_UNITS", "50")]).await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    at_the_start_of_a_minute(&backend);
    let response = sdk.traces(over_hours(&sdk, 23)).await;
    assert_eq!(response.json()["accepted"], 23);
    assert_eq!(field(response.header("ratelimit"), "units", "r"), 0);
    backend.calls.take();
    denied(&sdk.traces(sdk.batch(1)).await);
    assert!(backend.calls.take().is_empty());
    backend.later(60);
    assert_eq!(sdk.traces(sdk.batch(1)).await.status, 200);
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn requests_over_the_quota_are_denied_without_a_call_until_the_minute_ends() {
    let backend = Backend::with(&[("RATE_LIMIT_REQUESTS", "5")]).await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    at_the_start_of_a_minute(&backend);
    for _ in 0..5 {
        assert_eq!(sdk.traces(sdk.batch(1)).await.status, 200);
    }
    denied(&sdk.traces(sdk.batch(1)).await);
    backend.calls.take();
    for _ in 0..20 {
        denied(&sdk.traces(sdk.batch(1)).await);
    }
    let unread = sdk.send("/ingest/traces", &[], b"{".to_vec()).await;
    denied(&unread);
    assert!(backend.calls.take().is_empty());
    backend.later(60);
    assert_eq!(sdk.traces(sdk.batch(1)).await.status, 200);
}

#[tokio::test]
async fn events_are_limited_too_and_a_smaller_batch_can_still_pass() {
    let backend = Backend::with(&[("RATE_LIMIT_EVENTS", "10000")]).await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    at_the_start_of_a_minute(&backend);
    let empty = |count: usize| json!({ "traces": vec![json!(null); count] });
    assert_eq!(sdk.traces(empty(9_000)).await.json()["rejected"], 9_000);
    denied(&sdk.traces(empty(9_000)).await);
    assert_eq!(sdk.traces(empty(900)).await.status, 200);
}

#[tokio::test]
async fn instances_share_a_quota_and_lease_it_in_blocks() {
    let backend = Backend::with(&[("RATE_LIMIT_REQUESTS", "400")]).await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    at_the_start_of_a_minute(&backend);
    let instances: Vec<_> = (0..4).map(|_| backend.another_instance()).collect();
    let mut admitted = 0;
    let mut leases = 0;
    for round in 0..150 {
        for instance in &instances {
            let mut sdk = sdk.clone();
            sdk.backend = instance.clone();
            let response = sdk.traces(json!({ "traces": [] })).await;
            admitted += u32::from(response.status == 200);
        }
        if round == 0 {
            backend.calls.take();
        }
        let calls = backend.calls.take();
        leases += calls.iter().filter(|call| *call == "UpdateItem").count();
    }
    assert!((380..=400).contains(&admitted), "{admitted}");
    assert!(leases <= 600 / 50, "{leases} writes for 600 requests");
}

#[tokio::test]
async fn traffic_of_one_key_does_not_affect_other_keys() {
    let backend = Backend::with(&[("RATE_LIMIT_REQUESTS", "3")]).await;
    let ada = backend.sign_in("ada").await;
    let hot = ada.sdk().await;
    let cold = ada.sdk().await;
    at_the_start_of_a_minute(&backend);
    for _ in 0..3 {
        hot.traces(hot.batch(1)).await;
    }
    denied(&hot.traces(hot.batch(1)).await);
    assert_eq!(
        cold.traces(cold.batch(1)).await.status,
        200,
        "the quota of another key is untouched"
    );
}

/// A well-formed key of the SDK's application that was never created.
fn invented_key(sdk: &Sdk) -> String {
    let id = PublicKeyId {
        application_id: sdk.application_id.parse().unwrap(),
        key_id: KeyId::generate(&mut random::rng()),
    };
    ApiKey::generate(id, &mut random::rng()).expose().to_owned()
}

#[tokio::test]
async fn a_flood_of_invented_keys_stops_costing_reads_and_spares_keys_in_use() {
    let backend = Backend::start().await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    at_the_start_of_a_minute(&backend);
    assert_eq!(sdk.traces(sdk.batch(1)).await.status, 200);
    backend.calls.take();
    let mut guessing = sdk.clone();
    for attempt in 0..300 {
        guessing.key = invented_key(&sdk);
        let response = guessing.traces(sdk.batch(1)).await;
        match attempt {
            0..100 => drop(response.problem(401, "invalid-api-key")),
            _ => denied(&response),
        }
    }
    assert_eq!(backend.calls.take(), ["GetItem"; 100]);
    assert_eq!(sdk.traces(sdk.batch(1)).await.status, 200);
    backend.later(60);
    guessing
        .traces(sdk.batch(1))
        .await
        .problem(401, "invalid-api-key");
}

/// Seconds after which the key cache reads a key again.
const KEY_CACHE_SECONDS: u64 = 10;

#[tokio::test]
async fn faults_of_one_address_never_deny_a_key_that_was_seen_valid() {
    for (case, is_one_key) in [("one unknown key", true), ("many invented keys", false)] {
        let backend = Backend::start().await;
        let ada = backend.sign_in("ada").await;
        let known = ada.sdk().await;
        let unseen = ada.sdk().await;
        at_the_start_of_a_minute(&backend);
        assert_eq!(known.traces(known.batch(1)).await.status, 200, "{case}");
        let mut guessing = known.clone();
        guessing.key = invented_key(&known);
        for round in 0..4 {
            for _ in 0..150 {
                if !is_one_key {
                    guessing.key = invented_key(&known);
                }
                guessing.traces(known.batch(1)).await;
            }
            let response = known.traces(known.batch(1)).await;
            assert_eq!(response.status, 200, "{case}, round {round}");
            backend.later(KEY_CACHE_SECONDS + 1);
        }
        let status = unseen.traces(unseen.batch(1)).await.status;
        assert_eq!(status, 200, "{case}, a key that this instance has not seen");
    }
}

#[tokio::test]
async fn one_unknown_key_denies_only_itself() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let unseen = ada.sdk().await;
    let mut guessing = unseen.clone();
    guessing.key = invented_key(&unseen);
    backend.calls.take();
    for _ in 0..200 {
        guessing.traces(unseen.batch(1)).await;
    }
    let reads = backend.calls.take().len();
    assert!(reads <= 10, "{reads} reads of one unknown key");
    denied(&guessing.traces(unseen.batch(1)).await);
    assert_eq!(unseen.traces(unseen.batch(1)).await.status, 200);
}

#[tokio::test]
async fn a_denied_key_is_looked_up_again_after_the_stated_wait() {
    let backend = Backend::start().await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    for into_the_minute in [0, 7, 31, 58] {
        at_the_start_of_a_minute(&backend);
        backend.later(into_the_minute);
        let mut guessing = sdk.clone();
        guessing.key = invented_key(&sdk);
        let mut response = guessing.traces(sdk.batch(1)).await;
        while response.status == 401 {
            response = guessing.traces(sdk.batch(1)).await;
        }
        denied(&response);
        backend.later(response.header("retry-after").parse().unwrap());
        let again = guessing.traces(sdk.batch(1)).await;
        again.problem(401, "invalid-api-key");
    }
}

#[tokio::test]
async fn a_former_secret_is_limited_like_an_unknown_key_from_its_next_read_on() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    assert_eq!(sdk.traces(sdk.batch(1)).await.status, 200);
    let rotate = format!("/apikey/{}/rotate", sdk.key_id());
    let rotated = ada.post(&rotate, json!({ "overlapSeconds": 0 })).await;
    assert_eq!(rotated.status, 200);
    backend.later(KEY_CACHE_SECONDS + 1);
    backend.calls.take();
    for _ in 0..200 {
        sdk.traces(sdk.batch(1)).await;
    }
    let reads = backend.calls.take().len();
    assert!(reads <= 10, "{reads} reads of a former secret");
    denied(&sdk.traces(sdk.batch(1)).await);
}

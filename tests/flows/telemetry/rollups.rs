//! Metrics over many hours: the rollup of a sealed hour is made once and stored, and late data
//! still counts.

use serde_json::{Value, json};
use shared::store::telemetry::{RollupKey, StoredRollup};
use shared::telemetry::batch::Signal;
use shared::telemetry::query::rollup::Rollup;
use shared::telemetry::query::window::TimeWindow;

use super::{address, ask, record, send, send_logs, span, start};
use crate::support::{Backend, Sdk, SignedIn, backend};

/// Six sealed hours, and the time after them until now (12:30).
const LONG: &str = "&from=2026-01-31T06:00:00Z";

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// Sends a batch of two spans for every ten minutes of the last six and a half hours.
async fn half_a_day(sdk: &Sdk) {
    batches(sdk, 39).await;
}

async fn batches(sdk: &Sdk, number: i64) {
    for ago in (0..number).rev() {
        let trace = format!("trace-{ago}");
        let at = -ago * 10 * MINUTE - 1;
        let spans = vec![
            span(&trace, "a", None, at),
            span(&trace, "b", Some("a"), at),
        ];
        send(sdk, spans).await;
    }
}

/// The response and the database calls for it.
async fn asked(ada: &SignedIn, sdk: &Sdk, query: &str) -> (Value, Vec<String>) {
    ada.backend.calls.take();
    let answer = ask(ada, sdk, "metrics", query).await;
    let mut calls = ada.backend.calls.take();
    calls.sort();
    (answer, calls)
}

#[tokio::test]
async fn sealed_hours_are_rolled_up_once() {
    let (_, ada, sdk) = start().await;
    half_a_day(&sdk).await;
    let (first, calls) = asked(&ada, &sdk, LONG).await;
    assert_eq!(first["total"]["count"], 78);
    assert_eq!(first["total"]["requests"]["count"], 39);
    // Reads the summaries of this hour, the rollups, the summaries of six hours; writes six
    // rollups.
    let expected = [&["BatchGetItem"][..], &["PutItem"; 6], &["Query"; 8]].concat();
    assert_eq!(calls, expected);

    let (again, calls) = asked(&ada, &sdk, LONG).await;
    assert_eq!(again, first);
    assert_eq!(calls, ["BatchGetItem", "Query", "Query"]);

    // Rollups are exact: the same result hour by hour.
    let mut counts = Vec::new();
    for hour in 6..12 {
        let hour = format!("&from=2026-01-31T{hour:02}:00:01Z&to=2026-01-31T{hour:02}:59:59Z");
        let (answer, calls) = asked(&ada, &sdk, &hour).await;
        assert_eq!(
            calls,
            ["BatchGetItem", "Query"],
            "not a whole hour: only summaries"
        );
        counts.extend(answer["buckets"].as_array().unwrap().clone());
    }
    let buckets = first["buckets"].as_array().unwrap();
    assert_eq!(counts[..], buckets[..6 * 12]);
}

/// The application was created today, and the query covers a week.
#[tokio::test]
async fn the_time_before_an_application_costs_one_query_a_day() {
    let (_, ada, sdk) = start().await;
    let week = "&from=2026-01-25T00:00:00Z&step=3600";
    let (_, calls) = asked(&ada, &sdk, week).await;
    let count = |name: &str| calls.iter().filter(|call| *call == name).count();
    // Events may be up to a day older than the application, so those hours get rollups.
    assert_eq!(count("PutItem"), 23);
    // Summaries of six days, rollups of two, summaries of 23 hours and of this one.
    assert_eq!(count("Query"), 6 + 2 + 23 + 1);
    let (_, calls) = asked(&ada, &sdk, week).await;
    assert_eq!(calls.len(), 1 + 6 + 2 + 1, "{calls:?}");
}

#[tokio::test]
async fn late_data_is_in_the_metrics_at_once() {
    let (backend, ada, sdk) = start().await;
    half_a_day(&sdk).await;
    asked(&ada, &sdk, LONG).await;
    let late = json!({ "traces": [span("late", "a", None, -4 * HOUR)] });
    backend.calls.take();
    for _ in 0..2 {
        assert_eq!(sdk.traces(late.clone()).await.status, 200);
        let calls = backend.calls.take();
        let expected = ["PutItem", "TransactWriteItems"];
        assert_eq!(calls, expected, "chunk; summary and dirty marker");
        let (answer, calls) = asked(&ada, &sdk, LONG).await;
        assert_eq!(answer["total"]["count"], 79);
        assert_eq!(
            calls,
            ["BatchGetItem", "PutItem", "Query", "Query", "Query"]
        );
        let (_, calls) = asked(&ada, &sdk, LONG).await;
        assert_eq!(calls, ["BatchGetItem", "Query", "Query"]);
    }
}

#[tokio::test]
async fn data_within_ten_minutes_of_the_hour_needs_no_dirty_marker() {
    let (backend, _, sdk) = start().await;
    let batch = json!({ "traces": [span("t", "a", None, 0)] });
    // The span is from 12:30. It is in time until 13:09:59, and late from 13:10.
    for (later, how) in [(40 * 60 - 1, "PutItem"), (1, "TransactWriteItems")] {
        backend.later(later);
        backend.calls.take();
        sdk.traces(batch.clone()).await;
        let calls = backend.calls.take();
        assert_eq!(calls.last().unwrap(), how, "{calls:?}");
    }
}

/// The steps of a reader and of a late writer.
struct Interleaved {
    backend: Backend,
    ada: SignedIn,
    sdk: Sdk,
    key: RollupKey,
}

impl Interleaved {
    async fn start() -> Self {
        let (backend, ada, sdk) = start().await;
        half_a_day(&sdk).await;
        let hour = "2026-01-31T08:00:00Z".parse().unwrap();
        let key = RollupKey {
            application_id: sdk.application_id.parse().unwrap(),
            signal: Signal::Traces,
            hour,
        };
        Self {
            backend,
            ada,
            sdk,
            key,
        }
    }

    async fn look(&self) -> Option<StoredRollup> {
        let RollupKey {
            application_id,
            signal,
            hour,
        } = self.key;
        let window = TimeWindow {
            from: hour,
            to: hour + jiff::SignedDuration::from_hours(1),
        };
        let database = &self.backend.database;
        let stored = database.rollups(application_id, signal, window, backend::start());
        stored.await.unwrap().remove(&hour)
    }

    /// Stores a rollup without the late data, as a slow reader would.
    async fn store_old_rollup(&self, seen: Option<&StoredRollup>) {
        let marker = match seen {
            Some(StoredRollup::Dirty(marker)) => Some(marker),
            _ => None,
        };
        let expires_at = self.key.hour + jiff::SignedDuration::from_hours(24 * 30);
        let database = &self.backend.database;
        let old = Rollup::default();
        let kept = database.put_rollup(self.key, &old, marker, expires_at);
        kept.await.unwrap();
    }

    async fn late(&self, trace: &str) {
        send(&self.sdk, vec![span(trace, "a", None, -4 * HOUR)]).await;
    }

    async fn total(&self) -> Value {
        let (answer, _) = asked(&self.ada, &self.sdk, LONG).await;
        answer["total"]["count"].clone()
    }
}

#[tokio::test]
async fn a_rollup_made_while_late_data_arrived_is_not_used() {
    let flow = Interleaved::start().await;
    let seen = flow.look().await;
    assert!(matches!(seen, Some(StoredRollup::Dirty(_))), "{seen:?}");
    flow.late("late").await;
    flow.store_old_rollup(seen.as_ref()).await;
    assert_eq!(flow.total().await, 79);
}

#[tokio::test]
async fn the_same_batch_again_counts_as_late_data_again() {
    let flow = Interleaved::start().await;
    flow.late("late").await;
    let seen = flow.look().await;
    // This reader has not seen `other`, even if the dirty marker had the same value again.
    flow.late("other").await;
    flow.late("late").await;
    flow.store_old_rollup(seen.as_ref()).await;
    assert_eq!(flow.total().await, 80);
}

#[tokio::test]
async fn rollups_of_two_concurrent_readers_are_equal() {
    let (_, ada, sdk) = start().await;
    half_a_day(&sdk).await;
    let (one, two) = tokio::join!(
        ask(&ada, &sdk, "metrics", LONG),
        ask(&ada, &sdk, "metrics", LONG)
    );
    assert_eq!(one, two);
    assert_eq!(ask(&ada, &sdk, "metrics", LONG).await, one);
}

#[tokio::test]
async fn logs_have_their_own_rollups() {
    let (_, ada, sdk) = start().await;
    half_a_day(&sdk).await;
    send_logs(&sdk, vec![record("error", "x", None, -3 * HOUR)]).await;
    for _ in 0..2 {
        let (logs, _) = asked(&ada, &sdk, &format!("{LONG}&signal=logs")).await;
        assert_eq!(
            (&logs["total"]["count"], &logs["total"]["errors"]),
            (&json!(1), &json!(1))
        );
        let (spans, _) = asked(&ada, &sdk, LONG).await;
        assert_eq!(spans["total"]["count"], 78);
    }
}

#[tokio::test]
async fn rollups_expire_with_their_telemetry() {
    let (backend, ada, sdk) = start().await;
    half_a_day(&sdk).await;
    asked(&ada, &sdk, LONG).await;
    backend.later(30 * 24 * 60 * 60 - 3 * 60 * 60);
    let ada = backend.sign_in("ada").await;
    let long = "&from=2026-01-31T06:00:00Z&to=2026-01-31T13:00:00Z";
    let (answer, _) = asked(&ada, &sdk, long).await;
    // Of the time from 09:30 to 12:30, the hours that began after 09:30.
    assert_eq!(answer["total"]["count"], 2 * (2 * 6 + 3));
}

/// One request reads a limited number of summaries. The next one continues there.
#[tokio::test]
async fn several_requests_roll_up_more_than_one_can_read() {
    let backend = Backend::with(&[("METRICS_MAX_HEADS", "20")]).await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    batches(&sdk, 23 * 6).await;
    let path = address(&sdk, "metrics", "&from=2026-01-30T13:00:00Z");
    let mut refused = 0;
    let answer = loop {
        let response = ada.get(&path).await;
        if response.status == 200 {
            break response.json();
        }
        assert_eq!(response.header("retry-after"), "2");
        response.problem(503, "unavailable");
        refused += 1;
        assert!(refused < 10, "no progress");
    };
    assert!(refused > 0);
    assert_eq!(answer["total"]["count"], 2 * 23 * 6);
    // If no request can read an hour, the response says so.
    let backend = backend.redeployed(&[("METRICS_MAX_HEADS", "1")]);
    let today = address(&sdk, "metrics", "&from=2026-01-31T12:00:00Z");
    let refused = SignedIn { backend, ..ada }.get(&today).await;
    refused.problem(400, "malformed-request");
}

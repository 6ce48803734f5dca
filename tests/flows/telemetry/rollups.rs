//! Metrics over many hours: sealed hours are rolled up once, and late data still counts.

mod concurrent;
mod one_a_day;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use shared::store::telemetry::{Gaps, RollupsOf, SealedHours, StoredDay};
use shared::telemetry::batch::Signal;
use shared::telemetry::query::window::TimeWindow;

use super::{address, all_pages, ask, record, send, send_logs, span, start};
use crate::support::{Backend, Sdk, SignedIn, backend};

/// Six sealed hours, and the time after them until the start of the test (12:30).
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
    // Reads the rollups, the summaries of all hours at once, and the late arrivals; writes one
    // rollup of six hours, and deletes the 36 late arrivals that it contains.
    let expected = [
        "BatchGetItem",
        "BatchWriteItem",
        "BatchWriteItem",
        "PutItem",
        "Query",
        "Query",
        "Query",
    ];
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

/// Thirty days of an application that has sent nothing, with one shard and with sixteen.
#[tokio::test]
async fn thirty_idle_days_cost_a_query_for_each_shard_and_day() {
    for (shards, most) in [(1, 70), (16, 550)] {
        let (backend, ada, sdk) = start().await;
        let path = format!("/applications/{}", sdk.application_id);
        let settings = json!({ "shards": shards });
        assert_eq!(ada.patch(&path, settings).await.status, 200);
        backend.later(31 * 24 * 60 * 60);
        let ada = backend.sign_in("ada").await;
        let month = "&from=2026-02-02T00:00:00Z&step=3600";
        let (_, calls) = asked(&ada, &sdk, month).await;
        assert!(calls.len() <= most, "{shards} shards: {}", calls.len());
        assert!(
            calls.len() > 30 * shards,
            "{shards} shards: {}",
            calls.len()
        );
        let (_, calls) = asked(&ada, &sdk, month).await;
        assert!(calls.len() <= 2 + 2 * shards, "{shards} shards: {calls:?}");
    }
}

#[tokio::test]
async fn late_data_is_in_the_metrics_at_once() {
    let (backend, ada, sdk) = start().await;
    half_a_day(&sdk).await;
    asked(&ada, &sdk, LONG).await;
    let late = json!({ "traces": [span("late", "a", None, -4 * HOUR)] });
    backend.calls.take();
    // The second time is the retry of a client that did not get the response.
    for _ in 0..2 {
        assert_eq!(sdk.traces(late.clone()).await.status, 200);
        let calls = backend.calls.take();
        let expected = ["PutItem", "TransactWriteItems"];
        assert_eq!(calls, expected, "chunk; summary and late arrival");
        let (answer, calls) = asked(&ada, &sdk, LONG).await;
        assert_eq!(answer["total"]["count"], 79);
        assert_eq!(
            calls,
            ["BatchGetItem", "Query", "Query"],
            "the hour is not read again"
        );
    }
}

#[tokio::test]
async fn data_within_ten_minutes_of_the_hour_is_no_late_arrival() {
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

const DAY: &str = "2026-01-31T00:00:00Z";

fn rollups_of(sdk: &Sdk) -> RollupsOf {
    RollupsOf {
        application_id: sdk.application_id.parse().unwrap(),
        signal: Signal::Traces,
    }
}

/// The rollup of 31 January and its late arrivals.
async fn stored_day(backend: &Backend, sdk: &Sdk) -> StoredDay {
    let day: Timestamp = DAY.parse().unwrap();
    let window = TimeWindow {
        from: day,
        to: day + SignedDuration::from_hours(24),
    };
    let rollups = backend.database.rollups(rollups_of(sdk), window, day);
    let stored = rollups.await.unwrap().days.remove(&day);
    backend.calls.take();
    stored.unwrap_or_default()
}

/// Stores an empty rollup of 08:00, as a reader would that saw `seen` and began before any chunk of
/// the hour arrived. Returns whether it was stored.
async fn store_old_rollup(backend: &Backend, sdk: &Sdk, seen: &StoredDay) -> bool {
    let hour: Timestamp = "2026-01-31T08:00:00Z".parse().unwrap();
    let expires_at = hour + SignedDuration::from_hours(24 * 30);
    let mut read = SealedHours::new([(hour, expires_at)], BTreeSet::new());
    read.confirm(&BTreeSet::new());
    let now = backend::start();
    let (database, gaps) = (&backend.database, Gaps::default());
    let day = DAY.parse().unwrap();
    let put = database.put_sealed_hours(rollups_of(sdk), day, seen, &read, &gaps, now);
    put.await.unwrap().is_stored
}

#[tokio::test]
async fn a_rollup_made_while_late_data_arrived_is_complemented() {
    let (backend, ada, sdk) = start().await;
    let nothing = StoredDay::default();
    assert!(store_old_rollup(&backend, &sdk, &nothing).await);
    let total = async || asked(&ada, &sdk, LONG).await.0["total"]["count"].clone();
    assert_eq!(total().await, 0);
    for (number, trace) in (1..).zip(["one", "other", "one"]) {
        send(&sdk, vec![span(trace, "a", None, -4 * HOUR)]).await;
        // A slow reader does not overwrite what others have stored since.
        assert!(!store_old_rollup(&backend, &sdk, &nothing).await);
        assert_eq!(total().await, number.min(2));
    }
}

/// The instance that reads has a clock that is 90 minutes ahead; the database's clock decides.
#[tokio::test]
async fn a_reader_whose_clock_is_ahead_does_not_seal_the_present_hour() {
    let (backend, ada, sdk) = start().await;
    send(&sdk, vec![span("a", "a", None, -MINUTE)]).await;
    let ahead = backend.with_a_clock_ahead(90 * 60);
    let early = ahead.sign_in("ada").await;
    let day = "&from=2026-01-31T06:00:00Z&to=2026-01-31T13:00:00Z";
    assert_eq!(asked(&early, &sdk, day).await.0["total"]["count"], 1);
    send(&sdk, vec![span("b", "a", None, 0)]).await;
    assert_eq!(asked(&ada, &sdk, day).await.0["total"]["count"], 2);
}

/// Likewise, a writer whose clock is behind would not see that the hour is sealed.
#[tokio::test]
async fn a_writer_whose_clock_is_behind_leaves_a_late_arrival() {
    let (backend, ada, sdk) = start().await;
    half_a_day(&sdk).await;
    asked(&ada, &sdk, LONG).await;
    // At 10:05 by its clock, 09:30 is in an hour that is not sealed.
    let behind = backend.with_a_clock_ahead(-145 * 60);
    let sdk = Sdk {
        backend: behind,
        ..sdk
    };
    send(&sdk, vec![span("late", "a", None, -3 * HOUR)]).await;
    assert_eq!(asked(&ada, &sdk, LONG).await.0["total"]["count"], 79);
}

#[tokio::test]
async fn a_batch_in_two_shards_counts_once() {
    let (backend, ada, sdk) = start().await;
    let batch = |hour: i64| {
        let spans = (0..200).map(|n| {
            span(
                &format!("{hour}-{}", n / 10),
                &n.to_string(),
                None,
                -hour * HOUR,
            )
        });
        json!({ "traces": spans.collect::<Vec<_>>() })
    };
    let logs = json!({ "logs": [record("info", "a", None, -1), record("info", "b", None, -2)] });
    let send_all = async || {
        for hour in [0, 3] {
            assert_eq!(sdk.traces(batch(hour)).await.status, 200);
        }
        assert_eq!(sdk.logs(logs.clone()).await.status, 200);
    };
    send_all().await;
    let path = format!("/applications/{}", sdk.application_id);
    for shards in [7, 16] {
        let settings = json!({ "shards": shards });
        assert_eq!(ada.patch(&path, settings).await.status, 200);
        // Longer than ingest caches the settings of a key.
        backend.later(11);
        send_all().await;
        let (metrics, _) = asked(&ada, &sdk, LONG).await;
        assert_eq!(metrics["total"]["count"], 400, "{shards} shards");
        let traces = all_pages(&ada, &sdk, "traces", &format!("{LONG}&limit=7")).await;
        assert_eq!(traces.len(), 40);
        let counted: u64 = traces
            .iter()
            .map(|row| row["spanCount"].as_u64().unwrap())
            .sum();
        assert_eq!(counted, 400);
        assert_eq!(
            all_pages(&ada, &sdk, "logs", &format!("{LONG}&limit=1"))
                .await
                .len(),
            2
        );
    }
}

/// The first attempt was in time, the rollup was made since, and the response was lost.
#[tokio::test]
async fn a_batch_sent_again_after_its_hour_was_rolled_up_counts_once() {
    let (backend, _, sdk) = start().await;
    let spans = json!({ "traces": [span("t", "a", None, 0), span("t", "b", Some("a"), 0)] });
    let path = format!("/applications/{}", sdk.application_id);
    let hour = "&from=2026-01-31T12:00:00Z&to=2026-01-31T13:00:00Z";
    assert_eq!(sdk.traces(spans.clone()).await.status, 200);
    backend.later(45 * 60);
    let ada = backend.sign_in("ada").await;
    assert_eq!(asked(&ada, &sdk, hour).await.0["total"]["count"], 2);
    for shards in [1, 5, 16] {
        let settings = json!({ "shards": shards });
        assert_eq!(ada.patch(&path, settings).await.status, 200);
        backend.later(11);
        assert_eq!(sdk.traces(spans.clone()).await.status, 200);
        let (answer, _) = asked(&ada, &sdk, hour).await;
        assert_eq!(answer["total"]["count"], 2, "{shards} shards");
    }
    // A batch that is new is still counted.
    send(&sdk, vec![span("u", "a", None, 0)]).await;
    assert_eq!(asked(&ada, &sdk, hour).await.0["total"]["count"], 3);
}

#[tokio::test]
async fn a_damaged_rollup_is_computed_again() {
    let (backend, ada, sdk) = start().await;
    half_a_day(&sdk).await;
    let (first, _) = asked(&ada, &sdk, LONG).await;
    backend.damage("rollup").await;
    let (again, calls) = asked(&ada, &sdk, LONG).await;
    assert_eq!(again, first);
    assert!(calls.contains(&"PutItem".to_owned()), "{calls:?}");
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
    // Of the time from 09:30 to 12:30, only the hours that began after 09:30 remain.
    assert_eq!(answer["total"]["count"], 2 * (2 * 6 + 3));
}

/// One request reads a limited number of summaries. The next one continues there.
#[tokio::test]
async fn several_requests_roll_up_more_than_one_can_read() {
    let backend = Backend::with(&[("METRICS_MAX_SUMMARIES", "20")]).await;
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
    // An hour that no request can read as a whole is read in parts.
    let backend = backend.redeployed(&[("METRICS_MAX_SUMMARIES", "1")]);
    let reader = SignedIn { backend, ..ada };
    let part = ask(&reader, &sdk, "metrics", "&from=2026-01-31T12:00:00Z").await;
    assert_eq!(part["total"]["count"], 2);
    assert!(part["nextCursor"].is_string(), "{part}");
}

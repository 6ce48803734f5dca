//! Lists over many pages: each row once, in the order of the events, whatever the size of a page
//! and however the events were divided into batches.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::{all_pages, ask, column, record, send, send_logs, span, start, with};
use crate::support::{Sdk, SignedIn};

const MINUTE: i64 = 60_000;

#[tokio::test]
async fn a_batch_of_many_old_records_hides_no_newer_record() {
    let (_, ada, sdk) = start().await;
    let old = (0..512).map(|n| record("info", &format!("old {n}"), None, n - 60_000));
    let newest = record("info", "the newest", None, 0);
    send_logs(&sdk, old.chain([newest]).collect()).await;
    send_logs(&sdk, vec![record("error", "failed", None, -500)]).await;
    let page = ask(&ada, &sdk, "logs", "&limit=2").await;
    assert_eq!(column(&page, "logs", "message"), ["the newest", "failed"]);
}

#[tokio::test]
async fn a_consumer_a_quarter_of_an_hour_later_is_no_second_row() {
    let (_, ada, sdk) = start().await;
    for n in 0..10 {
        let at = n * 1_000 - 30 * MINUTE;
        let trace = format!("t{n}");
        let root = span(&trace, "root", None, at);
        send(&sdk, vec![root]).await;
        let consumer = span(&trace, "consumer", Some("root"), at + 15 * MINUTE);
        send(&sdk, vec![consumer]).await;
    }
    for limit in [1, 3, 7, 20, 50, 200] {
        let rows = all_pages(&ada, &sdk, "traces", &format!("&limit={limit}")).await;
        let names: Vec<_> = rows
            .iter()
            .map(|row| (&row["traceId"], &row["name"]))
            .collect();
        let ids = (0..10).rev().map(|n| json!(format!("t{n}")));
        let expected: Vec<Value> = ids.collect();
        let root = json!("GET /root");
        let expected: Vec<_> = expected.iter().map(|id| (id, &root)).collect();
        assert_eq!(names, expected, "limit {limit}");
    }
}

#[tokio::test]
async fn a_trace_with_any_failed_span_is_found_as_failed_and_looks_failed() {
    let (_, ada, sdk) = start().await;
    let failed = json!({ "responseStatus": 503 });
    // The failed span is the root, in the batch of the root, and in another batch.
    let root_failed = with(span("root-failed", "a", None, 0), failed.clone());
    send(
        &sdk,
        vec![root_failed, span("root-failed", "b", Some("a"), 1)],
    )
    .await;
    let child_failed = with(span("child-failed", "b", Some("a"), 3), failed.clone());
    send(&sdk, vec![span("child-failed", "a", None, 2), child_failed]).await;
    send(&sdk, vec![span("other-batch", "a", None, 4)]).await;
    send(
        &sdk,
        vec![with(span("other-batch", "b", Some("a"), 5), failed)],
    )
    .await;
    send(&sdk, vec![span("fine", "a", None, 6)]).await;
    for limit in [1, 50] {
        let filter = |status: &str| format!("&limit={limit}&status={status}");
        let rows = all_pages(&ada, &sdk, "traces", &filter("error")).await;
        let shown: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row["traceId"].as_str().unwrap(),
                    &row["isError"],
                    &row["errorCount"],
                )
            })
            .collect();
        let yes = json!(true);
        let one = json!(1);
        let expected = [
            ("other-batch", &yes, &one),
            ("child-failed", &yes, &one),
            ("root-failed", &yes, &one),
        ];
        assert_eq!(shown, expected, "limit {limit}");
        let rows = all_pages(&ada, &sdk, "traces", &filter("ok")).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!(rows[0]["traceId"], "fine");
    }
}

#[tokio::test]
async fn of_an_unfinished_and_a_finished_version_of_a_span_the_finished_one_is_shown() {
    let (_, ada, sdk) = start().await;
    let unfinished = json!({ "durationMs": null, "responseStatus": null });
    for n in 0..12 {
        let trace = &format!("t{n}");
        let finished = span(trace, "root", None, n);
        let mut versions = vec![with(finished.clone(), unfinished.clone()), finished];
        if n % 2 == 0 {
            versions.reverse();
        }
        for version in versions {
            send(&sdk, vec![version]).await;
        }
        let shown = ask(&ada, &sdk, &format!("traces/{trace}"), "").await;
        assert_eq!(column(&shown, "spans", "spanId"), ["root"]);
        assert_eq!(shown["spans"][0]["durationMs"], 10.0, "{trace}");
    }
    let rows = all_pages(&ada, &sdk, "traces", "&limit=1").await;
    assert_eq!(rows.len(), 12, "{rows:?}");
    for row in rows {
        assert_eq!(
            (&row["durationMs"], &row["spanCount"]),
            (&json!(10.0), &json!(1))
        );
    }
}

/// More batches overlap than a cursor can name.
#[tokio::test]
async fn many_batches_that_overlap_are_read_in_order() {
    let (_, ada, sdk) = start().await;
    for batch in 0..90 {
        let ends = [batch - 29 * MINUTE, batch * 50 - 10_000];
        let records = ends.map(|at| record("info", &format!("{batch} at {at}"), None, at));
        send_logs(&sdk, records.into()).await;
    }
    assert_ordered(&ada, &sdk, "logs", 7, 180).await;
}

async fn assert_ordered(ada: &SignedIn, sdk: &Sdk, list: &str, limit: usize, count: usize) {
    let query = format!("&limit={limit}&from=2026-01-31T00:00:00Z");
    let rows = all_pages(ada, sdk, list, &query).await;
    let (time, id) = match list {
        "logs" => ("timestamp", "message"),
        _ => ("startTime", "traceId"),
    };
    let times: Vec<_> = rows.iter().map(|row| row[time].to_string()).collect();
    assert!(
        times.is_sorted_by(|a, b| a >= b),
        "limit {limit}: {times:?}"
    );
    let ids: BTreeSet<String> = rows.iter().map(|row| row[id].to_string()).collect();
    assert_eq!((ids.len(), rows.len()), (count, count), "limit {limit}");
}

/// The events of each batch, in milliseconds before the start of the test.
fn any_batches() -> impl Strategy<Value = Vec<Vec<i64>>> {
    let at = prop_oneof![3 => 0..90_000_i64, 1 => 0..9_000_000_i64, 1 => Just(30_000_i64)];
    prop::collection::vec(prop::collection::vec(at, 1..30), 1..12)
}

#[test]
fn any_batches_are_listed_whole_and_in_order_on_pages_of_any_size() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config::with_cases(24));
    let strategy = (any_batches(), 1..60_usize, any::<bool>());
    runner
        .run(&strategy, |(batches, limit, is_sharded)| {
            runtime.block_on(async {
                let (_, ada, sdk) = start().await;
                if is_sharded {
                    let path = format!("/applications/{}", sdk.application_id);
                    ada.patch(&path, json!({ "shards": 4 })).await.json();
                }
                let mut count = 0;
                for batch in &batches {
                    let numbered = batch.iter().map(|ago| {
                        count += 1;
                        (format!("event-{count}"), -ago)
                    });
                    let numbered: Vec<(String, i64)> = numbered.collect();
                    let records = numbered
                        .iter()
                        .map(|(id, at)| record("info", id, None, *at));
                    send_logs(&sdk, records.collect()).await;
                    let spans = numbered.iter().map(|(id, at)| span(id, "s", None, *at));
                    send(&sdk, spans.collect()).await;
                }
                for list in ["logs", "traces"] {
                    assert_ordered(&ada, &sdk, list, limit, count).await;
                }
            });
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn a_search_that_stops_says_how_far_it_got_and_goes_on_from_there() {
    let (_, ada, sdk) = start().await;
    // Bloom filters contain no numbers, so this search reads every chunk, at most 960 for a page.
    let wanted = with(
        record("info", "found", None, -2_000_000),
        json!({ "order": 7 }),
    );
    send_logs(&sdk, vec![wanted]).await;
    for batch in 0..1_000 {
        send_logs(&sdk, vec![record("info", "other", None, -batch * 1_000)]).await;
    }
    let first = ask(&ada, &sdk, "logs", "&attr=order:7").await;
    assert_eq!(first["logs"], json!([]));
    let reached = first["searchedTo"].as_str().unwrap();
    assert!(
        ("2026-01-31T12:13:00Z".."2026-01-31T12:16:00Z").contains(&reached),
        "{reached}"
    );
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = ask(
        &ada,
        &sdk,
        "logs",
        &format!("&attr=order:7&cursor={cursor}"),
    )
    .await;
    assert_eq!(column(&second, "logs", "message"), ["found"]);
    assert_eq!(
        (&second["nextCursor"], &second["searchedTo"]),
        (&json!(null), &json!(null))
    );
}

//! Traces that are long in time or have many spans: the response states which time range was searched,
//! and its cursor continues until the trace is complete.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{address, ask, column, record, send, send_logs, span, start, with};
use crate::support::{Sdk, SignedIn};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;

/// All parts of a trace, and the largest number of calls that one of them took.
async fn all_parts(ada: &SignedIn, sdk: &Sdk, trace: &str, query: &str) -> (Vec<Value>, usize) {
    let mut parts = Vec::new();
    let mut most = 0;
    let mut cursor = String::new();
    loop {
        ada.backend.calls.take();
        let path = format!("traces/{trace}");
        let part = ask(ada, sdk, &path, &format!("{query}{cursor}")).await;
        most = most.max(ada.backend.calls.take().len());
        let next = part["nextCursor"].as_str().map(str::to_owned);
        parts.push(part);
        match next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (parts, most),
        }
        assert!(parts.len() < 60, "the cursor does not end");
    }
}

/// The ids of all spans. Fails if a span is in two parts.
fn ids(parts: &[Value]) -> BTreeSet<String> {
    let ids: Vec<&str> = parts
        .iter()
        .flat_map(|part| column(part, "spans", "spanId"))
        .collect();
    let distinct: BTreeSet<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(distinct.len(), ids.len(), "a span is in two parts");
    distinct
}

#[tokio::test]
async fn a_consumer_ten_minutes_later_is_found_by_following_the_cursor() {
    let (_, ada, sdk) = start().await;
    let root = -20 * MINUTE;
    send(&sdk, vec![span("t", "root", None, root)]).await;
    let consumer = span("t", "consumer", Some("root"), root + 610 * SECOND);
    send(&sdk, vec![consumer]).await;
    send_logs(
        &sdk,
        vec![record("info", "done", Some("t"), root + 611 * SECOND)],
    )
    .await;
    for at in ["2026-01-31T12:10:00Z", "2026-01-31T12:20:10Z"] {
        let (parts, _) = all_parts(&ada, &sdk, "t", &format!("&at={at}")).await;
        assert_eq!(ids(&parts).len(), 2, "{at}");
        let logs = parts
            .iter()
            .flat_map(|part| column(part, "logs", "message"));
        assert_eq!(logs.collect::<Vec<_>>(), ["done"], "{at}");
        let mut last: Option<(String, String)> = None;
        for part in &parts {
            let text = |field: &str| part[field].as_str().unwrap().to_owned();
            let searched = (text("searchedFrom"), text("searchedTo"));
            if let Some((from, to)) = last {
                assert!(
                    searched.0 <= from && to <= searched.1,
                    "the search only grows"
                );
            }
            last = Some(searched);
        }
        let last = parts.last().unwrap();
        assert_eq!(last["searchedFrom"], "2026-01-01T12:30:00.000Z");
        assert_eq!(last["searchedTo"], "2026-01-31T12:35:00.000Z");
        assert_eq!(last["durationMs"], 610_010.0);
    }
}

#[tokio::test]
async fn all_spans_of_a_job_of_six_hours_are_found_from_the_time_of_any_of_them() {
    let (_, ada, sdk) = start().await;
    let begin = -370 * MINUTE;
    let root = with(
        span("job", "root", None, begin),
        json!({ "durationMs": 360.0 * 60_000.0 }),
    );
    send(&sdk, vec![root]).await;
    for n in 0..12 {
        let id = format!("step {n}");
        send(
            &sdk,
            vec![span("job", &id, Some("root"), begin + n * 30 * MINUTE)],
        )
        .await;
    }
    for n in [0, 3, 7, 11] {
        let at = crate::support::backend::start()
            + jiff::SignedDuration::from_millis(begin + n * 30 * MINUTE);
        let (parts, _) = all_parts(&ada, &sdk, "job", &format!("&at={at}")).await;
        assert_eq!(ids(&parts).len(), 13, "from step {n}");
        let first = column(&parts[0], "spans", "spanId");
        assert!(
            first.len() >= 9,
            "the search continues by itself: {first:?}"
        );
    }
}

#[tokio::test]
async fn all_of_twelve_thousand_spans_are_read() {
    let (_, ada, sdk) = start().await;
    let all: Vec<Value> = (0..12_001)
        .map(|n| {
            span(
                "t",
                &format!("s{n:05}"),
                (n > 0).then_some("s00000"),
                n - 30 * SECOND,
            )
        })
        .collect();
    for batch in all.chunks(2_000) {
        send(&sdk, batch.to_vec()).await;
    }
    let (parts, most) = all_parts(&ada, &sdk, "t", "&at=2026-01-31T12:29:30Z").await;
    assert_eq!(ids(&parts).len(), 12_001);
    assert_eq!(parts[0]["spanCount"], 12_001);
    assert_eq!(parts[0]["isTruncated"], true);
    assert!(most <= 90, "{most} calls");
}

#[tokio::test]
async fn a_trace_whose_spans_chain_through_time_is_read_linearly() {
    let (_, ada, sdk) = start().await;
    let count = 292;
    for n in 0..count {
        let parent = format!("s{}", n - 1);
        let parent = (n > 0).then_some(parent.as_str());
        send(
            &sdk,
            vec![span(
                "t",
                &format!("s{n}"),
                parent,
                (n - count) * 4 * MINUTE,
            )],
        )
        .await;
    }
    ada.backend.calls.take();
    let trace = ask(&ada, &sdk, "traces/t", "&at=2026-01-31T12:26:00Z").await;
    let calls = ada.backend.calls.take().len();
    assert!(calls <= 90, "{calls} calls");
    let found = trace["spanCount"].as_u64().unwrap();
    assert!(found >= 100, "{found} spans in {calls} calls");
    let (parts, most) = all_parts(&ada, &sdk, "t", "&at=2026-01-31T12:26:00Z").await;
    assert_eq!(ids(&parts).len(), 292);
    assert!(most <= 90, "{most} calls");
}

#[tokio::test]
async fn no_part_of_a_trace_takes_more_calls_than_stated() {
    for (shards, most) in [(1, 90), (16, 240)] {
        let (_, ada, sdk) = start().await;
        let path = format!("/applications/{}", sdk.application_id);
        ada.patch(&path, json!({ "shards": shards })).await.json();
        for n in 0..40 {
            send(
                &sdk,
                vec![span("t", &format!("s{n}"), Some("gone"), -n * 30 * MINUTE)],
            )
            .await;
            let line = record("info", "line", Some("t"), -n * 30 * MINUTE);
            send_logs(&sdk, vec![line]).await;
        }
        for query in ["&at=2026-01-31T12:30:00Z", "", "&from=2026-01-01T00:00:00Z"] {
            let (parts, calls) = all_parts(&ada, &sdk, "t", query).await;
            assert_eq!(ids(&parts).len(), 40, "{query}");
            assert!(calls <= most, "{query}: {calls} calls, {shards} shards");
        }
        ada.backend.calls.take();
        let mut cursor = String::new();
        for _ in 0..20 {
            let path = address(&sdk, "traces/unknown", &cursor);
            let response = ada.get(&path).await;
            let calls = ada.backend.calls.take().len();
            assert!(calls <= most, "{calls} calls for an unknown trace");
            if response.status == 404 {
                break;
            }
            let part = response.json();
            assert_eq!(
                (&part["spans"], &part["startTime"]),
                (&json!([]), &Value::Null)
            );
            cursor = format!("&cursor={}", part["nextCursor"].as_str().unwrap());
        }
        let path = address(&sdk, "traces/unknown", &cursor);
        ada.get(&path).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn clock_skew_is_shown_and_kept_out_of_durations() {
    let (_, ada, sdk) = start().await;
    let root = with(
        span("t", "root", None, 0),
        json!({ "durationMs": 120.0, "service.name": "shop" }),
    );
    let child = with(
        span("t", "child", Some("root"), -3 * SECOND),
        json!({ "durationMs": 100.0, "service.name": "payments" }),
    );
    send(&sdk, vec![root]).await;
    send(&sdk, vec![child]).await;
    let trace = ask(&ada, &sdk, "traces/t", "&at=2026-01-31T12:30:00Z").await;
    assert_eq!(trace["durationMs"], 120.0);
    assert_eq!(trace["startTime"], "2026-01-31T12:30:00.000Z");
    let shown = |index: usize, field: &str| trace["spans"][index][field].clone();
    assert_eq!(shown(0, "clockSkewMs"), Value::Null);
    assert_eq!(shown(1, "clockSkewMs"), 3_010.0);
    assert_eq!(shown(1, "startOffsetMs"), 10.0);
    assert_eq!(shown(1, "startTime"), "2026-01-31T12:29:57.000Z");
    let list = ask(&ada, &sdk, "traces", "").await;
    assert_eq!(column(&list, "traces", "traceId"), ["t"]);
    assert_eq!(list["traces"][0]["durationMs"], 120.0);
}

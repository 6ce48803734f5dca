//! Metrics: buckets, counts and durations.

use serde_json::{Value, json};

use super::{ask, record, send, send_logs, span, start, with};

/// The buckets that are not empty: start, count, errors.
fn counted(answer: &Value) -> Vec<(String, u64, u64)> {
    let buckets = answer["buckets"].as_array().unwrap().iter();
    let number = |bucket: &Value, name: &str| bucket[name].as_u64().unwrap();
    buckets
        .filter(|bucket| bucket["count"] != 0)
        .map(|bucket| {
            let start = bucket["startTime"].as_str().unwrap()[11..16].to_owned();
            (start, number(bucket, "count"), number(bucket, "errors"))
        })
        .collect()
}

#[tokio::test]
async fn every_bucket_of_the_window_is_returned_even_if_empty() {
    let (backend, ada, sdk) = start().await;
    let answer = ask(&ada, &sdk, "metrics", "").await;
    assert_eq!(answer["from"], "2026-01-31T11:30:00.000Z");
    assert_eq!(answer["to"], "2026-01-31T12:30:00.000Z");
    assert_eq!(answer["buckets"].as_array().unwrap().len(), 12);
    let empty = json!({
        "count": 0, "errors": 0, "avgMs": null, "minMs": null, "maxMs": null,
        "p50Ms": null, "p95Ms": null, "p99Ms": null,
    });
    assert_eq!(
        answer["total"],
        with(empty.clone(), json!({ "requests": empty }))
    );
    assert_eq!(backend.calls.take(), ["BatchGetItem", "Query"]);
}

#[tokio::test]
async fn spans_count_in_the_bucket_of_their_start_and_requests_separately() {
    let (backend, ada, sdk) = start().await;
    let minute = 60_000;
    let slow = json!({ "responseStatus": 500, "durationMs": 1000.0 });
    send(
        &sdk,
        vec![
            with(span("t", "root", None, -6 * minute), slow),
            span("t", "child", Some("root"), -6 * minute + 1),
            span("u", "root", None, -5 * minute - 1),
            span("v", "root", None, -minute),
        ],
    )
    .await;
    let answer = ask(&ada, &sdk, "metrics", "").await;
    let expected = [("12:20".to_owned(), 3, 1), ("12:25".to_owned(), 1, 0)];
    assert_eq!(counted(&answer), expected);
    let total = &answer["total"];
    assert_eq!(
        (&total["count"], &total["requests"]["count"]),
        (&json!(4), &json!(3))
    );
    assert_eq!(
        (&total["minMs"], &total["maxMs"]),
        (&json!(10.0), &json!(1000.0))
    );
    assert_eq!(total["requests"]["avgMs"], json!(340.0));
    let near = |value: &Value, exact: f64| (value.as_f64().unwrap() - exact).abs() <= exact * 0.02;
    assert!(
        near(&total["p50Ms"], 10.0) && near(&total["p99Ms"], 1000.0),
        "{total}"
    );
    // Only chunk summaries.
    assert_eq!(backend.calls.take(), ["BatchGetItem", "Query"]);
}

#[tokio::test]
async fn the_same_body_five_times_changes_nothing() {
    let (_, ada, sdk) = start().await;
    let batch = vec![span("t", "a", None, 0), span("t", "b", Some("a"), 1)];
    send(&sdk, batch.clone()).await;
    let wide = "&to=2026-01-31T12:40:00Z";
    let once = ask(&ada, &sdk, "metrics", wide).await;
    for _ in 0..4 {
        send(&sdk, batch.clone()).await;
    }
    assert_eq!(ask(&ada, &sdk, "metrics", wide).await, once);
    assert_eq!(once["total"]["count"], 2);
    assert_eq!(
        ask(&ada, &sdk, "traces", "").await["traces"][0]["spanCount"],
        2
    );
}

#[tokio::test]
async fn steps_are_aligned_and_a_window_may_span_days() {
    let (_, ada, sdk) = start().await;
    let hour = 3_600_000;
    for after in [0, -hour, -13 * hour, -23 * hour] {
        send(&sdk, vec![span(&after.to_string(), "s", None, after)]).await;
    }
    let days = "&from=2026-01-30T00:00:00Z&to=2026-02-01T00:00:00Z&step=";
    let of_days = ask(&ada, &sdk, "metrics", &format!("{days}86400")).await;
    let counts: Vec<_> = of_days["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| &b["count"])
        .collect();
    assert_eq!(counts, [2, 2]);
    let of_hours = ask(&ada, &sdk, "metrics", &format!("{days}3600")).await;
    let starts: Vec<_> = counted(&of_hours)
        .into_iter()
        .map(|(start, ..)| start)
        .collect();
    assert_eq!(starts, ["13:00", "23:00", "11:00", "12:00"]);
}

#[tokio::test]
async fn logs_have_counts_and_errors_too() {
    let (_, ada, sdk) = start().await;
    let records = ["info", "error", "fatal"].map(|level| record(level, "x", None, -60_000));
    send_logs(&sdk, records.into()).await;
    let answer = ask(&ada, &sdk, "metrics", "&signal=logs").await;
    assert_eq!(counted(&answer), [("12:25".to_owned(), 3, 2)]);
    assert_eq!(answer["total"]["p50Ms"], Value::Null);
    let traces = ask(&ada, &sdk, "metrics", "&signal=traces").await;
    assert_eq!(traces["total"]["count"], 0);
}

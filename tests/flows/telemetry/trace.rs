//! One trace with its spans and logs.

use serde_json::json;

use super::{address, ask, column, record, send, send_logs, span, start, with};

#[tokio::test]
async fn a_trace_is_a_tree_with_its_logs() {
    let (_, ada, sdk) = start().await;
    let failed = json!({ "responseStatus": 500, "durationMs": 3.5, "db.rows": 7 });
    let spans = vec![
        with(span("t", "db", Some("api"), 4), failed),
        span("t", "root", None, 0),
        span("t", "cache", Some("root"), 6),
        span("t", "api", Some("root"), 2),
        span("other", "x", None, 1),
    ];
    send(&sdk, spans).await;
    send_logs(
        &sdk,
        vec![
            record("error", "no rows", Some("t"), 5),
            record("info", "hello", Some("t"), 1),
            record("info", "of another", Some("other"), 1),
            record("info", "of none", None, 1),
        ],
    )
    .await;
    let trace = ask(&ada, &sdk, "traces/t", "").await;
    assert_eq!(
        column(&trace, "spans", "spanId"),
        ["root", "api", "db", "cache"]
    );
    let depths: Vec<_> = trace["spans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["depth"])
        .collect();
    assert_eq!(depths, [0, 1, 2, 1]);
    assert_eq!(column(&trace, "logs", "message"), ["hello", "no rows"]);
    assert_eq!(
        (&trace["spanCount"], &trace["errorCount"]),
        (&json!(4), &json!(1))
    );
    assert_eq!(
        (&trace["durationMs"], &trace["isTruncated"]),
        (&json!(16.0), &json!(false))
    );
    let db = &trace["spans"][2];
    assert_eq!(
        (&db["startOffsetMs"], &db["durationMs"]),
        (&json!(4.0), &json!(3.5))
    );
    assert_eq!(
        (&db["isError"], &db["attributes"]),
        (&json!(true), &json!({ "db.rows": 7 }))
    );
}

#[tokio::test]
async fn a_trace_over_batches_and_hours_is_complete_and_has_each_span_once() {
    let (backend, ada, sdk) = start().await;
    let minutes = |n: i64| n * 60_000;
    let long = json!({ "durationMs": minutes(125) as f64 });
    send(
        &sdk,
        vec![with(span("t", "root", None, minutes(-150)), long)],
    )
    .await;
    send(&sdk, vec![span("t", "a", Some("root"), minutes(-120))]).await;
    send(
        &sdk,
        vec![
            span("t", "b", Some("root"), minutes(-30)),
            span("u", "u", None, minutes(-29)),
        ],
    )
    .await;
    send(
        &sdk,
        vec![
            span("t", "a", Some("root"), minutes(-120)),
            span("v", "v", None, 0),
        ],
    )
    .await;
    for hint in [
        "&at=2026-01-31T10:00:00Z",
        "&at=2026-01-31T12:00:00Z",
        "&at=2026-01-31T11:55:00%2B00:00",
        "",
        "&from=2026-01-31T09:50:00Z",
    ] {
        let trace = ask(&ada, &sdk, "traces/t", hint).await;
        assert_eq!(
            column(&trace, "spans", "spanId"),
            ["root", "a", "b"],
            "{hint}"
        );
    }
    backend.calls.take();
    ask(&ada, &sdk, "traces/v", "&at=2026-01-31T12:30:00Z").await;
    let calls = backend.calls.take();
    // The membership; summaries of a minute and a half, and their chunk; those of ten minutes before
    // and after; the logs around them, before and within the last minute.
    let expected = [
        "BatchGetItem",
        "Query",
        "BatchGetItem",
        "Query",
        "Query",
        "Query",
        "Query",
    ];
    assert_eq!(calls, expected);
}

#[tokio::test]
async fn a_trace_is_found_without_its_time_while_it_is_kept() {
    let (backend, ada, sdk) = start().await;
    send(&sdk, vec![span("t", "s", None, 0)]).await;
    for days in [1, 6, 20] {
        backend.later(days * 24 * 60 * 60);
        let ada = backend.sign_in("ada").await;
        let trace = ask(&ada, &sdk, "traces/t", "").await;
        assert_eq!(trace["spanCount"], 1, "{days} days later");
        let hour = address(
            &sdk,
            "traces/t",
            "&from=2026-01-31T13:00:00Z&to=2026-01-31T14:00:00Z",
        );
        ada.get(&hour).await.problem(404, "not-found");
    }
    let _ = ada;
}

#[tokio::test]
async fn a_trace_larger_than_a_response_is_cut_and_marked_so() {
    let (_, ada, sdk) = start().await;
    let large: serde_json::Map<_, _> = (0..20)
        .map(|n| (format!("attribute-{n}"), "x".repeat(2_000).into()))
        .collect();
    for part in 0..4 {
        let spans = (part * 50..).take(50);
        let spans = spans.map(|n| with(span("t", &format!("{n}"), None, n), large.clone().into()));
        send(&sdk, spans.collect()).await;
    }
    let answer = ada.get(&address(&sdk, "traces/t", "")).await;
    assert!(answer.body.len() < 5 * 1024 * 1024, "{}", answer.body.len());
    let trace = answer.json();
    assert_eq!(
        (&trace["spanCount"], &trace["isTruncated"]),
        (&json!(200), &json!(true))
    );
    let shown = trace["spans"].as_array().unwrap().len();
    assert!((90..200).contains(&shown), "{shown}");
}

#[tokio::test]
async fn an_unknown_trace_is_not_found() {
    let (_, ada, sdk) = start().await;
    for id in ["none", "%00", "%2e%2e", "%F0%9F%9B%92"] {
        let answer = ada.get(&address(&sdk, &format!("traces/{id}"), "")).await;
        answer.problem(404, "not-found");
    }
}

//! The list of traces.

use serde_json::json;

use super::{address, all_pages, ask, column, send, span, start, with};
use crate::support::backend;

#[tokio::test]
async fn an_application_without_telemetry_has_no_traces() {
    let (backend, ada, sdk) = start().await;
    let answer = ask(&ada, &sdk, "traces", "").await;
    assert_eq!(
        answer,
        json!({ "traces": [], "nextCursor": null, "searchedTo": null, "gaps": [] })
    );
    // The membership; the summaries of the last minute, and those before.
    assert_eq!(backend.calls.take(), ["BatchGetItem", "Query", "Query"]);
}

#[tokio::test]
async fn a_trace_is_one_row_with_its_root_and_its_counts() {
    let (backend, ada, sdk) = start().await;
    let failed = with(
        span("t", "db", Some("root"), 5),
        json!({ "responseStatus": 503 }),
    );
    let root = with(
        span("t", "root", None, 0),
        json!({ "service.name": "shop" }),
    );
    send(
        &sdk,
        vec![failed, root, span("t", "cache", Some("root"), 2)],
    )
    .await;
    let answer = ask(&ada, &sdk, "traces", "").await;
    let row = json!({
        "traceId": "t", "name": "GET /root", "service": "shop", "kind": null,
        "startTime": "2026-01-31T12:30:00.000Z", "durationMs": 10.0, "status": 200,
        "isError": true, "spanCount": 3, "errorCount": 1, "hasRoot": true,
    });
    assert_eq!(
        answer,
        json!({ "traces": [row], "nextCursor": null, "searchedTo": null, "gaps": [] })
    );
    // The membership; the summaries of the last minute; the adjacent ones, of the last minute and
    // before. No chunk.
    let expected = ["BatchGetItem", "Query", "Query", "Query"];
    assert_eq!(backend.calls.take(), expected);
}

#[tokio::test]
async fn a_trace_over_several_batches_is_one_row_wherever_its_root_arrived() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
        let (_, ada, sdk) = start().await;
        let batches = [
            vec![span("t", "root", None, 0)],
            vec![
                span("t", "one", Some("root"), 3),
                span("t", "two", Some("root"), 4),
            ],
            // The second span is sent again in another batch, as SDKs do after a lost response.
            vec![
                span("t", "two", Some("root"), 4),
                span("u", "other", None, 9),
            ],
        ];
        for index in order {
            send(&sdk, batches[index].clone()).await;
        }
        for query in ["", "&limit=1"] {
            let rows = all_pages(&ada, &sdk, "traces", query).await;
            let counted: Vec<_> = rows
                .iter()
                .map(|row| (&row["traceId"], &row["name"], &row["spanCount"]))
                .collect();
            let expected = [
                (&json!("u"), &json!("GET /other"), &json!(1)),
                (&json!("t"), &json!("GET /root"), &json!(3)),
            ];
            assert_eq!(counted, expected, "{order:?} {query}");
        }
    }
}

#[tokio::test]
async fn a_trace_whose_root_is_elsewhere_is_listed_by_its_first_span() {
    let (_, ada, sdk) = start().await;
    send(&sdk, vec![span("t", "b", Some("of another system"), 7)]).await;
    send(&sdk, vec![span("t", "a", Some("of another system"), 3)]).await;
    for query in ["", "&limit=1"] {
        let rows = all_pages(&ada, &sdk, "traces", query).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!(
            (&rows[0]["name"], &rows[0]["spanCount"]),
            (&json!("GET /a"), &json!(2))
        );
        assert_eq!(rows[0]["hasRoot"], false);
    }
}

#[tokio::test]
async fn pages_go_from_the_newest_to_the_oldest_and_lose_nothing() {
    let (_, ada, sdk) = start().await;
    for batch in 0..7 {
        // Some chunk summaries have no room for their rows.
        let count = if batch % 3 == 0 { 130 } else { 4 };
        let spans = (0..count).map(|n| {
            let id = format!("{batch}-{n:03}-{}", "x".repeat(20));
            span(&id, "s", None, i64::from(batch) * -1_000 + i64::from(n))
        });
        send(&sdk, spans.collect()).await;
    }
    for limit in [200, 50, 7] {
        let rows = all_pages(&ada, &sdk, "traces", &format!("&limit={limit}")).await;
        let times: Vec<_> = rows
            .iter()
            .map(|row| row["startTime"].to_string())
            .collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "limit {limit}");
        let mut ids: Vec<_> = rows.iter().map(|row| row["traceId"].to_string()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(
            (ids.len(), rows.len()),
            (3 * 130 + 4 * 4, 3 * 130 + 4 * 4),
            "limit {limit}"
        );
    }
}

#[tokio::test]
async fn filters_find_the_traces_that_match_all_of_them() {
    let (_, ada, sdk) = start().await;
    let spans = [
        (200, 5.0, "/cart", "shop"),
        (404, 50.0, "/item", "shop"),
        (500, 500.0, "/pay", "Payments"),
    ];
    for (index, (status, duration, url, service)) in spans.into_iter().enumerate() {
        let changes = json!({
            "responseStatus": status, "durationMs": duration, "requestURL": url,
            "service.name": service,
        });
        send(
            &sdk,
            vec![with(span(&format!("t{index}"), "s", None, 0), changes)],
        )
        .await;
    }
    for (query, expected) in [
        ("&status=ok", vec!["t0", "t1"]),
        ("&status=error", vec!["t2"]),
        ("&status=5xx", vec!["t2"]),
        ("&status=404", vec!["t1"]),
        ("&status=3xx", vec![]),
        ("&minDurationMs=50", vec!["t1", "t2"]),
        ("&minDurationMs=500.1", vec![]),
        ("&q=GET%20/CART", vec!["t0"]),
        ("&q=payments", vec!["t2"]),
        ("&q=T1", vec!["t1"]),
        ("&status=error&minDurationMs=100&q=pay", vec!["t2"]),
        ("&status=&q=", vec!["t0", "t1", "t2"]),
    ] {
        let answer = ask(&ada, &sdk, "traces", query).await;
        let mut ids = column(&answer, "traces", "traceId");
        ids.sort_unstable();
        assert_eq!(ids, expected, "{query}");
    }
}

#[tokio::test]
async fn the_window_is_half_open_and_spans_days() {
    let (_, ada, sdk) = start().await;
    let hour = 3_600_000;
    let minute = 60_000;
    for (id, after) in [
        ("now", 0),
        ("ahead", 4 * minute),
        ("hour", -hour),
        ("day", -20 * hour),
    ] {
        send(&sdk, vec![span(id, "s", None, after)]).await;
    }
    for (query, expected) in [
        ("", vec!["ahead", "now", "hour"]),
        ("&to=2026-01-31T12:30:00Z", vec!["hour"]),
        ("&from=2026-01-31T12:30:00Z", vec!["ahead", "now"]),
        ("&from=2026-01-31T12:30:00.001Z", vec!["ahead"]),
        (
            "&from=2026-01-30T00:00:00Z",
            vec!["ahead", "now", "hour", "day"],
        ),
        (
            "&from=2026-01-30T16:30:00Z&to=2026-01-30T16:31:00%2B00:00",
            vec!["day"],
        ),
    ] {
        let answer = ask(&ada, &sdk, "traces", query).await;
        assert_eq!(column(&answer, "traces", "traceId"), expected, "{query}");
    }
    assert_eq!(backend::start().to_string(), "2026-01-31T12:30:00Z");
}

#[tokio::test]
async fn a_window_in_the_far_future_reads_no_days_that_cannot_hold_events() {
    let (backend, ada, sdk) = start().await;
    send(&sdk, vec![span("t", "s", None, 0)]).await;
    for (path, query, found) in [
        ("traces", "&to=9999-12-30T00:00:00Z", 1),
        (
            "logs",
            "&from=0001-01-01T00:00:00Z&to=9999-12-30T00:00:00Z",
            0,
        ),
        (
            "traces",
            "&from=5000-01-01T00:00:00Z&to=9999-12-30T00:00:00Z",
            0,
        ),
    ] {
        backend.calls.take();
        let answer = ask(&ada, &sdk, path, query).await;
        assert_eq!(answer[path].as_array().unwrap().len(), found, "{query}");
        let calls = backend.calls.take();
        // At most one query for each day of the retention, and the reads of chunks.
        assert!(calls.len() < 40, "{query}: {} calls", calls.len());
    }
    let query = "&from=2026-01-31T00:00:00Z&to=9999-12-30T00:00:00Z";
    let trace = ask(&ada, &sdk, "traces/t", query).await;
    assert_eq!(trace["spanCount"], 1);
    let calls = backend.calls.take();
    assert!(calls.len() < 10, "{calls:?}");
}

/// Beyond what ingest accepts, and on the same day as the last events that it does accept.
#[tokio::test]
async fn a_window_in_the_future_is_empty() {
    let (_, ada, sdk) = start().await;
    send(&sdk, vec![span("t", "s", None, 0)]).await;
    let future = "&from=2026-01-31T14:00:00Z&to=2026-01-31T15:00:00Z";
    for list in ["traces", "logs"] {
        assert_eq!(ask(&ada, &sdk, list, future).await[list], json!([]));
    }
    let total = &ask(&ada, &sdk, "metrics", future).await["total"];
    assert_eq!(total["count"], 0);
    let trace = ada.get(&address(&sdk, "traces/t", future)).await;
    trace.problem(404, "not-found");
}

/// A page with that row alone reads few summaries around it, and its own chunk lies later.
#[tokio::test]
async fn a_row_counts_the_spans_of_a_batch_that_extends_over_the_hour() {
    let (_, ada, sdk) = start().await;
    let early = -20 * 60_000;
    let spans = vec![
        span("early", "a", None, early),
        span("early", "b", Some("a"), early),
        span("late", "c", None, 0),
    ];
    send(&sdk, spans).await;
    let rows = all_pages(&ada, &sdk, "traces", "&limit=1").await;
    let counts: Vec<_> = rows
        .iter()
        .map(|row| (row["traceId"].as_str().unwrap(), &row["spanCount"]))
        .collect();
    assert_eq!(counts, [("late", &json!(1)), ("early", &json!(2))]);
}

/// The second span is too far ahead of the clock at first, and accepted when it is sent again.
#[tokio::test]
async fn a_batch_of_which_more_is_accepted_later_shows_all_of_it() {
    let (backend, ada, sdk) = start().await;
    let spans = vec![span("a", "a", None, 0), span("b", "b", None, 6 * 60 * 1000)];
    let batch = serde_json::json!({ "traces": spans });
    for accepted in [1, 2] {
        let report = sdk.traces(batch.clone()).await.json();
        assert_eq!(report["accepted"], accepted);
        backend.later(120);
    }
    let list = ask(&ada, &sdk, "traces", "").await;
    assert_eq!(column(&list, "traces", "traceId"), ["b", "a"]);
    for trace in ["a", "b"] {
        let found = ask(&ada, &sdk, &format!("traces/{trace}"), "").await;
        assert_eq!(found["spanCount"], 1, "{trace}");
    }
    assert_eq!(
        ask(&ada, &sdk, "metrics", "&to=2026-01-31T13:00:00Z").await["total"]["count"],
        2
    );
}

//! `by=` of metrics: rate, errors and durations of requests by service and operation.

use serde_json::{Value, json};

use super::{address, ask, send, span, start, with};
use crate::support::Backend;

/// Largest number of calls of a request, with one shard and with 16.
const MOST: [(u8, usize); 2] = [(1, 65), (16, 545)];

/// Service, name, requests and failures of each row.
fn rows(answer: &Value) -> Vec<(&str, &str, u64, u64)> {
    let rows = answer["rows"].as_array().unwrap().iter();
    let text = |row: &'static str| move |value: &Value| value[row].as_u64().unwrap();
    let (count, errors) = (text("count"), text("errors"));
    rows.map(|row| {
        let service = row["service"].as_str().unwrap_or("none");
        let name = row["name"].as_str().unwrap_or("none");
        (service, name, count(row), errors(row))
    })
    .collect()
}

fn of(service: &str, ms: f64, status: u16) -> Value {
    json!({ "service.name": service, "durationMs": ms, "responseStatus": status })
}

#[tokio::test]
async fn requests_are_counted_by_service_and_by_operation() {
    let (backend, ada, sdk) = start().await;
    let spans = vec![
        with(span("t", "cart", None, -60_000), of("shop", 30.0, 200)),
        with(
            span("t", "query", Some("cart"), -60_000),
            of("shop", 20.0, 500),
        ),
        with(span("u", "cart", None, -50_000), of("shop", 50.0, 503)),
        with(span("v", "pay", None, -40_000), of("pay", 900.0, 200)),
    ];
    send(&sdk, spans).await;
    send(&sdk, vec![span("w", "other", None, -10_000)]).await;
    let by_service = ask(&ada, &sdk, "metrics", "&by=service").await;
    assert_eq!(backend.calls.take(), ["BatchGetItem", "Query", "Query"]);
    assert_eq!(
        rows(&by_service),
        [
            ("shop", "none", 2, 1),
            ("none", "none", 1, 0),
            ("pay", "none", 1, 0)
        ]
    );
    assert_eq!(by_service["buckets"], json!([]));
    assert_eq!(by_service["searchedTo"], Value::Null);
    assert_eq!(by_service["others"], json!({ "count": 0, "errors": 0 }));
    assert_eq!(by_service["total"]["count"], 5);
    assert_eq!(by_service["total"]["requests"]["count"], 4);
    let pay = &by_service["rows"][2];
    let near = |value: &Value, exact: f64| (value.as_f64().unwrap() - exact).abs() <= exact * 0.11;
    for share in ["p50Ms", "p95Ms", "p99Ms"] {
        assert!(near(&pay[share], 900.0), "{pay}");
    }
    assert_eq!(
        by_service["rows"][0]["perSecond"], 0.000_556,
        "2 in an hour"
    );
    let by_operation = ask(&ada, &sdk, "metrics", "&by=operation").await;
    assert_eq!(
        rows(&by_operation),
        [
            ("shop", "GET /cart", 2, 1),
            ("none", "GET /other", 1, 0),
            ("pay", "GET /pay", 1, 0)
        ]
    );
    // The service and name of a row are filters of the list of traces.
    let found = ask(&ada, &sdk, "traces", "&service=shop&name=GET%20/cart").await;
    assert_eq!(found["traces"].as_array().unwrap().len(), 2);
    let of_logs = address(&sdk, "metrics", "&by=service&signal=logs");
    let problem = ada.get(&of_logs).await.problem(400, "invalid-fields");
    assert_eq!(problem["errors"][0]["pointer"], "/by");
}

#[tokio::test]
async fn a_batch_counts_as_a_whole_in_the_window_of_its_newest_span() {
    let (_, ada, sdk) = start().await;
    let minute = 60_000;
    let spans = [-20 * minute, -10 * minute].map(|at| span(&at.to_string(), "a", None, at));
    send(&sdk, spans.into()).await;
    for (from, to, count) in [("12:00", "12:15", 0), ("12:15", "12:30", 2)] {
        let window = format!("&by=service&from=2026-01-31T{from}:00Z&to=2026-01-31T{to}:00Z");
        let answer = ask(&ada, &sdk, "metrics", &window).await;
        assert_eq!(answer["total"]["requests"]["count"], count, "{window}");
    }
}

#[tokio::test]
async fn a_window_with_too_many_batches_is_counted_from_the_newest_and_says_how_far() {
    let backend = Backend::with(&[("METRICS_MAX_SUMMARIES", "20")]).await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    for second in 1..9 {
        let at = -60_000 * second;
        send(&sdk, vec![span(&second.to_string(), "a", None, at)]).await;
    }
    let answer = ask(&ada, &sdk, "metrics", "&by=operation").await;
    assert_eq!(rows(&answer), [("none", "GET /a", 5, 0)]);
    assert_eq!(answer["searchedTo"], "2026-01-31T12:24:00.001Z");
    assert_eq!(
        answer["rows"][0]["perSecond"], 0.013_889,
        "5 in six minutes"
    );
    let older = "&by=operation&from=2026-01-31T12:00:00Z&to=2026-01-31T12:24:00.001Z";
    let rest = ask(&ada, &sdk, "metrics", older).await;
    assert_eq!(rows(&rest), [("none", "GET /a", 3, 0)]);
    assert_eq!(rest["searchedTo"], Value::Null);
}

#[tokio::test]
async fn no_request_makes_more_calls_than_stated() {
    let day = 24 * 60 * 60_000;
    for (shards, most) in MOST {
        let (backend, ada, sdk) = start().await;
        let path = format!("/applications/{}", sdk.application_id);
        ada.patch(&path, json!({ "shards": shards })).await.json();
        for batch in 0..24 {
            let at = -(batch % 7) * day - batch * 1_000 - 60_000;
            send(&sdk, vec![span(&batch.to_string(), "a", None, at)]).await;
        }
        for (window, count) in [
            ("&from=2026-01-01T00:00:00Z&to=9999-12-30T00:00:00Z", 24),
            ("&from=2025-01-01T00:00:00Z", 24),
            ("&from=2026-01-01T00:00:00Z&to=2026-01-20T00:00:00Z", 0),
        ] {
            let answer = ask(&ada, &sdk, "metrics", &format!("{window}&by=service")).await;
            let calls = backend.calls.take().len();
            assert!(calls <= most, "{window}: {calls} calls, {shards} shards");
            assert_eq!(answer["total"]["count"], count, "{window}");
            assert_eq!(answer["searchedTo"], Value::Null, "{window}");
        }
    }
}

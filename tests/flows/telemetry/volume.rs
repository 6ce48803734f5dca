//! 100,000 spans in 1,000 traces: a query reads an amount that depends only on its window.

use serde_json::{Value, json};
use shared::base::clock::rfc3339;

use super::{ask, column, start};
use crate::support::{Sdk, SignedIn, backend};

const TRACES: usize = 1_000;
const SPANS_PER_TRACE: usize = 100;
const SPANS_PER_BATCH: usize = 500;
const RECORDS_PER_BATCH: usize = 10;

/// One trace every six seconds in the 100 minutes before now.
const SECONDS_BETWEEN: i64 = 6;

fn trace_id(trace: usize) -> String {
    format!(
        "{:032x}",
        (trace as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    )
}

fn span(trace: usize, number: usize) -> Value {
    let ago = (TRACES - trace) as i64 * SECONDS_BETWEEN * 1_000;
    let start = backend::start() + jiff::SignedDuration::from_millis(number as i64 * 3 - ago);
    let seed = (trace * SPANS_PER_TRACE + number) as u64;
    let id = |n: u64| format!("{:016x}", (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    json!({
        "startTime": rfc3339(start), "requestMethod": "GET",
        "requestURL": format!("https://api.shop.test/v1/carts/{}/items", number % 7),
        "responseStatus": if number == 99 && trace.is_multiple_of(50) { 500 } else { 200 },
        "traceId": trace_id(trace), "spanId": id(seed),
        "parentSpanId": (number > 0).then(|| id(seed - number as u64)),
        "durationMs": (seed % 251) as f64 * 1.37 + 0.25,
    })
}

async fn load(sdk: &Sdk) {
    let spans: Vec<(usize, usize)> = (0..TRACES)
        .flat_map(|trace| (0..SPANS_PER_TRACE).map(move |number| (trace, number)))
        .collect();
    for batch in spans.chunks(SPANS_PER_BATCH) {
        let spans: Vec<Value> = batch
            .iter()
            .map(|(trace, number)| span(*trace, *number))
            .collect();
        let report = sdk.traces(json!({ "traces": spans })).await.json();
        assert_eq!(report["accepted"], SPANS_PER_BATCH);
    }
    for batch in (0..TRACES).collect::<Vec<_>>().chunks(RECORDS_PER_BATCH) {
        let records: Vec<Value> = batch
            .iter()
            .map(|trace| {
                let level = if trace % 50 == 0 { "error" } else { "info" };
                json!({
                    "timestamp": span(*trace, 0)["startTime"], "level": level, "type": "app",
                    "message": format!("order {trace}"), "traceId": trace_id(*trace),
                    "clientTimestamp": null,
                })
            })
            .collect();
        assert_eq!(
            sdk.logs(json!({ "logs": records })).await.json()["accepted"],
            RECORDS_PER_BATCH
        );
    }
}

/// Sends a query. Returns the response with the items and bytes read for it.
async fn cost(ada: &SignedIn, sdk: &Sdk, path: &str, query: &str) -> (Value, usize, usize) {
    ada.backend.calls.take();
    let answer = ask(ada, sdk, path, query).await;
    let read = ada.backend.calls.take_read();
    (answer, read.items, read.bytes)
}

#[tokio::test]
async fn a_query_over_a_hundred_thousand_spans_reads_only_its_window() {
    let (_, ada, sdk) = start().await;
    load(&sdk).await;
    // Ten minutes have 100 traces in 20 of the 200 stored batches.
    let ten_minutes = "&from=2026-01-31T11:30:00Z&to=2026-01-31T11:40:00Z";
    let hour = "&from=2026-01-31T11:30:00Z&to=2026-01-31T12:30:00Z";

    let (list, items, bytes) =
        cost(&ada, &sdk, "traces", &format!("{ten_minutes}&limit=200")).await;
    let rows = list["traces"].as_array().unwrap();
    assert_eq!((rows.len(), &list["nextCursor"]), (100, &Value::Null));
    assert!(rows.iter().all(|row| row["spanCount"] == 100));
    // Chunk summaries until the end of the hour, and adjacent ones. No chunk.
    assert!(items <= 2 + 62 + 34, "{items} items");
    assert!(bytes <= 130_000, "{bytes} bytes");

    let (list, items, _) = cost(&ada, &sdk, "traces", &format!("{hour}&limit=10")).await;
    assert_eq!(list["traces"].as_array().unwrap().len(), 10);
    assert!(
        items <= 2 + 64 + 10,
        "one query for the list, and adjacent summaries: {items} items"
    );

    let id = trace_id(500);
    let at = span(500, 0)["startTime"].as_str().unwrap().to_owned();
    let (trace, items, bytes) =
        cost(&ada, &sdk, &format!("traces/{id}"), &format!("&at={at}")).await;
    assert_eq!(
        (&trace["spanCount"], &trace["logs"][0]["message"]),
        (&json!(100), &json!("order 500"))
    );
    // Chunk summaries of twenty minutes and one chunk; the same for its logs.
    assert!(items <= 2 + 42 + 1 + 12 + 1, "{items} items");
    assert!(bytes <= 80_000, "{bytes} bytes");

    let (logs, items, _) = cost(&ada, &sdk, "logs", &format!("{hour}&q=ORDER%20777")).await;
    assert_eq!(column(&logs, "logs", "message"), ["order 777"]);
    assert!(items <= 2 + 2 * 61, "{items} items");
    let (logs, items, _) = cost(
        &ada,
        &sdk,
        "logs",
        &format!("{hour}&traceId={}", trace_id(777)),
    )
    .await;
    assert_eq!(column(&logs, "logs", "message"), ["order 777"]);
    assert!(items <= 2 + 61 + 1, "one chunk: {items} items");

    let (metrics, items, bytes) = cost(&ada, &sdk, "metrics", ten_minutes).await;
    assert_eq!(metrics["total"]["count"], 100 * SPANS_PER_TRACE);
    assert_eq!(metrics["total"]["requests"]["count"], 100);
    assert!(items <= 2 + 62, "{items} items");
    assert!(bytes <= 80_000, "{bytes} bytes");
    let (metrics, ..) = cost(&ada, &sdk, "metrics", "&from=2026-01-31T10:00:00Z").await;
    assert_eq!(metrics["total"]["count"], TRACES * SPANS_PER_TRACE);
    assert_eq!(metrics["total"]["errors"], 20);
}

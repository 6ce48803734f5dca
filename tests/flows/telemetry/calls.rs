//! The most calls that a list makes for one page, as ARCHITECTURE.md states them. What does not
//! fit is left to the cursor.

use serde_json::json;

use super::{address, record, send, send_logs, span, start};
use crate::support::{Sdk, SignedIn};

const MINUTE: i64 = 60_000;

/// The most calls for a page of logs and of traces, with one shard and with 16.
const MOST: [(u8, usize, usize); 2] = [(1, 62, 150), (16, 122, 430)];

/// Reads all pages. Returns the number of pages and of rows, and the largest number of calls for one
/// page.
async fn cost(ada: &SignedIn, sdk: &Sdk, list: &str, query: &str) -> (usize, usize, usize) {
    let mut pages = 0;
    let mut rows = 0;
    let mut most = 0;
    let mut cursor = String::new();
    loop {
        ada.backend.calls.take();
        let path = address(sdk, list, &format!("{query}{cursor}"));
        let page = ada.get(&path).await.json();
        most = most.max(ada.backend.calls.take().len());
        pages += 1;
        rows += page[list].as_array().unwrap().len();
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (pages, rows, most),
        }
    }
}

#[tokio::test]
async fn no_page_of_a_list_makes_more_calls_than_stated() {
    for (shards, most_for_logs, most_for_traces) in MOST {
        let (_, ada, sdk) = start().await;
        let path = format!("/applications/{}", sdk.application_id);
        ada.patch(&path, json!({ "shards": shards })).await.json();
        // Each batch extends over almost half an hour, and each trace is in two of them.
        for batch in 0..60 {
            let ends = [batch - 29 * MINUTE, batch * 50 - 10_000];
            let records = ends.map(|at| record("info", &batch.to_string(), None, at));
            send_logs(&sdk, records.into()).await;
            let spans = ends.map(|at| {
                let trace = format!("t{}", (batch + i64::from(at < -MINUTE)) % 60);
                let parent = (at > -MINUTE).then_some("parent");
                span(&trace, &batch.to_string(), parent, at)
            });
            send(&sdk, spans.into()).await;
        }
        for (list, most, count) in [
            ("logs", most_for_logs, 120),
            ("traces", most_for_traces, 60),
        ] {
            for (query, expected) in [
                ("&limit=7", count),
                ("&from=2026-01-01T00:00:00Z", count),
                (
                    "&from=2026-01-01T00:00:00Z&to=9999-12-30T00:00:00Z&q=nothing",
                    0,
                ),
                ("&from=2026-01-01T00:00:00Z&to=2026-01-31T00:00:00Z", 0),
            ] {
                let (pages, rows, calls) = cost(&ada, &sdk, list, query).await;
                assert_eq!(rows, expected, "{list} {query}");
                assert!(
                    calls <= most,
                    "{list} {query}: {calls} calls, {shards} shards"
                );
                assert!(pages < 40, "{list} {query}: {pages} pages");
            }
        }
    }
}

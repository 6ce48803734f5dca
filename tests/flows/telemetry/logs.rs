//! The list of log records.

use serde_json::json;

use super::{all_pages, ask, column, record, send_logs, start};

#[tokio::test]
async fn a_record_is_shown_with_all_that_was_sent() {
    let (backend, ada, sdk) = start().await;
    send_logs(&sdk, vec![record("WARN", "low stock", Some("t"), 0)]).await;
    let row = json!({
        "timestamp": "2026-01-31T12:30:00.000Z", "level": "warn", "message": "low stock",
        "type": "app", "traceId": "t", "spanId": null, "service": null, "attributes": {},
        "resource": null, "scope": null, "observedTime": null, "severityNumber": 13,
        "severityText": "WARN", "flags": null, "droppedAttributes": 0,
        "resourceSchemaUrl": null, "scopeSchemaUrl": null, "resourceDroppedAttributes": 0,
        "truncated": [], "notes": [],
    });
    let answer = ask(&ada, &sdk, "logs", "").await;
    assert_eq!(
        answer,
        json!({ "logs": [row], "nextCursor": null, "searchedTo": null, "gaps": [] })
    );
    assert_eq!(
        backend.calls.take(),
        ["BatchGetItem", "Query", "Query", "BatchGetItem"],
        "the last minute, and what was before"
    );
}

#[tokio::test]
async fn filters_read_only_chunks_that_may_match() {
    let (backend, ada, sdk) = start().await;
    for (level, message, trace) in [
        ("error", "Payment failed", Some("t1")),
        ("warn", "payment slow", Some("t2")),
        ("info", "cart opened", None),
    ] {
        send_logs(&sdk, vec![record(level, message, trace, 0)]).await;
    }
    for (query, expected, opened) in [
        ("", vec!["Payment failed", "cart opened", "payment slow"], 3),
        ("&level=error", vec!["Payment failed"], 1),
        (
            "&level=Error,%20WARN",
            vec!["Payment failed", "payment slow"],
            2,
        ),
        ("&level=fatal", vec![], 0),
        ("&traceId=t2", vec!["payment slow"], 1),
        ("&traceId=t2&level=error", vec![], 0),
        ("&minLevel=warn", vec!["Payment failed", "payment slow"], 2),
        ("&minLevel=warn&level=warn,info", vec!["payment slow"], 1),
        ("&minLevel=fatal", vec![], 0),
        ("&q=PAYMENT", vec!["Payment failed", "payment slow"], 2),
        ("&q=slow+payment", vec!["payment slow"], 1),
        ("&q=pay", vec![], 0),
        ("&q=app&level=info", vec!["cart opened"], 1),
        ("&q=nothing", vec![], 0),
        ("&q=%21%3F", vec![], 0),
    ] {
        backend.calls.take();
        let answer = ask(&ada, &sdk, "logs", query).await;
        let read = backend.calls.take_read();
        let mut messages = column(&answer, "logs", "message");
        messages.sort_unstable();
        assert_eq!(messages, expected, "{query}");
        // Two items of the membership, three chunk summaries.
        assert_eq!(read.items, 2 + 3 + opened, "{query}");
    }
}

#[tokio::test]
async fn pages_go_from_the_newest_to_the_oldest_and_lose_nothing() {
    let (_, ada, sdk) = start().await;
    for batch in 0..5 {
        let records =
            (0..30).map(|n| record("info", &format!("{batch}-{n}"), None, n - batch * 100));
        send_logs(&sdk, records.collect()).await;
    }
    for limit in [200, 25, 1] {
        let rows = all_pages(&ada, &sdk, "logs", &format!("&limit={limit}")).await;
        let times: Vec<_> = rows
            .iter()
            .map(|row| row["timestamp"].to_string())
            .collect();
        assert!(times.is_sorted_by(|a, b| a >= b), "limit {limit}");
        let mut messages: Vec<_> = rows.iter().map(|row| row["message"].to_string()).collect();
        messages.sort();
        messages.dedup();
        assert_eq!((messages.len(), rows.len()), (150, 150), "limit {limit}");
    }
}

#[tokio::test]
async fn the_first_row_of_the_next_page_is_read_together_with_the_page() {
    let (backend, ada, sdk) = start().await;
    for batch in 0..3 {
        let records = (0..2).map(|n| record("info", &format!("{batch}-{n}"), None, batch * 10 + n));
        send_logs(&sdk, records.collect()).await;
    }
    // Each chunk holds exactly a page.
    let page = ask(&ada, &sdk, "logs", "&limit=2").await;
    assert_eq!(column(&page, "logs", "message"), ["2-1", "2-0"]);
    assert!(page["nextCursor"].is_string());
    assert_eq!(
        backend.calls.take(),
        ["BatchGetItem", "Query", "BatchGetItem"]
    );
}

#[tokio::test]
async fn a_page_of_large_records_is_cut_to_the_size_of_a_response() {
    let (_, ada, sdk) = start().await;
    let text = |n: usize| format!("{n:04}{}", "x".repeat(8_000));
    for batch in 0..8 {
        let records = (0..100).map(|n| record("info", &text(batch * 100 + n), None, 0));
        send_logs(&sdk, records.collect()).await;
    }
    let rows = all_pages(&ada, &sdk, "logs", "&limit=200").await;
    assert_eq!(rows.len(), 800);
    let attributes: serde_json::Map<_, _> = (0..100)
        .map(|n| (format!("a{n}"), "y".repeat(2_000).into()))
        .collect();
    let large = super::with(record("error", "large", None, 0), attributes.into());
    for batch in 0..6 {
        let mut records = vec![large.clone(); 9];
        records.push(record("error", &batch.to_string(), None, 0));
        send_logs(&sdk, records).await;
    }
    let page = ada
        .get(&super::address(&sdk, "logs", "&level=error&limit=60"))
        .await;
    assert!(page.body.len() < 5 * 1024 * 1024, "{}", page.body.len());
    let page = page.json();
    assert!(page["nextCursor"].is_string());
    let rows = all_pages(&ada, &sdk, "logs", "&level=error&limit=60").await;
    assert_eq!(rows.len(), 60);
}

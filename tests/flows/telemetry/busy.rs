//! Metrics of applications whose default hour has more batches than one response counts: the newest
//! buckets are returned, and the cursor continues with those before.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::{address, ask, send, span, start};
use crate::support::{Backend, Sdk, SignedIn, stored};

const MINUTE: i64 = 60_000;

/// Number of spans in each batch: a root, and one that started up to two minutes earlier.
const SPANS: u64 = 2;

/// Sends batches at equal distances in the hour before the start of the test. Some have events in two
/// buckets.
async fn an_hour_of(batches: i64, sdk: &Sdk) {
    for batch in 0..batches {
        let at = -1 - batch * 60 * MINUTE / batches;
        let (trace, earlier) = (format!("trace-{batch}"), at - batch % 3 * MINUTE);
        let spans = vec![
            span(&trace, "a", None, at),
            span(&trace, "b", Some("a"), earlier),
        ];
        send(sdk, spans).await;
    }
}

async fn with_limit(limit: usize, shards: usize) -> (SignedIn, Sdk) {
    let backend = Backend::with(&[("METRICS_MAX_SUMMARIES", &limit.to_string())]).await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    let path = format!("/applications/{}", sdk.application_id);
    let settings = json!({ "shards": shards });
    assert_eq!(ada.patch(&path, settings).await.status, 200);
    (ada, sdk)
}

/// Reads all pages of a query. Returns them, and the largest number of calls that one of them took.
async fn pages(ada: &SignedIn, sdk: &Sdk, query: &str) -> (Vec<Value>, usize) {
    let mut pages = Vec::new();
    let mut most = 0;
    let mut cursor = String::new();
    loop {
        ada.backend.calls.take();
        let page = ask(ada, sdk, "metrics", &format!("{query}{cursor}")).await;
        most = most.max(ada.backend.calls.take().len());
        let next = page["nextCursor"].as_str().map(str::to_owned);
        assert_eq!(page["searchedTo"].is_null(), next.is_none());
        if next.is_some() {
            assert_eq!(page["searchedTo"], page["from"]);
        }
        pages.push(page);
        assert!(pages.len() < 100, "no end");
        match next {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (pages, most),
        }
    }
}

/// The counts of all pages by bucket.
fn counts(pages: &[Value]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for bucket in pages
        .iter()
        .flat_map(|page| page["buckets"].as_array().unwrap())
    {
        let start = bucket["startTime"].as_str().unwrap().to_owned();
        *counts.entry(start).or_default() += bucket["count"].as_u64().unwrap();
    }
    counts
}

fn number_of_buckets(pages: &[Value]) -> usize {
    let buckets = pages.iter().map(|page| page["buckets"].as_array().unwrap());
    buckets.map(Vec::len).sum()
}

/// The limits and numbers of batches are in proportion to a limit of 60,000 summaries and to 20, 100 and
/// 400 batches per second.
#[tokio::test]
async fn the_default_hour_is_counted_once_whatever_its_traffic() {
    for (limit, batches, at_least) in [(30, 36, 2), (20, 120, 6), (3, 72, 24)] {
        for shards in [1, 16] {
            let (ada, sdk) = with_limit(limit, shards).await;
            an_hour_of(batches, &sdk).await;
            let (parts, calls) = pages(&ada, &sdk, "").await;
            assert!(parts.len() >= at_least, "{} parts", parts.len());
            assert!(parts.len() <= 2 * at_least + 2, "{} parts", parts.len());
            assert!(calls <= 3 * (1 + shards), "{calls} calls");

            let counted = counts(&parts);
            let all = ada.backend.redeployed(&[]);
            let all = ask(
                &SignedIn {
                    backend: all,
                    ..ada.clone()
                },
                &sdk,
                "metrics",
                "",
            )
            .await;
            let exact = counts(std::slice::from_ref(&all));
            assert!(counted.keys().eq(exact.keys()), "all buckets");
            let total: u64 = exact.values().sum();
            assert!(total > SPANS * batches as u64 - 20, "{total}");
            assert_eq!(counted.values().sum::<u64>(), total, "{limit} {shards}");
            if at_least < 24 {
                // No bucket is divided. An event can only move to the bucket in which a part ends.
                assert_eq!(number_of_buckets(&parts), exact.len());
                let moved: u64 = exact
                    .iter()
                    .map(|(at, count)| count.abs_diff(counted[at]))
                    .sum();
                assert!(
                    moved <= batches as u64 / 10 * parts.len() as u64,
                    "{moved} moved"
                );
            }
        }
    }
}

#[tokio::test]
async fn busy_hours_of_a_long_window_are_counted_once_beside_rollups() {
    let (ada, sdk) = with_limit(40, 1).await;
    an_hour_of(100, &sdk).await;
    for ago in 2..9 {
        let at = -ago * 60 * MINUTE;
        send(&sdk, vec![span(&format!("old-{ago}"), "a", None, at)]).await;
    }
    let ada = {
        // The busy hour is sealed, and has too many batches for a rollup.
        ada.backend.later(3 * 60 * 60);
        ada.backend.sign_in("ada").await
    };
    let query = "&from=2026-01-31T00:00:00Z&to=2026-01-31T15:00:00Z";
    for step in ["", "&step=3600", "&step=86400"] {
        for _ in 0..2 {
            let (parts, _) = pages(&ada, &sdk, &format!("{query}{step}")).await;
            assert!(parts.len() > 1);
            let total: u64 = counts(&parts).values().sum();
            assert_eq!(total, SPANS * 100 + 7, "{step}");
        }
    }
}

#[tokio::test]
async fn a_window_that_ends_within_a_busy_hour_is_counted_once() {
    let (ada, sdk) = with_limit(10, 1).await;
    an_hour_of(120, &sdk).await;
    let query = "&from=2026-01-31T12:00:00Z&to=2026-01-31T12:10:00Z";
    let (parts, _) = pages(&ada, &sdk, query).await;
    let all = ada.backend.redeployed(&[]);
    let all = ask(
        &SignedIn {
            backend: all,
            ..ada.clone()
        },
        &sdk,
        "metrics",
        query,
    )
    .await;
    let (counted, exact) = (counts(&parts), counts(&[all]));
    assert!(counted.keys().eq(exact.keys()));
    assert_eq!(counted.values().sum::<u64>(), exact.values().sum::<u64>());
}

#[tokio::test]
async fn a_cursor_of_metrics_is_not_for_rows_and_not_for_other_lists() {
    let (ada, sdk) = with_limit(10, 1).await;
    an_hour_of(30, &sdk).await;
    let page = ask(&ada, &sdk, "metrics", "").await;
    let cursor = page["nextCursor"].as_str().unwrap();
    for (path, query) in [("metrics", "&by=service"), ("traces", ""), ("logs", "")] {
        let response = ada
            .get(&address(&sdk, path, &format!("{query}&cursor={cursor}")))
            .await;
        response.problem(400, "invalid-fields");
    }
}

/// Such an hour at full size, written into the engine. Prints what it takes. Run by name, because it
/// takes minutes.
#[tokio::test]
#[ignore = "writes 72,000 summaries"]
#[expect(clippy::print_stdout, reason = "figures to read")]
async fn an_hour_of_20_batches_a_second_takes_bounded_calls() {
    let rate = 20;
    let (_, ada, sdk) = start().await;
    for minute in 0..60 {
        let at = -1 - minute * MINUTE;
        send(&sdk, vec![span(&minute.to_string(), "a", None, at)]).await;
    }
    copies(&ada.backend, rate * 60).await;
    let began = std::time::Instant::now();
    let (parts, calls) = pages(&ada, &sdk, "").await;
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} parts, at most {calls} calls, {seconds:.1} s",
        parts.len()
    );
    assert_eq!(counts(&parts).values().sum::<u64>(), rate * 60 * 60);
    assert_eq!(parts.len(), 2);
    assert!(calls <= 98, "{calls} calls");
}

/// Replaces each summary by `number` copies within its minute.
async fn copies(backend: &Backend, number: u64) {
    let items = stored::items(backend).await;
    let summaries = items
        .into_iter()
        .filter(|item| item.contains_key("summary"));
    let table = &backend.database.tables.telemetry;
    let client = &backend.database.client;
    for item in summaries {
        let sk = stored::text(&item, "sk");
        let delete = client.delete_item().table_name(table);
        let delete = delete.key("pk", item["pk"].clone());
        delete.key("sk", item["sk"].clone()).send().await.unwrap();
        let millis: u64 = sk.split_once('#').unwrap().0.parse().unwrap();
        let copy = |n: u64| {
            let mut copy = item.clone();
            let sk = format!(
                "{:013}#{:032x}",
                millis - n * 59_000 / number,
                millis * 1_000_000 + n
            );
            copy.insert("sk".to_owned(), AttributeValue::S(sk));
            let put = PutRequest::builder().set_item(Some(copy)).build().unwrap();
            WriteRequest::builder().put_request(put).build()
        };
        let copies: Vec<WriteRequest> = (0..number).map(copy).collect();
        let writes = copies.chunks(25).map(|some| {
            let request = client.batch_write_item();
            request.request_items(table, some.to_vec()).send()
        });
        let written = stream::iter(writes.collect::<Vec<_>>()).buffer_unordered(8);
        written
            .for_each(async |result| assert!(result.is_ok()))
            .await;
    }
}

//! Telemetry that this release cannot read, because a newer one wrote it or because it is damaged: every
//! response states the hours, and the log states why. Nothing else is lost.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use super::{ask, record, send, send_logs, span, start};
use crate::support::log::Log;
use crate::support::stored::{self, Item};
use crate::support::{Backend, Sdk, SignedIn};

const HOUR: i64 = 60 * 60 * 1000;

/// 09:00 to 13:00, of which the hours until 12:00 are sealed.
const LONG: &str = "&from=2026-01-31T09:00:00Z&to=2026-01-31T13:00:00Z";

/// Sends a trace and a log record for the present hour and each of the two before.
async fn three_hours() -> (Backend, SignedIn, Sdk) {
    let (backend, ada, sdk) = start().await;
    for ago in 0..3 {
        let trace = format!("{ago}-hours-ago");
        send(&sdk, vec![span(&trace, "a", None, -ago * HOUR)]).await;
        send_logs(
            &sdk,
            vec![record("info", &trace, Some(&trace), -ago * HOUR)],
        )
        .await;
    }
    (backend, ada, sdk)
}

/// Stores changed items of the hours from 10:00 to 12:00.
async fn change(backend: &Backend, change: impl Fn(&mut Item)) {
    let table = &backend.database.tables.telemetry;
    for mut item in stored::all(backend).await {
        // Chunks and summaries are sorted by the time of their events.
        if stored::text(&item, "sk") < "1769860800000" {
            change(&mut item);
            let put = backend.database.client.put_item().table_name(table);
            put.set_item(Some(item)).send().await.unwrap();
        }
    }
    backend.calls.take();
}

fn change_bytes(item: &mut Item, name: &str, change: impl Fn(&mut Vec<u8>)) {
    if let Some(AttributeValue::B(bytes)) = item.get(name) {
        let mut bytes = bytes.clone().into_inner();
        change(&mut bytes);
        item.insert(name.to_owned(), AttributeValue::B(Blob::new(bytes)));
    }
}

/// Items as a newer release writes them.
fn newer(item: &mut Item) {
    item.insert("format".to_owned(), AttributeValue::N("4".to_owned()));
    for name in ["events", "summary", "late"] {
        change_bytes(item, name, |bytes| bytes[0] = 4);
    }
}

fn damaged(item: &mut Item) {
    for name in ["events", "summary", "late"] {
        change_bytes(item, name, |bytes| *bytes.last_mut().unwrap() ^= 1);
    }
}

/// Only the chunk is of a newer form, as after an upgrade that came between the two writes.
fn newer_chunk(item: &mut Item) {
    change_bytes(item, "events", |bytes| bytes[0] = 4);
}

/// The responses to five queries of the window.
async fn answers(ada: &SignedIn, sdk: &Sdk) -> [Value; 5] {
    [
        ask(ada, sdk, "traces", LONG).await,
        ask(ada, sdk, "logs", LONG).await,
        ask(ada, sdk, "metrics", LONG).await,
        ask(ada, sdk, "metrics", &format!("{LONG}&signal=logs")).await,
        ask(ada, sdk, "traces/0-hours-ago", LONG).await,
    ]
}

/// The two hours before the present one.
fn gap() -> Value {
    json!([{ "from": "2026-01-31T10:00:00.000Z", "to": "2026-01-31T12:00:00.000Z" }])
}

#[tokio::test]
async fn what_cannot_be_read_is_a_gap_in_the_response_and_an_error_line() {
    for (how, reason) in [
        (
            newer as fn(&mut Item),
            "the stored form 4 is unknown to this release",
        ),
        (damaged, "the stored bytes are damaged"),
    ] {
        let (backend, ada, sdk) = three_hours().await;
        change(&backend, how).await;
        for again in [false, true] {
            let log = Log::capture();
            let [traces, logs, spans, records, trace] = answers(&ada, &sdk).await;
            for answer in [&traces, &logs, &spans, &records] {
                assert_eq!(answer["gaps"], gap(), "{reason}, again: {again}");
            }
            assert_eq!(traces["traces"].as_array().unwrap().len(), 1);
            assert_eq!(logs["logs"].as_array().unwrap().len(), 1);
            assert_eq!(spans["total"]["count"], 1);
            assert_eq!(records["total"]["count"], 1);
            assert_eq!(trace["spanCount"], 1);
            let lines = log.take();
            let errors = lines.iter().filter(|line| line.contains("ERROR"));
            let errors: Vec<_> = errors.filter(|line| line.contains(reason)).collect();
            assert!(
                errors.len() >= 8,
                "two hours in each of four answers: {lines:#?}"
            );
        }
    }
}

#[tokio::test]
async fn a_chunk_that_cannot_be_read_is_a_gap_although_its_summary_can() {
    let (backend, ada, sdk) = three_hours().await;
    change(&backend, newer_chunk).await;
    let [traces, logs, spans, records, _] = answers(&ada, &sdk).await;
    // Log records are in the chunk alone; the rows of traces, and all counts, are in summaries.
    assert_eq!(logs["gaps"], gap());
    for answer in [&traces, &spans, &records] {
        assert_eq!(answer["gaps"], json!([]));
    }
    assert_eq!(spans["total"]["count"], 3);
    assert_eq!(traces["traces"].as_array().unwrap().len(), 3);
    let trace = ask(&ada, &sdk, "traces/0-hours-ago", LONG).await;
    assert_eq!(trace["gaps"], json!([]));
}

/// After the newer release is back, its data is in the metrics: no rollup was stored without it.
#[tokio::test]
async fn hours_that_cannot_be_read_are_not_rolled_up() {
    let (backend, ada, sdk) = three_hours().await;
    let before = stored::all(&backend).await;
    change(&backend, newer).await;
    let [_, _, spans, ..] = answers(&ada, &sdk).await;
    assert_eq!(spans["total"]["count"], 1);
    for item in before {
        let put = backend.database.client.put_item();
        let put = put.table_name(&backend.database.tables.telemetry);
        put.set_item(Some(item)).send().await.unwrap();
    }
    let [traces, _, spans, ..] = answers(&ada, &sdk).await;
    assert_eq!(spans["total"]["count"], 3);
    assert_eq!(spans["gaps"], json!([]));
    assert_eq!(traces["traces"].as_array().unwrap().len(), 3);
}

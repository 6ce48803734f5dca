//! What telemetry can be filtered by.

use serde_json::{Value, json};

use super::{address, all_pages, ask, record, send, send_logs, span, start, with};

/// Largest number of calls of a request, with one shard and with 16.
const MOST: [(u8, usize); 2] = [(1, 39), (16, 99)];

/// Name of an attribute, number of events with it, and its values, each with a number of events.
type Attribute<'a> = (&'a str, u64, Vec<(&'a str, u64)>);

fn attributes(answer: &Value) -> Vec<Attribute<'_>> {
    let attributes = answer["attributes"].as_array().unwrap().iter();
    let count = |counted: &Value| counted["count"].as_u64().unwrap();
    attributes
        .map(|attribute| {
            let values = attribute["values"].as_array().unwrap().iter();
            let values = values.map(|value| (value["value"].as_str().unwrap(), count(value)));
            let name = attribute["name"].as_str().unwrap();
            (name, count(attribute), values.collect())
        })
        .collect()
}

#[tokio::test]
async fn services_operations_and_attributes_are_listed_and_find_the_spans_that_have_them() {
    let (backend, ada, sdk) = start().await;
    let of = |service: &str, fields: Value| with(fields, json!({ "service.name": service }));
    let spans = [
        (
            "t",
            of("shop", json!({ "customer": "ada: 1", "vip": true })),
        ),
        ("u", of("shop", json!({ "customer": "eve", "items": 3 }))),
        ("v", of("pay", json!({ "customer": "eve", "cards": ["a"] }))),
    ];
    let spans = spans.map(|(trace, fields)| with(span(trace, "cart", None, -1_000), fields));
    send(&sdk, spans.into()).await;
    let answer = ask(&ada, &sdk, "fields", "").await;
    let calls = backend.calls.take();
    assert_eq!(calls, ["BatchGetItem", "Query", "Query", "BatchGetItem"]);
    assert_eq!(answer["services"], json!(["shop", "pay"]));
    assert_eq!(answer["operations"], json!(["GET /cart"]));
    assert_eq!(
        attributes(&answer),
        [
            ("customer", 3, vec![("eve", 2), ("ada: 1", 1)]),
            ("service.name", 3, vec![("shop", 2), ("pay", 1)]),
            ("cards", 1, vec![]),
            ("items", 1, vec![("3", 1)]),
            ("vip", 1, vec![("true", 1)]),
        ]
    );
    assert_eq!(answer["attributes"][2]["hasMoreValues"], true);
    let at = "2026-01-31T12:29:59.000Z";
    let sample = json!({ "events": 3, "of": 3, "from": at, "to": at });
    assert_eq!(answer["sample"], sample);
    assert_eq!(
        (&answer["isTruncated"], &answer["searchedTo"]),
        (&json!(false), &Value::Null)
    );
    for (name, _, values) in attributes(&answer) {
        for (value, count) in values {
            let value = value.replace(' ', "%20");
            let query = format!("&attr={name}:{value}");
            let found = all_pages(&ada, &sdk, "traces", &query).await;
            assert_eq!(found.len() as u64, count, "{query}");
        }
    }
    let of_pay = ask(&ada, &sdk, "fields", "&service=pay").await;
    assert_eq!(of_pay["services"], json!(["shop", "pay"]));
    assert_eq!(of_pay["sample"]["events"], 1);
    let names: Vec<_> = attributes(&of_pay)
        .into_iter()
        .map(|(name, ..)| name)
        .collect();
    assert_eq!(names, ["cards", "customer", "service.name"]);
}

#[tokio::test]
async fn fields_are_those_of_the_signal_and_of_the_time_range() {
    let (_, ada, sdk) = start().await;
    let logged = |after_ms, customer: &str| {
        let fields = json!({ "customer": customer, "service.name": "shop" });
        with(record("info", "paid", None, after_ms), fields)
    };
    send_logs(
        &sdk,
        vec![logged(-1_200_000, "old"), logged(-60_000, "new")],
    )
    .await;
    let recent = "&signal=logs&from=2026-01-31T12:20:00Z";
    let answer = ask(&ada, &sdk, "fields", recent).await;
    assert_eq!(
        attributes(&answer),
        [
            ("customer", 1, vec![("new", 1)]),
            ("service.name", 1, vec![("shop", 1)])
        ]
    );
    assert_eq!(answer["services"], json!(["shop"]));
    assert_eq!(answer["operations"], json!([]));
    assert_eq!(
        (&answer["sample"]["events"], &answer["sample"]["of"]),
        (&json!(1), &json!(2))
    );
    let of_traces = ask(&ada, &sdk, "fields", "").await;
    assert_eq!(of_traces["attributes"], json!([]));
    assert_eq!(of_traces["sample"]["from"], Value::Null);
    let response = ada.get(&address(&sdk, "fields", "&signal=spans")).await;
    let problem = response.problem(400, "invalid-fields");
    assert_eq!(problem["errors"][0]["pointer"], "/signal");
}

#[tokio::test]
async fn the_sample_is_spread_over_the_time_range_and_limited() {
    let day = 24 * 60 * 60_000;
    for (shards, most) in MOST {
        let (backend, ada, sdk) = start().await;
        let path = format!("/applications/{}", sdk.application_id);
        ada.patch(&path, json!({ "shards": shards })).await.json();
        for batch in 0..64 {
            let at = -(batch % 5) * day - batch * 1_000;
            send(&sdk, vec![span(&batch.to_string(), "a", None, at)]).await;
        }
        for (window, sampled, of) in [
            ("&from=2026-01-01T00:00:00Z&to=9999-12-30T00:00:00Z", 32, 64),
            ("&from=2026-01-31T00:00:00Z", 13, 13),
            ("&from=2026-01-01T00:00:00Z&to=2026-01-20T00:00:00Z", 0, 0),
        ] {
            let answer = ask(&ada, &sdk, "fields", window).await;
            let calls = backend.calls.take().len();
            assert!(calls <= most, "{window}: {calls} calls, {shards} shards");
            let sample = &answer["sample"];
            if shards > 1 && !answer["searchedTo"].is_null() {
                // Each day takes a query per shard, so this search has stopped before its end.
                assert!(sample["of"].as_u64() <= Some(of), "{answer}");
                continue;
            }
            assert_eq!(answer["searchedTo"], Value::Null);
            assert_eq!(
                (&sample["events"], &sample["of"]),
                (&json!(sampled), &json!(of))
            );
            if sampled == 32 {
                assert_eq!(sample["to"], "2026-01-31T12:30:00.000Z", "the newest");
                assert_eq!(sample["from"], "2026-01-27T12:29:01.000Z", "the oldest");
            }
        }
    }
}

//! What failed or slow traces have in common.

use serde_json::{Value, json};

use super::{address, all_pages, ask, send, span, start, with};

/// The most calls for a response, with one shard and with 16: as many as for fields.
const MOST: [(u8, usize); 2] = [(1, 39), (16, 99)];

/// A span of a service. The status of failed ones is 500.
fn of(service: &str, trace: &str, is_failed: bool, fields: Value) -> Value {
    let status = if is_failed { 500 } else { 200 };
    let shared = json!({ "service.name": service, "responseStatus": status });
    with(with(span(trace, service, None, -1_000), shared), fields)
}

#[tokio::test]
async fn the_customer_of_failed_traces_is_found_also_in_the_batch_of_another_service() {
    let (backend, ada, sdk) = start().await;
    let is_failed = |n: usize| n < 12;
    let customer = |n: usize| {
        let customer = if is_failed(n) || n == 50 {
            "7".into()
        } else {
            n.to_string()
        };
        json!({ "customer": customer, "responseStatus": 200 })
    };
    let shop = (0..100).map(|n| of("shop", &format!("t{n}"), false, customer(n)));
    send(&sdk, shop.collect()).await;
    let pay = (0..100).map(|n| {
        of(
            "pay",
            &format!("t{n}"),
            is_failed(n),
            json!({ "request": n }),
        )
    });
    send(&sdk, pay.collect()).await;
    backend.calls.take();
    let answer = ask(&ada, &sdk, "differences", "").await;
    let calls = backend.calls.take();
    assert_eq!(calls, ["BatchGetItem", "Query", "Query", "BatchGetItem"]);
    let first = json!({
        "field": "attr", "key": "customer", "value": "7", "service": "shop",
        "selected": 12, "selectedOf": 12, "others": 1, "othersOf": 88,
    });
    assert_eq!(answer["values"], json!([first]));
    assert_eq!(
        (&answer["selected"], &answer["others"], &answer["isSmall"]),
        (&json!(12), &json!(88), &json!(false))
    );
    let at = "2026-01-31T12:29:59.000Z";
    let sample = json!({ "events": 200, "of": 200, "from": at, "to": at });
    assert_eq!(answer["sample"], sample);
    assert_eq!(answer["searchedTo"], Value::Null);
    let found = all_pages(&ada, &sdk, "traces", "&status=error&attr=customer:7").await;
    assert_eq!(found.len(), 12, "the filter that the answer names");
    let of_pay = ask(&ada, &sdk, "differences", "&service=pay").await;
    assert_eq!(
        of_pay["values"],
        json!([first]),
        "the customer is not in pay"
    );
    let of_one = ask(&ada, &sdk, "differences", "&attr=customer:50").await;
    assert_eq!(
        (&of_one["selected"], &of_one["isSmall"]),
        (&json!(0), &json!(true))
    );
}

#[tokio::test]
async fn slow_traces_are_compared_with_the_others_of_the_time_range() {
    let (_, ada, sdk) = start().await;
    let spans = (0..40).map(|n| {
        let duration = if n % 4 == 0 { 900 } else { 90 };
        let fields =
            json!({ "durationMs": duration, "table": if n % 4 == 0 { "all" } else { "one" } });
        of("shop", &n.to_string(), n % 4 == 1, fields)
    });
    let mut spans: Vec<Value> = spans.collect();
    let old = json!({ "durationMs": 900, "table": "old" });
    spans.push(with(span("old", "shop", None, -1_200_000), old));
    send(&sdk, spans).await;
    let recent = "&minDurationMs=500&from=2026-01-31T12:20:00Z";
    let answer = ask(&ada, &sdk, "differences", recent).await;
    let values = answer["values"].as_array().unwrap().iter();
    let values: Vec<_> = values
        .map(|value| (&value["key"], &value["value"]))
        .collect();
    assert_eq!(values, [(&json!("table"), &json!("all"))]);
    assert_eq!(
        (&answer["selected"], &answer["others"]),
        (&json!(10), &json!(30))
    );
    assert_eq!(
        (&answer["sample"]["events"], &answer["sample"]["of"]),
        (&json!(40), &json!(41))
    );
    let response = ada
        .get(&address(&sdk, "differences", "&minDurationMs=-1"))
        .await;
    let problem = response.problem(400, "invalid-fields");
    assert_eq!(problem["errors"][0]["pointer"], "/minDurationMs");
}

#[tokio::test]
async fn failures_of_one_batch_among_many_are_in_the_sample_and_calls_are_limited() {
    let day = 24 * 60 * 60_000;
    for (shards, most) in MOST {
        let (backend, ada, sdk) = start().await;
        let path = format!("/applications/{}", sdk.application_id);
        ada.patch(&path, json!({ "shards": shards })).await.json();
        for batch in 0..64_i64 {
            let at = -(batch % 2) * day - batch * 1_000;
            let status = if batch == 11 { 500 } else { 200 };
            let span = span(&batch.to_string(), "a", None, at);
            send(&sdk, vec![with(span, json!({ "responseStatus": status }))]).await;
        }
        for (window, selected, others) in [
            ("&from=2026-01-01T00:00:00Z&to=9999-12-30T00:00:00Z", 1, 31),
            ("&from=2026-01-31T00:00:00Z", 0, 32),
            ("&from=2026-01-01T00:00:00Z&to=2026-01-20T00:00:00Z", 0, 0),
        ] {
            backend.calls.take();
            let answer = ask(&ada, &sdk, "differences", window).await;
            let calls = backend.calls.take().len();
            assert!(calls <= most, "{window}: {calls} calls, {shards} shards");
            assert_eq!(answer["isSmall"], true);
            assert_eq!(answer["values"], json!([]), "one trace is no pattern");
            if answer["searchedTo"].is_null() {
                assert_eq!(
                    (&answer["selected"], &answer["others"]),
                    (&json!(selected), &json!(others)),
                    "{window}"
                );
            }
        }
    }
}

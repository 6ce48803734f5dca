//! Searches by service, name, kind, attribute and words. A search finds the same events as a plain filter
//! over everything that is stored.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::{all_pages, ask, column, record, send, send_logs, span, start, with};
use crate::support::Sdk;

const KINDS: [&str; 2] = ["server", "client"];
const SERVICES: [&str; 2] = ["shop", "pay"];
const NAMES: [&str; 2] = ["GET /cart", "charge"];
const KEYS: [&str; 3] = ["customer", "url.full", "aws:tag"];

/// An attribute value: text, number, Boolean or list. Searches do not find lists.
fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..3_u8).prop_map(|n| json!(format!("ada {n}"))),
        (0..3_u8).prop_map(|n| json!(n)),
        (0..3_u8).prop_map(|n| json!(n.to_string())),
        (0..2_u8).prop_map(|n| json!(f64::from(n) + 0.5)),
        any::<bool>().prop_map(|value| json!(value)),
        Just(json!("x".repeat(200))),
        Just(json!(["ada 1"])),
    ]
}

/// An event of the test, in OTLP's terms.
#[derive(Debug, Clone)]
struct Sent {
    trace: u8,
    service: usize,
    /// `None` for a span in Upblit's own form.
    name: Option<usize>,
    kind: usize,
    after_ms: i64,
    duration_ms: i64,
    attributes: BTreeMap<&'static str, Value>,
}

fn any_sent() -> impl Strategy<Value = Sent> {
    let attributes = prop::collection::btree_map(prop::sample::select(&KEYS), any_value(), 0..3);
    let times = (0..5_000_i64, 0..50_i64);
    let names = prop::option::weighted(0.7, 0..NAMES.len());
    (0..5_u8, 0..2_usize, names, 0..2_usize, times, attributes).prop_map(
        |(trace, service, name, kind, (after_ms, duration_ms), attributes)| Sent {
            trace,
            service,
            name,
            kind,
            after_ms,
            duration_ms,
            attributes,
        },
    )
}

/// Conditions of a search.
#[derive(Debug, Clone, Default)]
struct Asked {
    service: Option<usize>,
    name: Option<String>,
    kind: Option<usize>,
    attributes: Vec<(&'static str, Value)>,
}

fn any_asked() -> impl Strategy<Value = Asked> {
    let name = prop_oneof![
        prop::sample::select(&NAMES).prop_map(str::to_owned),
        (0..4_u8).prop_map(|trace| format!("GET /{trace}-1")),
    ];
    let attribute = (prop::sample::select(&KEYS), any_value());
    (
        prop::option::weighted(0.3, 0..2_usize),
        prop::option::weighted(0.3, name),
        prop::option::weighted(0.3, 0..2_usize),
        prop::collection::vec(attribute, 0..3),
    )
        .prop_map(|(service, name, kind, attributes)| Asked {
            service,
            name,
            kind,
            attributes,
        })
}

impl Asked {
    fn query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        if let Some(service) = self.service {
            query.append_pair("service", SERVICES[service]);
        }
        if let Some(name) = &self.name {
            query.append_pair("name", name);
        }
        if let Some(kind) = self.kind {
            query.append_pair("kind", KINDS[kind]);
        }
        for (key, value) in &self.attributes {
            let value = value.as_str().map_or(value.to_string(), str::to_owned);
            query.append_pair("attr", &format!("{}:{value}", key.replace(':', "\\:")));
        }
        format!("&{}", query.finish())
    }

    fn matches(&self, sent: &Sent, index: usize) -> bool {
        let name = match sent.name {
            Some(name) => NAMES[name].to_owned(),
            None => format!("GET /{}-{index}", sent.trace),
        };
        let kind = sent.name.map(|_| sent.kind);
        let written = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
        self.service.is_none_or(|service| service == sent.service)
            && self.name.as_ref().is_none_or(|asked| *asked == name)
            && self.kind.is_none_or(|asked| Some(asked) == kind)
            && self.attributes.iter().all(|(key, value)| {
                let found = sent.attributes.get(key);
                found.is_some_and(|found| !found.is_array() && written(found) == written(value))
            })
    }
}

fn start_ns(after_ms: i64) -> i64 {
    let start = crate::support::backend::start().as_millisecond() + after_ms;
    start * 1_000_000
}

fn key_value(key: &str, value: &Value) -> Value {
    let value = match value {
        Value::String(text) => json!({ "stringValue": text }),
        Value::Bool(value) => json!({ "boolValue": value }),
        Value::Number(number) if number.is_f64() => json!({ "doubleValue": number }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        list => json!({ "arrayValue": { "values": [{ "stringValue": list[0] }] } }),
    };
    json!({ "key": key, "value": value })
}

impl Sent {
    fn attributes(&self) -> Vec<Value> {
        let attributes = self.attributes.iter();
        attributes
            .map(|(key, value)| key_value(key, value))
            .collect()
    }

    /// The resource, to which the first attribute belongs.
    fn resource(&self) -> Value {
        let mut attributes = self.attributes();
        attributes.truncate(1);
        attributes.push(key_value("service.name", &json!(SERVICES[self.service])));
        json!({ "attributes": attributes })
    }

    fn own_attributes(&self) -> Vec<Value> {
        self.attributes().into_iter().skip(1).collect()
    }

    fn otlp_span(&self, name: usize, index: usize) -> Value {
        let start = start_ns(self.after_ms);
        let span = json!({
            "traceId": format!("{:032x}", self.trace + 1), "spanId": format!("{:016x}", index + 1),
            "parentSpanId": if index == 0 { "" } else { "0000000000000001" },
            "name": NAMES[name], "kind": 2 + self.kind, "startTimeUnixNano": start.to_string(),
            "endTimeUnixNano": (start + self.duration_ms * 1_000_000).to_string(),
            "attributes": self.own_attributes(),
        });
        json!({ "resource": self.resource(), "scopeSpans": [{ "spans": [span] }] })
    }

    fn native_span(&self, index: usize) -> Value {
        let id = format!("{}-{index}", self.trace);
        let trace = format!("{:032x}", self.trace + 1);
        let mut attributes = json!({ "service.name": SERVICES[self.service] });
        for (key, value) in &self.attributes {
            attributes[*key] = value.clone();
        }
        with(span(&trace, &id, Some("p"), self.after_ms), attributes)
    }
}

/// The spans of all batches, each with a number of its own.
fn numbered(batches: &[Vec<Sent>]) -> impl Iterator<Item = (usize, &Sent)> {
    batches.iter().enumerate().flat_map(|(batch, sent)| {
        let first = batch * 100;
        (first..).zip(sent)
    })
}

async fn send_batch(sdk: &Sdk, number: usize, batch: &[Sent]) {
    let indexed = (number * 100..).zip(batch);
    let named = indexed
        .clone()
        .filter_map(|(index, sent)| Some(sent.otlp_span(sent.name?, index)));
    let body = json!({ "resourceSpans": named.collect::<Vec<_>>() }).to_string();
    let headers = [("content-type", "application/json")];
    let sent = sdk.send("/v1/traces", &headers, body.into_bytes()).await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    let unnamed = indexed.filter(|(_, sent)| sent.name.is_none());
    let unnamed: Vec<Value> = unnamed
        .map(|(index, sent)| sent.native_span(index))
        .collect();
    if !unnamed.is_empty() {
        send(sdk, unnamed).await;
    }
}

#[test]
fn a_search_finds_what_a_plain_filter_over_all_spans_would() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = Config {
        cases: 40,
        ..Config::default()
    };
    let batches = prop::collection::vec(prop::collection::vec(any_sent(), 1..8), 1..6);
    let searches = prop::collection::vec((any_asked(), 1..5_u8), 8);
    TestRunner::new(config)
        .run(&(batches, searches), |(batches, searches)| {
            runtime.block_on(async {
                let (_, ada, sdk) = start().await;
                for (number, batch) in batches.iter().enumerate() {
                    send_batch(&sdk, number, batch).await;
                }
                for (asked, limit) in &searches {
                    let query = format!("{}&limit={limit}", asked.query());
                    let rows = all_pages(&ada, &sdk, "traces", &query).await;
                    let found: Vec<&str> = rows
                        .iter()
                        .map(|row| row["traceId"].as_str().unwrap())
                        .collect();
                    let distinct: BTreeSet<String> =
                        found.iter().map(ToString::to_string).collect();
                    assert_eq!(
                        found.len(),
                        distinct.len(),
                        "a trace is listed twice: {asked:?}"
                    );
                    let expected =
                        numbered(&batches).filter(|(index, sent)| asked.matches(sent, *index));
                    let expected: BTreeSet<String> = expected
                        .map(|(_, sent)| format!("{:032x}", sent.trace + 1))
                        .collect();
                    assert_eq!(distinct, expected, "{asked:?}");
                }
            });
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn one_span_must_meet_all_conditions_and_the_row_shows_the_root() {
    let (backend, ada, sdk) = start().await;
    let of =
        |service: &str, customer: &str| json!({ "service.name": service, "customer": customer });
    send(
        &sdk,
        vec![with(span("t", "root", None, 0), of("shop", "eve"))],
    )
    .await;
    send(
        &sdk,
        vec![with(span("t", "charge", Some("root"), 5), of("pay", "ada"))],
    )
    .await;
    send(
        &sdk,
        vec![with(span("u", "root", None, 9), of("shop", "ada"))],
    )
    .await;
    for (query, expected) in [
        ("&service=pay", vec!["t"]),
        ("&service=shop", vec!["u", "t"]),
        ("&service=pay&attr=customer:ada", vec!["t"]),
        ("&service=pay&attr=customer:eve", vec![]),
        ("&attr=customer:ada", vec!["u", "t"]),
        ("&attr=customer:ada&attr=service.name:shop", vec!["u"]),
        ("&name=GET%20/charge", vec!["t"]),
        ("&name=charge", vec![]),
        ("&service=pay&maxDurationMs=10", vec!["t"]),
        ("&service=pay&maxDurationMs=9", vec![]),
        ("&service=pay&status=ok&q=root", vec!["t"]),
        ("&service=pay&q=charge", vec![]),
        ("&service=pay&status=error", vec![]),
        ("&maxDurationMs=10", vec!["u", "t"]),
        ("&maxDurationMs=9.5", vec![]),
        ("&kind=server", vec![]),
    ] {
        let answer = ask(&ada, &sdk, "traces", query).await;
        assert_eq!(column(&answer, "traces", "traceId"), expected, "{query}");
        if expected == ["t"] {
            assert_eq!(answer["traces"][0]["name"], "GET /root", "{query}");
            assert_eq!(answer["traces"][0]["spanCount"], 2, "{query}");
        }
    }
    backend.calls.take();
    ask(&ada, &sdk, "traces", "&attr=customer:nobody").await;
    let calls = backend.calls.take();
    assert_eq!(calls, ["BatchGetItem", "Query", "Query"], "opens no chunk");
}

#[tokio::test]
async fn log_records_are_found_by_service_attribute_and_words_of_message_type_and_service() {
    let (_, ada, sdk) = start().await;
    let of = |message: &str, fields: Value| with(record("info", message, None, 0), fields);
    let shop = json!({ "service.name": "web-shop", "customer": 7, "vip": true });
    send_logs(&sdk, vec![of("Order 12 was paid", shop)]).await;
    let pay = json!({ "service.name": "pay", "customer": "7", "type": "Audit" });
    send_logs(&sdk, vec![of("paid by card", pay)]).await;
    for (query, expected) in [
        ("&service=pay", vec!["paid by card"]),
        ("&service=web", vec![]),
        ("&q=paid", vec!["Order 12 was paid", "paid by card"]),
        ("&q=paid+12", vec!["Order 12 was paid"]),
        ("&q=paid+SHOP", vec!["Order 12 was paid"]),
        ("&q=audit", vec!["paid by card"]),
        ("&q=aud", vec![]),
        (
            "&attr=customer:7",
            vec!["Order 12 was paid", "paid by card"],
        ),
        ("&attr=customer:7&attr=vip:true", vec!["Order 12 was paid"]),
        ("&attr=vip:false", vec![]),
        ("&attr=service.name:pay", vec!["paid by card"]),
    ] {
        let answer = ask(&ada, &sdk, "logs", query).await;
        let mut messages = column(&answer, "logs", "message");
        messages.sort_unstable();
        assert_eq!(messages, expected, "{query}");
    }
}

//! The cost of writing, storing and reading telemetry, by DynamoDB's billing rules. These tests
//! compute the tables of docs/costs.md, and print them if they differ.

mod memory_sizes;
mod prices;
mod reading;
mod searches;
mod worst_day;

use std::collections::BTreeMap;

use prices::{READ_UNIT, Row, WRITE_UNIT};
use serde_json::Value;
use traffic::Traffic;

use crate::support::metered::{self, Meter};
use crate::support::{Response, Sdk, SignedIn, backend, stored};

/// The sizes of a batch as sent and as stored.
struct Stored {
    name: &'static str,
    events: usize,
    /// Bytes of JSON.
    sent: usize,
    /// Size of the chunk as DynamoDB bills it, in bytes.
    chunk: usize,
    summary: usize,
    /// The same events if each were stored as one item.
    as_items: Items,
    /// Dollars for the writes and reads of a request apart from its batch.
    beside: f64,
}

#[derive(Clone, Copy)]
struct Items {
    bytes: usize,
    write_units: usize,
}

impl Stored {
    fn write_units(&self) -> usize {
        write_units(self.chunk) + write_units(self.summary)
    }
}

fn write_units(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

/// Counts only fields and values, no keys: slightly less than real items would take.
fn as_items(batch: &Value) -> Items {
    let events = batch.as_object().unwrap().values().next().unwrap();
    let field = |(name, value): (&String, &Value)| {
        name.len() + value.as_str().map_or(value.to_string().len(), str::len)
    };
    let sizes = events.as_array().unwrap().iter().map(|event| {
        let fields = event.as_object().unwrap().iter();
        fields.map(field).sum::<usize>()
    });
    sizes.fold(
        Items {
            bytes: 0,
            write_units: 0,
        },
        |all, bytes| Items {
            bytes: all.bytes + bytes,
            write_units: all.write_units + write_units(bytes),
        },
    )
}

/// A user with an application, an SDK that sends to it, and the meter of the backend.
async fn start() -> (Meter, SignedIn, Sdk) {
    let (meter, backend) = metered::start().await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    (meter, ada, sdk)
}

/// Traffic with this number of spans in every five seconds, from the start of the test.
fn traffic_of(spans: u32) -> Traffic {
    Traffic::of(spans, backend::start())
}

async fn send(sdk: &Sdk, batch: &Value) -> Response {
    let response = match batch.get("logs") {
        Some(_) => sdk.logs(batch.clone()).await,
        None => sdk.traces(batch.clone()).await,
    };
    assert_eq!(response.json()["rejected"], 0);
    assert_eq!(response.json()["truncated"], 0);
    response
}

/// Sends a batch and returns the sizes of the stored items.
async fn store(name: &'static str, batch: Value) -> Stored {
    let (meter, _, sdk) = start().await;
    meter.take();
    let report = send(&sdk, &batch).await.json();
    let items = stored::items(&sdk.backend).await;
    let size_of = |attribute: &str| {
        let mut found = items.iter().filter(|item| item.contains_key(attribute));
        let size = stored::size(found.next().unwrap());
        assert!(found.next().is_none(), "one chunk, one summary");
        size
    };
    let stored = Stored {
        name,
        events: report["accepted"].as_u64().unwrap() as usize,
        sent: batch.to_string().len(),
        chunk: size_of("events"),
        summary: size_of("summary"),
        as_items: as_items(&batch),
        beside: 0.0,
    };
    let units = meter.take();
    assert_eq!(units.put + units.transaction, stored.write_units() as f64);
    stored
}

async fn spans() -> [Stored; 4] {
    let small = traffic_of(100);
    let full = traffic_of(512);
    [
        store("100 spans", small.clone().spans(100)).await,
        store("100 spans, attributes", small.with_attributes().spans(100)).await,
        store("512 spans", full.clone().spans(512)).await,
        store("512 spans, attributes", full.with_attributes().spans(512)).await,
    ]
}

#[tokio::test]
async fn a_hundred_spans_cost_at_most_eight_write_units_and_six_cents_a_million() {
    let [plain, with_attributes, ..] = spans().await;
    assert_eq!(write_units(plain.summary), 1);
    assert_eq!(write_units(with_attributes.summary), 1);
    assert!(plain.write_units() <= 8, "{} units", plain.write_units());
    let (_, write) = prices::PARTS[0];
    assert!(prices::of_a_million(write, &plain) <= 0.06);
}

#[tokio::test]
async fn the_docs_state_what_a_batch_costs() {
    let beside = beside().await;
    let spans = spans().await.map(|batch| Stored {
        beside: beside.dollars,
        ..batch
    });
    let others = [
        store("100 log records", traffic_of(100).records(100)).await,
        store("10 spans", traffic_of(10).spans(10)).await,
        store("1 span", traffic_of(1).spans(1)).await,
    ];
    assert_documented(&[
        ("batches", sizes(spans.iter().chain(&others))),
        ("requests", beside.table),
        ("parts", dollars(&prices::PARTS, &spans, true)),
        ("ways", dollars(&prices::WAYS, &spans, false)),
        ("products", dollars(&prices::PRODUCTS, &spans, false)),
    ]);
}

/// Writes and reads apart from the batches.
struct Beside {
    /// Dollars for one request.
    dollars: f64,
    table: String,
}

/// Measures an SDK that sends to one instance every five seconds for ten minutes.
async fn beside() -> Beside {
    const REQUESTS: u32 = 120;
    let (meter, _, sdk) = start().await;
    meter.take();
    let mut traffic = traffic_of(100);
    for _ in 0..REQUESTS {
        sdk.backend.later(5);
        send(&sdk, &traffic.spans(100)).await;
    }
    let units = meter.take();
    let requests = f64::from(REQUESTS);
    let written = (units.update + units.transaction) / requests;
    let read = units.read / requests;
    let table = format!(
        "| In addition to each batch | Write units | Read units |\n|---|--:|--:|\n\
         | Key, limits, health | {written:.2} | {read:.2} |\n"
    );
    Beside {
        dollars: written * WRITE_UNIT + read * READ_UNIT,
        table,
    }
}

#[tokio::test]
async fn the_docs_state_what_a_query_costs() {
    let (meter, ada, sdk) = start().await;
    let Middle { span, record } = half_an_hour(&sdk, traffic_of(100)).await;
    let mut ada = ada.backend.sign_in("ada").await;
    let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
    let trace = text(&span, "traceId");
    let at = text(&span, "timestamp");
    let logged = text(&record, "traceId");
    let questions = [
        ("The 50 newest traces", "traces", String::new()),
        ("50 failed traces", "traces", "&status=error".into()),
        (
            "One trace, with `at`",
            &format!("traces/{trace}"),
            format!("&at={at}"),
        ),
        (
            "One trace, without `at`",
            &format!("traces/{trace}"),
            String::new(),
        ),
        ("The 50 newest log records", "logs", String::new()),
        ("Logs of one trace", "logs", format!("&traceId={logged}")),
        ("Fields to filter traces by", "fields", String::new()),
        (
            "What is different about failed traces",
            "differences",
            String::new(),
        ),
        ("Requests by operation", "metrics", "&by=operation".into()),
        ("Metrics of the half hour", "metrics", String::new()),
    ];
    let questions_of_now = questions.len();
    let mut table =
        String::from("| Query | Read units | Charged | $ for 1,000 |\n|---|--:|--:|--:|\n");
    let mut charges = BTreeMap::new();
    let mut left = reading::quota_of_a_reader();
    let hour = "&from=2026-01-31T12:00:00Z&to=2026-01-31T13:00:00Z";
    let sealed = [
        (
            "The same when the hour is sealed, first query",
            "metrics",
            hour.into(),
        ),
        ("The same, later queries", "metrics", hour.into()),
    ];
    for (index, (question, path, query)) in questions.into_iter().chain(sealed).enumerate() {
        if index == questions_of_now {
            sdk.backend.later(20 * 60);
            ada = ada.backend.sign_in("ada").await;
        }
        let address = format!(
            "/telemetry/{path}?applicationId={}{query}",
            sdk.application_id
        );
        meter.take();
        let response = ada.get(&address).await;
        assert_eq!(response.status, 200);
        let units = meter.take().read;
        let dollars = units * READ_UNIT * 1_000.0;
        let left_before = std::mem::replace(&mut left, reading::left(&response));
        let charged = left_before - left;
        charges.insert(question, charged);
        table += &format!("| {question} | {units} | {charged} | {dollars:.4} |\n");
    }
    assert_documented(&[
        ("questions", table),
        ("days of reading", reading::days(&charges)),
    ]);
}

/// Values from the middle of the half hour.
#[derive(Default)]
struct Middle {
    span: Value,
    record: Value,
}

/// Sends 100 spans and 20 log records every five seconds for half an hour.
async fn half_an_hour(sdk: &Sdk, mut spans: Traffic) -> Middle {
    const BATCHES: usize = 360;
    let mut records = traffic_of(20);
    let mut middle = Middle::default();
    for number in 0..BATCHES {
        sdk.backend.later(5);
        let spans = spans.spans(100);
        let records = records.records(20);
        send(sdk, &spans).await;
        send(sdk, &records).await;
        if number == BATCHES / 2 {
            middle.span = spans["traces"][50].clone();
            middle.record = records["logs"][10].clone();
        }
    }
    middle
}

fn sizes<'a>(batches: impl Iterator<Item = &'a Stored>) -> String {
    let mut table = String::from(
        "| Batch | JSON, bytes | Chunk | Summary | Write units | $ for a million |\n\
         |---|--:|--:|--:|--:|--:|\n",
    );
    let (_, write) = prices::PARTS[0];
    for batch in batches {
        table += &format!(
            "| {} | {} | {} | {} | {} + {} | {:.3} |\n",
            batch.name,
            batch.sent,
            batch.chunk,
            batch.summary,
            write_units(batch.chunk),
            write_units(batch.summary),
            prices::of_a_million(write, batch),
        );
    }
    table
}

/// A table of dollars for a million spans, with one row per price and one column per batch.
fn dollars(rows: &[Row], batches: &[Stored], has_sum: bool) -> String {
    let names = batches.iter().map(|batch| batch.name).collect::<Vec<_>>();
    let mut table = format!(
        "| $ for a million spans | {} |\n|---|{}\n",
        names.join(" | "),
        "--:|".repeat(names.len()),
    );
    let mut row = |name: &str, price: &dyn Fn(&Stored) -> f64| {
        let cells = batches.iter().map(|batch| format!("{:.3}", price(batch)));
        let cells = cells.collect::<Vec<_>>().join(" | ");
        table += &format!("| {name} | {cells} |\n");
    };
    for (name, price) in rows {
        row(name, &|batch| prices::of_a_million(*price, batch));
    }
    if has_sum {
        let of = |batch: &Stored, (_, price): &Row| prices::of_a_million(*price, batch);
        row("**Total**", &|batch| {
            rows.iter().map(|row| of(batch, row)).sum()
        });
    }
    table
}

/// Expects these tables in docs/costs.md.
#[track_caller]
fn assert_documented(tables: &[(&str, String)]) {
    let docs = include_str!("../../docs/costs.md");
    let marked = |(name, table): &(&str, String)| {
        format!("<!-- {name}: made by tests/flows/costs.rs -->\n\n{table}\n")
    };
    let missing = tables
        .iter()
        .map(marked)
        .filter(|table| !docs.contains(table));
    let missing = missing.collect::<String>();
    assert!(
        missing.is_empty(),
        "docs/costs.md should have:\n\n{missing}"
    );
}

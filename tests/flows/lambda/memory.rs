//! Memory and CPU time that the worst inputs take, measured in the function's process. Lambda ends a
//! process that takes more memory than `MemorySize`.

mod bodies;
mod collector;
mod orders;
mod reads;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::Value;

use super::deployment::Deployment;
use super::function::{Function, binary};
use crate::events::event;
use crate::template::{functions, template};
use bodies::{Kind, bodies, ordinary, ordinary_large};
use shared::telemetry::inflate::MAX_INFLATED_BYTES;

/// The largest part of `MemorySize` that a request may take, in percent.
const MOST: u64 = 60;

/// The part of that which the worst bodies must leave free, in percent: what an allocator keeps depends
/// on the order of requests, and not all orders can be tried.
const MARGIN: u64 = 10;

/// How many times the CPU time of ordinary events a body of the same encoding and size may take.
const MOST_TIMES: f64 = 3.0;

/// Size of bodies of ordinary events that are always stored. The worst bodies are up to four times as
/// large, so CPU time is compared per byte: that of ordinary events grows with their size. Ordinary
/// events with a text of 16 KB each are stored even in a body of the largest size, so they are sent as
/// well. The comparison uses the larger CPU time per byte of the two.
const ORDINARY_BYTES: usize = 16 << 20;

/// Quotas, which are raised so that all bodies together do not reach them.
const QUOTAS: [&str; 3] = [
    "RATE_LIMIT_REQUESTS",
    "RATE_LIMIT_EVENTS",
    "RATE_LIMIT_UNITS",
];

/// The largest memory that a request to a function may take, in kB.
fn most_memory(function: &str) -> u64 {
    property(function, "MemorySize") * 1024 * MOST / 100
}

/// A numeric property of a function in `template.yaml`.
fn property(function: &str, name: &str) -> u64 {
    let template = template();
    let functions = functions(&template);
    let (_, resource) = functions
        .iter()
        .find(|(candidate, _)| *candidate == function)
        .unwrap();
    resource["Properties"][name].as_u64().unwrap()
}

/// Starts an instance of ingest that takes any number of events.
async fn ingest(deployment: &Deployment) -> Function {
    let mut settings = deployment.settings("ingest");
    settings.extend(QUOTAS.map(|name| (name.to_owned(), "1000000000".to_owned())));
    Function::start("ingest", &settings).await
}

/// The event that sends a body, compressed.
fn sending(kind: Kind, content: &[u8], key: &str) -> Value {
    let template = match kind {
        Kind::NativeTraces => "ingest/traces",
        Kind::NativeLogs => "ingest/logs",
        Kind::JsonTraces => "ingest/otlp_traces_json",
        Kind::JsonLogs => "ingest/otlp_logs_json",
        Kind::ProtobufTraces => "ingest/otlp_traces",
        Kind::ProtobufLogs => "ingest/otlp_logs",
    };
    let mut event = event(template);
    let compressed = zstd::bulk::compress(content, 1).unwrap();
    event["body"] = STANDARD.encode(compressed).into();
    event["isBase64Encoded"] = true.into();
    event["headers"]["content-encoding"] = "zstd".into();
    event["headers"]["x-api-key"] = key.into();
    event
}

/// What a body took.
struct Taken {
    status: StatusCode,
    peak_kb: u64,
    cpu: Duration,
    /// CPU time per byte of the body, in seconds.
    by_byte: f64,
}

impl Taken {
    /// Sends a body, and waits until the function asks for the next event. `bytes` is its size
    /// decompressed.
    async fn by(ingest: &Function, event: &Value, bytes: usize) -> Self {
        ingest.reset_peak();
        let before = ingest.cpu();
        let status = ingest.answer(event).await.status;
        ingest.api.polled().await;
        let cpu = ingest.cpu() - before;
        Self {
            status,
            peak_kb: ingest.peak_kb(),
            cpu,
            by_byte: cpu.as_secs_f64() / bytes as f64,
        }
    }

    /// A line of the table.
    fn line(&self, sent: &Sent, times: f64) -> String {
        format!(
            "| {} | {:?} | {} | {} | {} | {times:.2} |",
            sent.name,
            sent.kind,
            self.status.as_u16(),
            self.peak_kb / 1024,
            self.cpu.as_millis()
        )
    }
}

/// A body, ready to be sent.
struct Sent {
    name: String,
    kind: Kind,
    event: Value,
    /// Its size decompressed.
    bytes: usize,
}

impl Sent {
    fn new(name: impl Into<String>, kind: Kind, content: &[u8], key: &str) -> Self {
        Self {
            name: name.into(),
            kind,
            event: sending(kind, content, key),
            bytes: content.len(),
        }
    }

    /// Ordinary events of each encoding in this many bytes.
    fn ordinary(bytes: usize, key: &str) -> impl Iterator<Item = Self> {
        let of = move |kind| Self::new("ordinary events", kind, &ordinary(kind, bytes), key);
        Kind::ALL.into_iter().map(of)
    }

    /// Ordinary events with long texts, as large as a body may be.
    fn ordinary_large(key: &str) -> impl Iterator<Item = Self> {
        let content = |kind| ordinary_large(kind, MAX_INFLATED_BYTES - (64 << 10));
        let of = move |kind| Self::new("ordinary events of 16 KB", kind, &content(kind), key);
        Kind::ALL.into_iter().map(of)
    }
}

/// Sends ordinary events to a new instance. Returns their CPU time per byte for each encoding, in
/// seconds.
#[expect(clippy::print_stdout, reason = "a table to read")]
async fn usual(ingest: &Function, is_release: bool, key: &str) -> BTreeMap<Kind, f64> {
    // The first request of a kind also pays for what is done once.
    for sent in Sent::ordinary(1 << 10, key) {
        Taken::by(ingest, &sent.event, sent.bytes).await;
    }
    let sent: Vec<Sent> = if is_release {
        let large = Sent::ordinary_large(key);
        Sent::ordinary(ORDINARY_BYTES, key).chain(large).collect()
    } else {
        Sent::ordinary(1 << 16, key).collect()
    };
    let mut usual = BTreeMap::new();
    for sent in sent {
        let taken = Taken::by(ingest, &sent.event, sent.bytes).await;
        println!("{}", taken.line(&sent, 1.0));
        assert_eq!(taken.status, 200, "{} {:?}", sent.name, sent.kind);
        let most = usual.entry(sent.kind).or_insert(taken.by_byte);
        *most = taken.by_byte.max(*most);
    }
    usual
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "a table to read")]
async fn no_body_takes_more_than_its_share_of_the_memory_and_cpu_time_of_ingest() {
    let deployment = Deployment::start().await;
    let key = deployment.backend.sign_in("ada").await.sdk().await.key;
    // A debug build takes ten minutes for all of them, and has other ratios.
    let is_release = binary("ingest").ends_with("bootstrap");
    println!(
        "| Body | Encoding | Status | Peak, MB | CPU, ms | Times |\n|---|---|--:|--:|--:|--:|"
    );
    // One instance gets all bodies, because memory that was freed stays with the process.
    let ingest = ingest(&deployment).await;
    let usual = usual(&ingest, is_release, &key).await;
    let most = most_memory("ingest") * (100 - MARGIN) / 100;
    let mut failures = Vec::new();
    let mut sent_before = Vec::new();
    for body in bodies().filter(|body| is_release || body.is_quick) {
        let sent = Sent::new(body.name, body.kind, &(body.content)(), &key);
        let taken = Taken::by(&ingest, &sent.event, sent.bytes).await;
        let times = taken.by_byte / usual[&body.kind];
        let line = taken.line(&sent, times);
        println!("{line}");
        if taken.peak_kb > most || (is_release && times > MOST_TIMES) {
            failures.push(line);
        }
        sent_before.push((taken.peak_kb, sent));
    }
    if is_release {
        sent_before.extend(Sent::ordinary(ORDINARY_BYTES, &key).map(|sent| (0, sent)));
        failures.extend(orders::too_large(&ingest, sent_before, most).await);
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

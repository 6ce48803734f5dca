//! What the worst inputs take of a function, measured at its process: memory, of which Lambda ends a
//! process that takes more than `MemorySize`, and CPU time.

mod bodies;
mod collector;
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
use bodies::{BODIES, Kind, ordinary};

/// The largest part of `MemorySize` that a request may take, in percent.
const MOST: u64 = 60;

/// How many times the CPU time of ordinary events a body of the same encoding and size may take.
const MOST_TIMES: f64 = 3.0;

/// Size of bodies of ordinary events that are stored in any case. The worst bodies have up to four
/// times as much, and are compared by the byte: the CPU time of ordinary events grows with their size.
const ORDINARY_BYTES: usize = 16 << 20;

/// Quotas that all bodies together do not reach.
const QUOTAS: [&str; 3] = [
    "RATE_LIMIT_REQUESTS",
    "RATE_LIMIT_EVENTS",
    "RATE_LIMIT_UNITS",
];

/// The largest memory that a request to a function may take, in kB.
fn most_memory(function: &str) -> u64 {
    property(function, "MemorySize") * 1024 * MOST / 100
}

/// A number of a function in `template.yaml`.
fn property(function: &str, name: &str) -> u64 {
    let template = template();
    let functions = functions(&template);
    let (_, resource) = functions
        .iter()
        .find(|(each, _)| *each == function)
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
    /// CPU time by the byte of the body, in seconds.
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
    fn line(&self, name: &str, kind: Kind, times: f64) -> String {
        format!(
            "| {name} | {kind:?} | {} | {} | {} | {times:.2} |",
            self.status.as_u16(),
            self.peak_kb / 1024,
            self.cpu.as_millis()
        )
    }
}

/// CPU time that ordinary events of each encoding take by the byte, in seconds.
#[expect(clippy::print_stdout, reason = "a table to read")]
async fn usual(deployment: &Deployment, key: &str, bytes: usize) -> BTreeMap<Kind, f64> {
    let ingest = ingest(deployment).await;
    let mut usual = BTreeMap::new();
    for kind in Kind::ALL {
        // The first request of a kind also pays for what is done once.
        for bytes in [1 << 10, bytes] {
            let content = ordinary(kind, bytes);
            let event = sending(kind, &content, key);
            let taken = Taken::by(&ingest, &event, content.len()).await;
            assert_eq!(taken.status, 200, "{kind:?}");
            println!("{}", taken.line("ordinary events", kind, 1.0));
            usual.insert(kind, taken.by_byte);
        }
    }
    usual
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "a table to read")]
async fn no_body_takes_more_than_its_share_of_the_memory_and_cpu_time_of_ingest() {
    let deployment = Deployment::start().await;
    let key = deployment.backend.sign_in("ada").await.sdk().await.key;
    // A debug build takes ten minutes for all of them, and the ratios are others.
    let is_release = binary("ingest").ends_with("bootstrap");
    let bytes = if is_release { ORDINARY_BYTES } else { 1 << 16 };
    println!(
        "| Body | Encoding | Status | Peak, MB | CPU, ms | Times |\n|---|---|--:|--:|--:|--:|"
    );
    let usual = usual(&deployment, &key, bytes).await;
    // One instance gets all bodies, because memory that was freed stays with the process.
    let ingest = ingest(&deployment).await;
    let most = most_memory("ingest");
    let mut failures = Vec::new();
    for body in BODIES.iter().filter(|body| is_release || body.is_quick) {
        let content = (body.content)();
        let event = sending(body.kind, &content, &key);
        let taken = Taken::by(&ingest, &event, content.len()).await;
        let times = taken.by_byte / usual[&body.kind];
        let line = taken.line(body.name, body.kind, times);
        println!("{line}");
        if taken.peak_kb > most || (is_release && times > MOST_TIMES) {
            failures.push(line);
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

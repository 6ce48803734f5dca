//! The largest memory of a function for the worst inputs, measured at its process. Lambda ends a
//! process that takes more than `MemorySize`, so no request may come close to it.

mod bodies;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::deployment::Deployment;
use super::function::binary;
use crate::events::{event, filled, values};
use crate::template::{functions, template};
use bodies::{BODIES, Body, Kind};

/// The largest part of `MemorySize` that a request may take, in percent.
const MOST: u64 = 60;

/// `MemorySize` of a function in `template.yaml`, in kB.
fn memory_size(function: &str) -> u64 {
    let template = template();
    let functions = functions(&template);
    let (_, resource) = functions
        .iter()
        .find(|(name, _)| *name == function)
        .unwrap();
    resource["Properties"]["MemorySize"].as_u64().unwrap() * 1024
}

/// The event that sends a body, compressed.
fn sending(body: &Body, key: &str) -> Value {
    let template = match body.kind {
        Kind::NativeTraces => "ingest/traces",
        Kind::NativeLogs => "ingest/logs",
        Kind::JsonTraces => "ingest/otlp_traces_json",
        Kind::JsonLogs => "ingest/otlp_logs_json",
        Kind::ProtobufTraces => "ingest/otlp_traces",
        Kind::ProtobufLogs => "ingest/otlp_logs",
    };
    let mut event = event(template);
    let compressed = zstd::bulk::compress(&(body.content)(), 1).unwrap();
    event["body"] = STANDARD.encode(compressed).into();
    event["isBase64Encoded"] = true.into();
    event["headers"]["content-encoding"] = "zstd".into();
    event["headers"]["x-api-key"] = key.into();
    event
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "a table to read")]
async fn no_body_takes_more_than_its_share_of_the_memory_of_ingest() {
    let deployment = Deployment::start().await;
    let honest = event("ingest/traces");
    let values = values(&deployment.backend, "ada", &honest).await;
    let key = filled(&json!("{{API_KEY}}"), &values);
    // One instance gets all bodies, because memory that was freed stays with the process.
    let ingest = deployment.function("ingest").await;
    let answer = ingest.answer(&filled(&honest, &values)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let most = memory_size("ingest") * MOST / 100;
    // A debug build takes ten minutes for all of them.
    let is_release = binary("ingest").ends_with("bootstrap");
    println!("| Body | Status | Peak, MB |\n|---|--:|--:|");
    let mut failures = Vec::new();
    for body in BODIES.iter().filter(|body| is_release || body.is_quick) {
        ingest.reset_peak();
        let answer = ingest.answer(&sending(body, key.as_str().unwrap())).await;
        let peak = ingest.peak_kb();
        let line = format!("| {} | {} | {} |", body.name, answer.status, peak / 1024);
        println!("{line}");
        if peak > most {
            failures.push(line);
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

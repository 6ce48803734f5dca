//! A batch has no limit on the number of its events: what clients collect during an outage or in a large
//! batch is stored whole, and a batch that is too large is refused with a reason.

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;
use serde_json::{Value, json};

use crate::otlp::exporter::{Compression, Encoding, Exporter, LOGS};
use crate::support::faulty_engine::{Fault, FaultyEngine};
use crate::support::{Backend, stored};

/// Records in a batch of the Collector's batch processor by default, and their size in bytes.
const COLLECTED: usize = 8_192;
const RECORD: usize = 2_048;

/// Spans a second of the buffering client, and how long it cannot send them.
const RATE: usize = 100;
const OUTAGE_SECONDS: usize = 120;

#[tokio::test]
async fn what_a_client_buffers_in_an_outage_is_stored_once_within_two_flushes() {
    let (engine, backend) = FaultyEngine::start().await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    let buffered = sdk.batch(RATE * OUTAGE_SECONDS);
    engine.fail("PutItem", Fault::Broken, 1, usize::MAX);
    sdk.traces(buffered.clone())
        .await
        .problem(503, "unavailable");
    engine.heal();
    for _ in 0..2 {
        // The client does not see the first response, and sends the same buffer again.
        let report = sdk.traces(buffered.clone()).await;
        assert_eq!(report.json()["accepted"], RATE * OUTAGE_SECONDS);
        let items = stored::items(&backend).await;
        assert_eq!(stored::events(&items), RATE * OUTAGE_SECONDS);
    }
}

/// A log record as programs write them: a line of some words and numbers.
fn record(index: usize, time_unix_nano: u64) -> LogRecord {
    let mut message = format!("request {index} of user {} failed:", index * 7_919 % 10_007);
    let mut word = index as u64;
    while message.len() < RECORD {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        message.push_str(
            [
                " timeout",
                " retry",
                " upstream",
                " 10.0.0.",
                " cart",
                " eu-1",
            ][(word >> 60) as usize % 6],
        );
        message.push_str(&(word >> 58).to_string());
    }
    LogRecord {
        time_unix_nano,
        severity_number: 17,
        body: Some(AnyValue {
            value: Some(Any::StringValue(message)),
        }),
        ..LogRecord::default()
    }
}

/// The records of a full batch of the Collector.
fn collected(time_unix_nano: u64) -> Vec<u8> {
    let log_records = (0..COLLECTED).map(|index| record(index, time_unix_nano));
    let scope_logs = ScopeLogs {
        log_records: log_records.collect(),
        ..ScopeLogs::default()
    };
    let resource_logs = ResourceLogs {
        scope_logs: vec![scope_logs],
        ..ResourceLogs::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![resource_logs],
    }
    .encode_to_vec()
}

#[tokio::test]
async fn a_full_batch_of_the_collector_is_stored_whole() {
    let backend = Backend::start().await;
    let exporter = Exporter::new(backend.sign_in("ada").await.sdk().await);
    let now = u64::try_from(backend.clock.now().as_nanosecond()).unwrap();
    let body = collected(now);
    assert!(body.len() > 16 << 20, "{}", body.len());
    let answer = exporter
        .send(LOGS, Encoding::Protobuf, Compression::Gzip, body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = ExportLogsServiceResponse::decode(&*answer.body).unwrap();
    assert_eq!(answer.partial_success, None);
    assert_eq!(stored::events(&stored::items(&backend).await), COLLECTED);
}

#[tokio::test]
async fn a_batch_that_does_not_fit_is_refused_with_what_to_do() {
    let backend = Backend::start().await;
    let sdk = backend.sign_in("ada").await.sdk().await;
    let spans: Vec<Value> = (0..2).map(|index| sdk.span(index)).collect();
    let small = json!({ "traces": spans }).to_string();
    let nothing = "{},".repeat(1 << 20);
    let many = small.replacen('[', &format!("[{nothing}"), 1);
    for (inflated, limit) in [
        (
            small.clone() + &" ".repeat(64 << 20),
            "64 MiB after decompression",
        ),
        (many, "160 MiB of memory once it is decoded"),
    ] {
        let body = zstd::encode_all(inflated.as_bytes(), 1).unwrap();
        let headers = [("content-encoding", "zstd")];
        let refused = sdk.send("/ingest/traces", &headers, body).await;
        let detail = refused.problem(413, "too-large")["detail"].to_string();
        assert!(
            detail.contains(limit) && detail.contains("send smaller batches"),
            "{detail}"
        );
    }
    let plain = small + &" ".repeat(6 << 20);
    let refused = sdk.send("/ingest/traces", &[], plain.into_bytes()).await;
    let detail = refused.problem(413, "too-large")["detail"].to_string();
    assert!(detail.contains("6 MiB uncompressed"), "{detail}");
}

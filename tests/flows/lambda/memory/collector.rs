//! The default batch of an OpenTelemetry Collector: 8,192 log records, here of 2 KB each, with gzip.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::deployment::Deployment;
use super::super::function::binary;
use super::bodies::{Kind, collector_batch};
use super::{Taken, ingest, property, sending};

/// `MemorySize` with which a function has one CPU, in MB.
const OF_ONE_CPU: f64 = 1769.0;

/// The part of the time limit that the CPU time of a batch may take: writing it to the table and
/// receiving it take time as well.
const MOST: f64 = 0.5;

#[tokio::test]
#[expect(clippy::print_stdout, reason = "a table to read")]
async fn the_default_batch_of_a_collector_is_stored_within_the_time_limit() {
    if !binary("ingest").ends_with("bootstrap") {
        return;
    }
    let deployment = Deployment::start().await;
    let key = deployment.backend.sign_in("ada").await.sdk().await.key;
    let ingest = ingest(&deployment).await;
    let cpus = property("ingest", "MemorySize") as f64 / OF_ONE_CPU;
    let limit = property("ingest", "Timeout") as f64;
    println!("| Encoding | Bytes | gzip | CPU, ms | in Lambda, s |\n|---|--:|--:|--:|--:|");
    for kind in [Kind::ProtobufLogs, Kind::JsonLogs] {
        let content = collector_batch(kind);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&content).unwrap();
        let gzip = gzip.finish().unwrap();
        let mut event = sending(kind, &content, &key);
        event["headers"]["content-encoding"] = "gzip".into();
        event["body"] = STANDARD.encode(&gzip).into();
        let taken = Taken::by(&ingest, &event, content.len()).await;
        assert_eq!(taken.status, 200, "{kind:?}");
        let seconds = taken.cpu.as_secs_f64() / cpus;
        println!(
            "| {kind:?} | {} | {} | {} | {seconds:.1} |",
            content.len(),
            gzip.len(),
            taken.cpu.as_millis()
        );
        assert!(seconds < limit * MOST, "{kind:?}: {seconds} s");
    }
}

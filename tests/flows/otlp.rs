//! OTLP: an exporter needs only the address and the key. Both encodings work, and every response
//! uses the encoding of its request.

mod errors;
pub mod exporter;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::{Value, json};

use crate::support::{Backend, Sdk, SignedIn, stored};
use exporter::{Compression, Encoding, Exporter, LOGS, METRICS, TRACES};

async fn start() -> (Backend, SignedIn, Exporter) {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let exporter = Exporter::new(ada.sdk().await);
    (backend, ada, exporter)
}

const ENCODINGS: [Encoding; 2] = [Encoding::Protobuf, Encoding::Json];

/// Number of stored events according to the chunk summaries.
async fn count(backend: &Backend) -> usize {
    stored::events(&stored::items(backend).await)
}

async fn ask(ada: &SignedIn, exporter: &Exporter, path: &str) -> Value {
    let application_id = &exporter.sdk.application_id;
    let question = format!("/telemetry/{path}?applicationId={application_id}");
    ada.get(&question).await.json()
}

#[tokio::test]
async fn every_encoding_and_compression_is_accepted_and_answered_in_kind() {
    for encoding in ENCODINGS {
        let (backend, _, exporter) = start().await;
        let mut first = None;
        for compression in Compression::ALL {
            let body = exporter.spans(encoding, 3, |_, _| ());
            let response = exporter.send(TRACES, encoding, compression, body).await;
            assert_eq!(response.status, 200, "{encoding:?} {compression:?}");
            assert_eq!(response.header("content-type"), encoding.media_type());
            assert_eq!(response.body, encoding.nothing(), "full success is unset");
            assert!(response.header("ratelimit").contains("requests"));
            let items = stored::items(&backend).await;
            assert_eq!(first.get_or_insert_with(|| items.clone()), &items);
        }
        assert_eq!(count(&backend).await, 3);
    }
}

#[tokio::test]
async fn a_batch_costs_two_writes_once_its_key_is_known() {
    let (backend, _, exporter) = start().await;
    for encoding in ENCODINGS {
        backend.later(60);
        let empty = exporter.spans(encoding, 0, |_, _| ());
        exporter.export(TRACES, encoding, empty).await;
        backend.calls.take();
        let body = exporter.spans(encoding, 100, |_, _| ());
        exporter.export(TRACES, encoding, body).await;
        let calls = backend.calls.take();
        let writes = calls.iter().filter(|call| *call == "PutItem").count();
        assert_eq!(writes, 2, "{calls:?}");
    }
}

#[tokio::test]
async fn one_bad_span_of_a_hundred_is_rejected_alone_and_named() {
    for encoding in ENCODINGS {
        let (backend, _, exporter) = start().await;
        let body = exporter.spans(encoding, 100, |index, span| {
            if index == 41 {
                span.trace_id = vec![1; 3];
            }
        });
        let response = exporter.export(TRACES, encoding, body).await;
        let message = "/resourceSpans/0/scopeSpans/0/spans/41/traceId must be 16 bytes";
        match encoding {
            Encoding::Json => {
                let partial = json!({ "rejectedSpans": "1", "errorMessage": message });
                assert_eq!(response.json(), json!({ "partialSuccess": partial }));
            }
            Encoding::Protobuf => {
                let answer = ExportTraceServiceResponse::decode(&*response.body).unwrap();
                let partial = ExportTracePartialSuccess {
                    rejected_spans: 1,
                    error_message: message.to_owned(),
                };
                assert_eq!(answer.partial_success, Some(partial));
            }
        }
        assert_eq!(count(&backend).await, 99);
    }
}

#[tokio::test]
async fn spans_outside_the_window_are_reported() {
    let (backend, _, exporter) = start().await;
    let body = exporter.spans(Encoding::Json, 3, |index, span| {
        let day = 24 * 60 * 60 * 1_000_000_000;
        match index {
            0 => (span.start_time_unix_nano, span.end_time_unix_nano) = (day, day),
            1 => span.start_time_unix_nano += day,
            _ => {}
        }
        span.end_time_unix_nano = span.end_time_unix_nano.max(span.start_time_unix_nano);
    });
    let response = exporter.export(TRACES, Encoding::Json, body).await.json();
    let partial = &response["partialSuccess"];
    assert_eq!(partial["rejectedSpans"], "2");
    let message = partial["errorMessage"].as_str().unwrap();
    assert!(
        message.contains("/spans/0/startTimeUnixNano older than 7 days"),
        "{message}"
    );
    assert!(
        message.contains("/spans/1/startTimeUnixNano more than 5 minutes ahead"),
        "{message}"
    );
    assert_eq!(count(&backend).await, 1);
}

#[tokio::test]
async fn an_empty_request_is_accepted() {
    let (backend, _, exporter) = start().await;
    for (encoding, body) in [
        (Encoding::Protobuf, &b""[..]),
        (Encoding::Json, b"{}"),
        (Encoding::Json, br#"{"resourceSpans":[]}"#),
    ] {
        for compression in Compression::ALL {
            let response = exporter
                .send(TRACES, encoding, compression, body.to_vec())
                .await;
            assert_eq!(
                (response.status.as_u16(), response.body),
                (200, encoding.nothing())
            );
        }
    }
    assert!(stored::items(&backend).await.is_empty());
}

#[tokio::test]
async fn the_same_bytes_are_stored_once() {
    for encoding in ENCODINGS {
        let (backend, _, exporter) = start().await;
        let spans = exporter.spans(encoding, 10, |_, _| ());
        let logs = exporter.logs(encoding, 10);
        for _ in 0..5 {
            exporter.export(TRACES, encoding, spans.clone()).await;
            exporter.export(LOGS, encoding, logs.clone()).await;
            backend.later(1);
        }
        let cold = exporter.on(backend.another_instance());
        let sends = (0..5).map(|_| cold.export(TRACES, encoding, spans.clone()));
        futures_util::future::join_all(sends).await;
        assert_eq!(count(&backend).await, 20);
        assert_eq!(
            stored::items(&backend).await.len(),
            4,
            "a chunk and a summary each"
        );
    }
}

#[tokio::test]
async fn telemetry_of_an_exporter_is_read_back_beside_upblits_own() {
    for encoding in ENCODINGS {
        let (_, ada, exporter) = start().await;
        let body = exporter.spans(encoding, 2, |_, _| ());
        exporter.export(TRACES, encoding, body).await;
        exporter
            .export(LOGS, encoding, exporter.logs(encoding, 1))
            .await;
        exporter.sdk.traces(exporter.sdk.batch(1)).await.json();

        let rows = ask(&ada, &exporter, "traces").await;
        let names: Vec<_> = rows["traces"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| &t["name"])
            .collect();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(
            names.contains(&&json!("GET /cart")),
            "its own name or method and address"
        );

        let trace = ask(&ada, &exporter, &format!("traces/{}", exporter::TRACE_ID)).await;
        let root = &trace["spans"][0];
        assert_eq!(
            (&root["name"], &root["kind"]),
            (&json!("span 0"), &json!("server"))
        );
        assert_eq!(root["resource"]["service.name"], "shop");
        assert_eq!(root["scope"], json!({ "name": "http", "version": "1.0" }));
        assert_eq!(
            (&root["method"], &root["status"]),
            (&json!("GET"), &json!(200))
        );
        assert_eq!(root["url"], "/cart");
        assert_eq!(trace["spans"][1]["parentSpanId"], root["spanId"]);
        assert_eq!(trace["services"], json!(["shop"]));
        assert_eq!(trace["logs"][0]["message"], "record 0");

        let logs = ask(&ada, &exporter, "logs").await;
        let log = &logs["logs"][0];
        assert_eq!(
            (&log["level"], &log["service"]),
            (&json!("error"), &json!("shop"))
        );
        assert_eq!(log["traceId"], exporter::TRACE_ID);
    }
}

/// A request with one metric of this number of points (`Metric.sum.data_points`).
fn metrics(encoding: Encoding, points: usize) -> Vec<u8> {
    match encoding {
        Encoding::Json => {
            let points = vec![json!({ "asInt": "7" }); points];
            let metric = json!({ "name": "requests", "sum": { "dataPoints": points } });
            let resource = json!({ "scopeMetrics": [{ "metrics": [metric] }] });
            json!({ "resourceMetrics": [resource] })
                .to_string()
                .into_bytes()
        }
        Encoding::Protobuf => {
            let field = |number: u8, content: &[u8]| {
                let length = u8::try_from(content.len()).unwrap();
                [&[number << 3 | 2, length][..], content].concat()
            };
            let sum = field(1, b"").repeat(points);
            field(1, &field(2, &field(2, &field(7, &sum))))
        }
    }
}

#[tokio::test]
async fn every_data_point_of_metrics_is_rejected_with_a_reason_and_200() {
    let reason = "metrics are not stored; set OTEL_METRICS_EXPORTER=none to stop sending them";
    for encoding in ENCODINGS {
        let (backend, _, exporter) = start().await;
        for compression in Compression::ALL {
            let body = metrics(encoding, 3);
            let response = exporter.send(METRICS, encoding, compression, body).await;
            assert_eq!(response.status, 200, "{encoding:?} {compression:?}");
            assert_eq!(response.header("content-type"), encoding.media_type());
            assert!(response.header("ratelimit").contains("requests"));
            let (rejected, message) = match encoding {
                Encoding::Protobuf => {
                    // The response for traces has the same fields.
                    let response = ExportTraceServiceResponse::decode(&*response.body).unwrap();
                    let partial = response.partial_success.unwrap();
                    (partial.rejected_spans, partial.error_message)
                }
                Encoding::Json => {
                    let partial = &response.json()["partialSuccess"];
                    assert_eq!(partial["rejectedDataPoints"], "3");
                    (3, partial["errorMessage"].as_str().unwrap().to_owned())
                }
            };
            assert_eq!((rejected, &*message), (3, reason));
        }
        let response = exporter
            .export(METRICS, encoding, metrics(encoding, 0))
            .await;
        assert_eq!(response.body, encoding.nothing(), "full success is unset");
        assert_eq!(count(&backend).await, 0);
    }
}

#[tokio::test]
async fn metrics_count_against_the_quota_and_not_as_failures_of_the_key() {
    let backend = Backend::with(&[("RATE_LIMIT_REQUESTS", "2")]).await;
    let ada = backend.sign_in("ada").await;
    let exporter = Exporter::new(ada.sdk().await);
    let encoding = Encoding::Protobuf;
    for _ in 0..2 {
        exporter
            .export(METRICS, encoding, metrics(encoding, 3))
            .await;
    }
    let id = &exporter.sdk.application_id;
    let keys = ada.get(&format!("/apikey?ApplicationId={id}")).await.json();
    let health = &keys["keys"][0]["health"];
    assert_eq!(
        (&health["rejected"], &health["accepted"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(health["lastError"], Value::Null);
    let body = metrics(encoding, 3);
    let response = exporter
        .send(METRICS, encoding, Compression::None, body)
        .await;
    assert_eq!(response.status, 429);
}

#[tokio::test]
async fn metrics_are_answered_to_a_key_with_either_scope() {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let id = ada.create_application("shop").await;
    for scope in ["ingest:traces", "ingest:logs"] {
        let path = format!("/apikey?ApplicationId={id}");
        let key = ada.post(&path, json!({ "scopes": [scope] })).await.json();
        let sdk = Sdk {
            key: key.as_str().unwrap().to_owned(),
            ..ada.sdk().await
        };
        let encoding = Encoding::Json;
        let answer = Exporter::new(sdk)
            .export(METRICS, encoding, metrics(encoding, 1))
            .await;
        assert_eq!(answer.json()["partialSuccess"]["rejectedDataPoints"], "1");
    }
}

//! Ingest of an earlier release beside this release, as in the minutes of an upgrade or after a
//! rollback. `form-N/writes.json` has requests of an SDK, and the writes of the release that wrote
//! form N for each of them. The tests send these writes to the engine as they are, between requests
//! to the functions of this release. Clock and database are those of the recording
//! (docs/decisions/0049-recorded-writes.md).

use std::fmt;
use std::fs;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use axum::body::Body;
use http::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use shared::base::random;
use shared::telemetry::chunk::Form;

use super::{Stored, Temporary, copy_of, directory};

/// Traces of the recorded batches.
const TRACES: [&str; 3] = [
    "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",
    "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2",
    "c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3",
];

/// A query window with all batches. Some are in hours that were rolled up before.
const WINDOW: &str = "from=2026-01-31T06:00:00Z&to=2026-01-31T13:00:00Z";

/// The engine requires a signature, and does not verify it.
const SIGNATURE: &str = "AWS4-HMAC-SHA256 Credential=key/20260131/local/dynamodb/aws4_request, \
                         SignedHeaders=host;x-amz-date, Signature=none";

/// A request of an SDK, and what ingest wrote for it.
struct Recorded {
    path: String,
    body: Value,
    writes: Vec<Value>,
}

impl Recorded {
    fn all(form: u8) -> Vec<Self> {
        let text = fs::read_to_string(directory(form).join("writes.json")).unwrap();
        let recorded: Vec<Value> = serde_json::from_str(&text).unwrap();
        let all = recorded.into_iter().map(|recorded| Self {
            path: recorded["path"].as_str().unwrap().to_owned(),
            body: recorded["body"].clone(),
            writes: recorded["writes"].as_array().unwrap().clone(),
        });
        all.collect()
    }

    /// Number of spans and of log records, by a field that each of them has.
    fn events(&self) -> (u64, u64) {
        let text = self.body.to_string();
        let with = |field: &str| text.matches(field).count() as u64;
        (with(r#""spanId":"#), with(r#""severityNumber":"#))
    }

    /// Sends the batch to ingest of this release.
    async fn send(&self, stored: &Stored) {
        let body = self.body.to_string().into_bytes();
        let json = ("content-type", "application/json");
        let response = stored.sdk.send(&self.path, &[json], body).await;
        assert_eq!(response.status, 200, "{}", response.text());
    }

    /// Sends the recorded writes to the engine. It refuses those whose condition does not hold, for
    /// example because the batch is already stored.
    async fn write_as_then(&self, stored: &Stored) {
        assert!(self.writes.len() >= 2, "a chunk and its summary");
        for write in &self.writes {
            let mut request = write["request"].clone();
            if request["ClientRequestToken"].is_string() {
                // As in another request of the SDK.
                request["ClientRequestToken"] = random::base62(&mut random::rng(), 16).into();
            }
            let operation = write["operation"].as_str().unwrap();
            let has_condition = request.to_string().contains("ConditionExpression");
            let request = Request::post(&stored.endpoint)
                .header("content-type", "application/x-amz-json-1.0")
                .header("authorization", SIGNATURE)
                .header("x-amz-date", "20260131T123000Z")
                .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
                .body(Body::from(request.to_string()))
                .unwrap();
            let client = Client::builder(TokioExecutor::new()).build_http();
            let status = client.request(request).await.unwrap().status();
            assert!(status == 200 || has_condition, "{operation}: {status}");
        }
    }
}

/// Numbers of events in responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    counted_spans: u64,
    counted_records: u64,
    listed_records: u64,
    /// Number of spans in each of [`TRACES`].
    spans_of_traces: [u64; 3],
}

impl Seen {
    async fn by(stored: &Stored) -> Self {
        let logs = stored.ask(&format!("logs?{WINDOW}")).await.json();
        let count = async |signal| {
            let metrics = format!("metrics?{WINDOW}&signal={signal}");
            let metrics = stored.ask(&metrics).await.json();
            metrics["total"]["count"].as_u64().unwrap()
        };
        let mut spans_of_traces = [0; 3];
        for (id, spans) in TRACES.iter().zip(&mut spans_of_traces) {
            let trace = stored.ask(&format!("traces/{id}?{WINDOW}")).await;
            if trace.status != 404 {
                *spans = trace.json()["spanCount"].as_u64().unwrap();
            }
        }
        Self {
            counted_spans: count("traces").await,
            counted_records: count("logs").await,
            listed_records: logs["logs"].as_array().unwrap().len() as u64,
            spans_of_traces,
        }
    }

    /// These numbers, increased by the events of a batch.
    fn and(mut self, recorded: &Recorded) -> Self {
        let (spans, records) = recorded.events();
        assert!(spans + records > 0);
        self.counted_spans += spans;
        self.counted_records += records;
        self.listed_records += records;
        let text = recorded.body.to_string();
        for (id, of_trace) in TRACES.iter().zip(&mut self.spans_of_traces) {
            if text.contains(id) {
                *of_trace += spans;
            }
        }
        self
    }
}

/// The release of ingest that a batch is sent to.
#[derive(Debug, Clone, Copy)]
enum Ingest {
    Earlier,
    Current,
}

async fn send_to(order: [Ingest; 4], form: u8) {
    let temporary = Temporary::new(&format!("mixed-{form}-{:?}", order[0]));
    copy_of(form, &temporary.database());
    let stored = Stored::open(&temporary.database()).await;
    // This query also rolls up the sealed hours.
    let mut expected = Seen::by(&stored).await;
    for recorded in &Recorded::all(form) {
        expected = expected.and(recorded);
        for (attempt, ingest) in order.into_iter().enumerate() {
            match ingest {
                Ingest::Earlier => recorded.write_as_then(&stored).await,
                Ingest::Current => recorded.send(&stored).await,
            }
            let seen = Seen::by(&stored).await;
            let path = &recorded.path;
            assert_eq!(
                seen, expected,
                "form {form}, {path}, {attempt} of {order:?}"
            );
        }
    }
    stored.stop().await;
}

#[tokio::test]
async fn what_ingest_of_an_earlier_release_stores_is_listed_and_counted_once() {
    use Ingest::{Current, Earlier};
    for form in Form::READABLE.map(Form::number) {
        send_to([Earlier, Earlier, Current, Earlier], form).await;
    }
}

#[tokio::test]
async fn a_batch_sent_again_to_ingest_of_an_earlier_release_is_listed_and_counted_once() {
    use Ingest::{Current, Earlier};
    for form in Form::READABLE.map(Form::number) {
        send_to([Current, Earlier, Current, Earlier], form).await;
    }
}

/// Records the requests for the Telemetry table.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Vec<Value>>>);

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder")
    }
}

impl Intercept for Recorder {
    fn name(&self) -> &'static str {
        "Recorder"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target");
        let operation = target.and_then(|target| target.rsplit('.').next());
        let body = context.request().body().bytes().unwrap_or_default();
        let request: Value = serde_json::from_slice(body)?;
        if request
            .to_string()
            .contains(r#""TableName":"upblit-telemetry""#)
        {
            let write = json!({ "operation": operation, "request": request });
            self.0.lock().unwrap().push(write);
        }
        Ok(())
    }
}

/// Run by name when the stored form changes, after the database of the form was written.
#[tokio::test]
#[ignore = "records the writes of the current form, which is done once for each form"]
async fn record_the_writes_of_the_current_form() {
    let form = Form::WRITTEN.number();
    let temporary = Temporary::new("record");
    copy_of(form, &temporary.database());
    let recorder = Recorder::default();
    let recording = |config: super::Config| config.interceptor(recorder.clone());
    let stored = Stored::open_with(&temporary.database(), recording).await;
    let mut all = Vec::new();
    for recorded in Recorded::all(Form::READABLE[0].number()) {
        recorder.0.lock().unwrap().clear();
        recorded.send(&stored).await;
        let writes = std::mem::take(&mut *recorder.0.lock().unwrap());
        all.push(json!({ "path": recorded.path, "body": recorded.body, "writes": writes }));
    }
    stored.stop().await;
    let text = serde_json::to_string_pretty(&json!(all)).unwrap();
    fs::write(directory(form).join("writes.json"), text + "\n").unwrap();
}

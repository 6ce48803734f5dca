//! The round trip: a span that is stored with an API key, and read back with the same key.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, StatusCode};
use jiff::Timestamp;
use serde_json::json;
use shared::base::random;
use shared::identity::api_key::ApiKey;

use super::Failed;
use super::deployment::Deployment;

/// Service name in the span.
pub(super) const SERVICE: &str = "upblit check";

/// Maximum number of attempts to read the span. The first should succeed.
const ATTEMPTS: u32 = 10;

/// Time between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// A span that was stored.
pub(super) struct StoredSpan {
    trace_id: String,
    span_id: String,
    at: Timestamp,
}

/// Result of looking for a span.
pub(super) enum ReadBack {
    /// The span is there.
    Found,
    /// The key lacks the scope `telemetry:read`.
    NotAllowed,
}

impl Deployment {
    /// Stores a span.
    pub(super) async fn store(&self, key: &str, at: Timestamp) -> Result<StoredSpan, Failed> {
        let rng = &mut random::rng();
        let span = StoredSpan {
            trace_id: random::base62(rng, 32),
            span_id: random::base62(rng, 16),
            at,
        };
        let body = json!([{
            "timestamp": at.to_string(), "durationMs": 1, "serviceName": SERVICE,
            "requestMethod": "GET", "requestURL": "/health", "responseStatus": 200,
            "traceId": span.trace_id, "spanId": span.span_id, "parentSpanId": null,
        }]);
        let response = self.send_spans(key, &body).await?;
        let response = response.expect(StatusCode::OK, "application/json")?.json();
        if response["accepted"] == 1 {
            return Ok(span);
        }
        let reason = response["errors"][0]["reason"].as_str();
        let reason = reason.unwrap_or("no reason");
        Err(Failed(format!("the span was not accepted ({reason})")))
    }

    /// Reads the trace of a span until it contains the span, at most [`ATTEMPTS`] times.
    pub(super) async fn read_back(&self, key: &str, span: &StoredSpan) -> Result<ReadBack, Failed> {
        let Some(parsed) = ApiKey::parse(key) else {
            return Err(Failed(
                "the key does not have the form that this release knows".into(),
            ));
        };
        let StoredSpan {
            trace_id,
            span_id,
            at,
        } = span;
        let application = parsed.id().application_id;
        let path = format!("/telemetry/traces/{trace_id}?applicationId={application}&at={at}");
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let request = Request::get(self.at(&path)).header("x-api-key", key);
            let response = self.send(request, Bytes::new()).await?;
            if response.is_problem("missing-scope") {
                return Ok(ReadBack::NotAllowed);
            }
            if response.is_problem("not-found") {
                continue;
            }
            let trace = response.expect(StatusCode::OK, "application/json")?.json();
            if trace["spans"][0]["spanId"] == **span_id {
                return Ok(ReadBack::Found);
            }
        }
        let waited = (PAUSE * (ATTEMPTS - 1)).as_secs_f32();
        Err(Failed(format!(
            "the span that was stored could not be read within {waited} s"
        )))
    }
}

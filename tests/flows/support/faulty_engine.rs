//! A proxy in front of the engine that throttles, hangs, loses responses or leaves keys
//! unprocessed for the operations that a test names.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Backend;
use super::engine::Engine;
use super::upstream::Upstream;

/// A failure of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refused for lack of capacity. Nothing is done.
    Throttled,
    /// Refused with a server error. Nothing is done.
    Broken,
    /// Never answered. Nothing is done.
    Hangs,
    /// Done, but the connection breaks within the response.
    AnswerLost,
    /// Done, but the response is not JSON.
    AnswerGarbled,
    /// A read of several items returns the first and leaves the other keys unprocessed.
    Half,
    /// A read of several items leaves all keys unprocessed.
    NothingProcessed,
    /// A transaction is cancelled for lack of capacity for its first write.
    CancelledForThrottling,
    /// A transaction is cancelled because another one is changing the item of its last write.
    CancelledForConflict,
    /// A transaction is cancelled because its first write is invalid.
    CancelledAsInvalid,
    /// The role lacks a permission.
    Denied,
    /// The request is invalid.
    Invalid,
    /// Refused with an error code that this program does not know.
    Unknown,
}

/// The calls of an operation that fail: `times` of them, after `skip` others.
#[derive(Debug)]
struct Plan {
    operation: String,
    fault: Fault,
    skip: usize,
    times: usize,
}

/// The proxy with the failures planned for it.
#[derive(Clone)]
pub struct FaultyEngine {
    upstream: Upstream,
    plans: Arc<Mutex<Vec<Plan>>>,
    interruptions: Arc<Mutex<Vec<Interruption>>>,
}

/// What happens before the call of an operation that follows `skip` others.
struct Interruption {
    operation: String,
    skip: usize,
    meanwhile: BoxFuture<'static, ()>,
}

impl FaultyEngine {
    /// Starts a backend over a faulty engine, with short DynamoDB timeouts.
    pub async fn start() -> (Self, Backend) {
        Self::start_with(&[]).await
    }

    /// Like [`Self::start`], with settings.
    pub async fn start_with(settings: &[(&str, &str)]) -> (Self, Backend) {
        let impatient = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_millis(500))
            .operation_timeout(Duration::from_millis(1_200))
            .build();
        Self::start_within(impatient, settings).await
    }

    /// Like [`Self::start`], with timeouts that leave time for what [`Self::before`] plans.
    pub async fn start_patient() -> (Self, Backend) {
        let patient = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_secs(30))
            .build();
        Self::start_within(patient, &[]).await
    }

    async fn start_within(timeouts: TimeoutConfig, settings: &[(&str, &str)]) -> (Self, Backend) {
        let engine = Engine::start().await;
        let faulty = Self {
            upstream: Upstream::new(&engine.url),
            plans: Arc::default(),
            interruptions: Arc::default(),
        };
        let front = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", front.local_addr().unwrap());
        let router = Router::new().fallback(serve).with_state(faulty.clone());
        tokio::spawn(async move { axum::serve(front, router).await });
        let config = |config| engine.configure(config).timeout_config(timeouts);
        let backend = Backend::over_with(&endpoint, settings, config).await;
        (faulty, backend)
    }

    /// From now on, the next `times` calls of the operation fail after `skip` that succeed.
    pub fn fail(&self, operation: &str, fault: Fault, skip: usize, times: usize) {
        self.plans.lock().unwrap().push(Plan {
            operation: operation.to_owned(),
            fault,
            skip,
            times,
        });
    }

    /// From now on, every call of the operation fails.
    pub fn fail_always(&self, operation: &str, fault: Fault) {
        self.fail(operation, fault, 0, usize::MAX);
    }

    /// Before the next call of the operation, after `skip` others, `meanwhile` happens.
    pub fn before(
        &self,
        operation: &str,
        skip: usize,
        meanwhile: impl Future<Output = ()> + Send + 'static,
    ) {
        self.interruptions.lock().unwrap().push(Interruption {
            operation: operation.to_owned(),
            skip,
            meanwhile: Box::pin(meanwhile),
        });
    }

    /// Whether everything that was planned by [`Self::before`] has happened.
    pub fn is_uninterrupted(&self) -> bool {
        self.interruptions.lock().unwrap().is_empty()
    }

    /// Removes all planned failures.
    pub fn heal(&self) {
        self.plans.lock().unwrap().clear();
    }

    fn fault_of(&self, operation: &str) -> Option<Fault> {
        let mut plans = self.plans.lock().unwrap();
        let plan = plans.iter_mut().find(|plan| plan.operation == operation)?;
        if plan.skip > 0 {
            plan.skip -= 1;
            return None;
        }
        plan.times = plan.times.checked_sub(1)?;
        Some(plan.fault)
    }

    fn interruption_of(&self, operation: &str) -> Option<BoxFuture<'static, ()>> {
        let mut all = self.interruptions.lock().unwrap();
        let planned = all
            .iter()
            .position(|planned| planned.operation == operation)?;
        match all[planned].skip.checked_sub(1) {
            Some(skip) => {
                all[planned].skip = skip;
                None
            }
            None => Some(all.remove(planned).meanwhile),
        }
    }
}

async fn serve(State(engine): State<FaultyEngine>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let headers = parts.headers;
    let target = headers["x-amz-target"].to_str().unwrap();
    let operation = target.rsplit('.').next().unwrap();
    if let Some(meanwhile) = engine.interruption_of(operation) {
        meanwhile.await;
    }
    let fault = engine.fault_of(operation);
    let body = body.collect().await.unwrap().to_bytes();
    match fault {
        None => engine.upstream.post(headers, body).await,
        Some(Fault::Throttled) => refused(
            StatusCode::BAD_REQUEST,
            "ProvisionedThroughputExceededException",
        ),
        Some(Fault::Broken) => refused(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
        Some(Fault::Hangs) => std::future::pending().await,
        Some(Fault::AnswerLost) => {
            engine.upstream.post(headers, body).await;
            // The connection breaks within the response.
            let broken = futures_util::stream::once(async { Err::<Bytes, _>("lost") });
            Body::from_stream(broken).into_response()
        }
        Some(Fault::AnswerGarbled) => {
            engine.upstream.post(headers, body).await;
            "<html>".into_response()
        }
        Some(Fault::Half) => half(&engine, headers, &body, 1).await,
        Some(Fault::NothingProcessed) => half(&engine, headers, &body, 0).await,
        Some(Fault::CancelledForThrottling) => {
            cancelled(&body, "ThrottlingError", <[Value]>::first_mut)
        }
        Some(Fault::CancelledForConflict) => {
            cancelled(&body, "TransactionConflict", <[Value]>::last_mut)
        }
        Some(Fault::CancelledAsInvalid) => {
            cancelled(&body, "ValidationError", <[Value]>::first_mut)
        }
        Some(Fault::Denied) => refused(StatusCode::BAD_REQUEST, "AccessDeniedException"),
        Some(Fault::Invalid) => refused(StatusCode::BAD_REQUEST, "ValidationException"),
        Some(Fault::Unknown) => refused(StatusCode::BAD_REQUEST, "NewException"),
    }
}

fn refused(status: StatusCode, code: &str) -> Response {
    let error = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}") });
    (status, error.to_string()).into_response()
}

/// Cancels the transaction, with this reason for one of its writes.
fn cancelled(
    body: &[u8],
    code: &str,
    of: impl FnOnce(&mut [Value]) -> Option<&mut Value>,
) -> Response {
    let asked: Value = serde_json::from_slice(body).unwrap();
    let writes = asked["TransactItems"].as_array().unwrap().len();
    let mut reasons = vec![json!({ "Code": "None" }); writes];
    *of(&mut reasons).unwrap() = json!({ "Code": code, "Message": "says the test" });
    let error = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": reasons,
    });
    (StatusCode::BAD_REQUEST, error.to_string()).into_response()
}

/// Reads the first `processed` keys of each table, and returns the others as unprocessed.
async fn half(
    engine: &FaultyEngine,
    headers: HeaderMap,
    body: &[u8],
    processed: usize,
) -> Response {
    let mut asked: Value = serde_json::from_slice(body).unwrap();
    let mut left = asked["RequestItems"].clone();
    for (table, request) in asked["RequestItems"].as_object_mut().unwrap() {
        let keys = request["Keys"].as_array_mut().unwrap();
        left[table]["Keys"] = keys.split_off(processed).into();
    }
    if processed == 0 {
        let answer = json!({ "Responses": {}, "UnprocessedKeys": left });
        return answer.to_string().into_response();
    }
    let body = Bytes::from(asked.to_string());
    let (parts, answer) = engine.upstream.post(headers, body).await.into_parts();
    let answer = answer.collect().await.unwrap().to_bytes();
    let mut answer: Value = serde_json::from_slice(&answer).unwrap();
    left.as_object_mut()
        .unwrap()
        .retain(|_, request| request["Keys"] != json!([]));
    answer["UnprocessedKeys"] = left;
    (parts.status, answer.to_string()).into_response()
}

//! A stand-in for Lambda's Runtime API, from which a function requests its events:
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde_json::Value;
use shared::base::clock::Clock;
use tokio::net::TcpListener;
use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc, oneshot};

/// The response of a function to an event, or its error.
pub type Outcome = Result<Value, Value>;

/// The time limit for one event.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Sends events to a function and receives its responses.
pub struct RuntimeApi {
    pub address: String,
    events: mpsc::UnboundedSender<(String, Value)>,
    shared: Arc<Shared>,
}

struct Shared {
    waiting: AsyncMutex<mpsc::UnboundedReceiver<(String, Value)>>,
    asked_for: Mutex<HashMap<String, oneshot::Sender<Outcome>>>,
    polled: Notify,
}

impl RuntimeApi {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (events, waiting) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            waiting: AsyncMutex::new(waiting),
            asked_for: Mutex::default(),
            polled: Notify::new(),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(done))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .layer(DefaultBodyLimit::disable())
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            address,
            events,
            shared,
        }
    }

    /// Waits until the function requests an event, the first or the next one.
    pub async fn polled(&self) {
        self.shared.polled.notified().await;
    }

    /// Sends the function an event and returns its outcome.
    pub async fn invoke(&self, event: Value) -> Outcome {
        let id = shared::base::random::base62(&mut shared::base::random::rng(), 20);
        let (sender, outcome) = oneshot::channel();
        self.shared
            .asked_for
            .lock()
            .unwrap()
            .insert(id.clone(), sender);
        self.events.send((id, event)).unwrap();
        let outcome = tokio::time::timeout(TIME_LIMIT, outcome).await;
        outcome.expect("no answer in time").unwrap()
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.polled.notify_one();
    let event = shared.waiting.lock().await.recv().await;
    let Some((id, event)) = event else {
        return StatusCode::GONE.into_response();
    };
    let deadline = Clock::system().now().as_millisecond() + 15_000;
    let arn = "arn:aws:lambda:eu-central-1:123456789012:function:upblit-test";
    let headers = [
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", arn.to_owned()),
        (
            "lambda-runtime-trace-id",
            "Root=1-697deefc-bcc7e4099e88278886f8c7a2;Sampled=0".to_owned(),
        ),
    ];
    (headers, Json(event)).into_response()
}

async fn done(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    answer: Bytes,
) -> StatusCode {
    shared.complete(&id, Ok(serde_json::from_slice(&answer).unwrap()))
}

async fn failed(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    error: Bytes,
) -> StatusCode {
    shared.complete(&id, Err(serde_json::from_slice(&error).unwrap()))
}

impl Shared {
    fn complete(&self, id: &str, outcome: Outcome) -> StatusCode {
        let asked_for = self.asked_for.lock().unwrap().remove(id);
        match asked_for.map(|sender| sender.send(outcome)) {
            Some(Ok(())) => StatusCode::ACCEPTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

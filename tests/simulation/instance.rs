//! An instance of the functions: routers with caches of their own, over a connection of its own, by
//! a clock of its own.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use axum::Router;
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use local::functions::FUNCTIONS;
use shared::base::clock::{Clock, ManualClock};
use shared::base::environment::Env;
use shared::lambda::{Host, observer};
use shared::store::{Database, TableNames};
use tokio::time::{Instant, sleep_until};
use tower::ServiceExt;

use crate::network::Network;

/// Time limits of the store in Lambda, which are shorter than those of a local engine.
const ATTEMPT: Duration = Duration::from_millis(700);
const TOTAL: Duration = Duration::from_millis(1_800);

/// One instance of each function that stores something.
pub(crate) struct Instance {
    name: String,
    router: Router,
    clock: ManualClock,
    network: Network,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// By how much the clock is ahead of the true time.
    ahead: SignedDuration,
    /// Until when the process gets no CPU time.
    frozen_until: Instant,
}

/// The response of an instance.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// A store over this network, by the settings of Lambda.
pub(crate) fn database(network: Network, env: &Env) -> Database {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(TOTAL)
        .build();
    let config = Database::local_config("http://engine.test", observer())
        .http_client(network)
        .retry_partition(aws_sdk_dynamodb::config::retry::RetryPartition::custom("one").build())
        .timeout_config(timeouts);
    Database::with_config(config, TableNames::local(env))
}

impl Instance {
    pub(crate) fn start(network: Network, env: &Env, ahead: SignedDuration) -> Arc<Self> {
        let (time, clock) = Clock::manual(Clock::system().now() + ahead);
        let host = Host {
            env: env.clone(),
            database: database(network.clone(), env),
            clock: time,
        };
        let stores = FUNCTIONS
            .iter()
            .filter(|function| function.warm_up.is_some());
        let router = stores.fold(Router::new(), |merged, function| {
            merged.merge((function.router)(&host).expect("the settings are complete"))
        });
        Arc::new(Self {
            name: network.instance.clone(),
            router: shared::web::app(router),
            clock,
            network,
            state: Mutex::new(State {
                ahead,
                frozen_until: Instant::now(),
            }),
        })
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time by the clock of this instance.
    pub(crate) fn now(&self) -> Timestamp {
        Clock::system().now() + self.state().ahead
    }

    /// Sets the clock ahead, or back.
    pub(crate) fn jump(&self, ahead: SignedDuration) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .ahead = ahead;
    }

    /// Stops all requests in this instance for a time.
    pub(crate) fn freeze(&self, time: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.frozen_until = state.frozen_until.max(Instant::now() + time);
    }

    /// Serves a request.
    pub(crate) async fn serve(&self, request: Request<Body>) -> Response {
        let line = format!("{} {} {}", self.name, request.method(), request.uri());
        let mut served = pin!(async {
            let response = self.router.clone().oneshot(request).await;
            let response = response.unwrap_or_else(|never| match never {});
            let (parts, body) = response.into_parts();
            let body = body
                .collect()
                .await
                .expect("bodies are in memory")
                .to_bytes();
            Response {
                status: parts.status.as_u16(),
                body: String::from_utf8_lossy(&body).into_owned(),
            }
        });
        let mut thaw = pin!(sleep_until(self.state().frozen_until));
        let response = std::future::poll_fn(|context| {
            let until = self.state().frozen_until;
            if until != thaw.deadline() {
                thaw.as_mut().reset(until);
            }
            if until > Instant::now() && thaw.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.clock.set(self.now());
            served.as_mut().poll(context)
        });
        let response: Response = response.await;
        let line = format!("{line} -> {}", response.status);
        self.network.trace.add(&line, &response.body);
        response
    }
}

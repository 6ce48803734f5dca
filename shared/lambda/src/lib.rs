//! Hosts a function in AWS Lambda: settings, secrets, the database and the
//! clock are made at start-up, then the router serves every event. Secrets are
//! read again every few minutes.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures_util::future::BoxFuture;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, LambdaEvent, lambda_runtime, service_fn};
use tower::ServiceExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use upblit_base::clock::Clock;
use upblit_base::environment::{ConfigError, Env};
use upblit_store::{Database, Table};
use upblit_web::request_log;

mod aws;
mod gateway;
pub mod log;
mod renewal;
mod secrets;

use renewal::Renewal;
use secrets::Secrets;

/// What a function is built from.
pub struct Host {
    /// The settings.
    pub env: Env,
    /// The tables.
    pub database: Database,
    /// The time.
    pub clock: Clock,
}

impl Host {
    /// The same, for a function that uses these tables and no other.
    ///
    /// # Errors
    /// When one of them has no name: its `TABLE_…` is not set.
    pub fn using(&self, tables: &[Table]) -> Result<Self, ConfigError> {
        Ok(Self {
            env: self.env.clone(),
            database: self.database.using(tables)?,
            clock: self.clock.clone(),
        })
    }
}

/// Why a function did not start, or stopped.
pub struct StartError(Box<dyn std::error::Error + Send + Sync>);

impl fmt::Debug for StartError {
    /// What `main` prints: the one line that says what is wrong.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for StartError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// Serves a function's routes until Lambda ends the process.
///
/// # Errors
/// When a setting or secret is missing or wrong.
pub async fn run(
    routes: impl Fn(&Host) -> Result<Router, ConfigError> + Send + Sync + 'static,
) -> Result<(), StartError> {
    let env = Env::process();
    let namespace = env.optional("METRICS_NAMESPACE");
    let lines = log::json_lines(namespace, Clock::system(), io::stdout);
    tracing_subscriber::registry().with(lines).init();
    let aws = aws::config(&env).await?;
    let secrets = Secrets::of(&env, &aws);
    let env = match &secrets {
        Some(secrets) => secrets.read().await?,
        None => env,
    };
    let database = Database::connect(&env, &aws, request_log::count_dynamodb_call);
    let host = Host {
        env,
        database,
        clock: Clock::system(),
    };
    let Some(secrets) = secrets else {
        let router = upblit_web::app(routes(&host)?);
        return serve(move |request| router.clone().oneshot(request)).await;
    };
    let secrets = Arc::new(secrets);
    let read = move || -> BoxFuture<'static, _> {
        let secrets = secrets.clone();
        Box::pin(async move { secrets.read().await })
    };
    let renewal = Arc::new(Renewal::new(host, routes, Box::new(read))?);
    serve(move |request| {
        let renewal = renewal.clone();
        async move { Ok(renewal.serve(request).await) }
    })
    .await
}

/// Serves every event of Lambda.
async fn serve<F>(answer: impl Fn(Request) -> F + Clone + Send + 'static) -> Result<(), StartError>
where
    F: Future<Output = Result<Response, Infallible>> + Send + 'static,
{
    let service = service_fn(move |request: lambda_http::Request| answer(request.map(Body::new)));
    let adapter =
        Adapter::from(service).map_request(|event: LambdaEvent<LambdaRequest>| LambdaEvent {
            payload: gateway::mended(event.payload),
            context: event.context,
        });
    lambda_runtime::run(adapter).await.map_err(StartError)
}

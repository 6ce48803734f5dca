//! Runs a function in AWS Lambda. At startup it creates the settings, secrets, database and
//! clock; then the router serves each event. Secrets are reloaded every five minutes.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures_util::future::BoxFuture;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{Adapter, LambdaEvent, lambda_runtime, service_fn};
use serde::Deserialize;
use tower::ServiceExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use upblit_base::clock::Clock;
use upblit_base::environment::{ConfigError, Env};
use upblit_store::{Database, Observer, Table, WarmUp};
use upblit_web::request_log;

mod aws;
mod gateway;
pub mod log;
mod secret_reloader;
mod secrets;
mod start;

use secret_reloader::SecretReloader;
use secrets::Secrets;

/// Resources that a function is built from.
pub struct Host {
    /// Settings, with the values of secrets.
    pub env: Env,
    /// Connection to the function's DynamoDB tables.
    pub database: Database,
    /// Clock that handlers take the time from.
    pub clock: Clock,
}

impl Host {
    /// Returns a host whose database has access to these tables only.
    ///
    /// # Errors
    /// If the `TABLE_…` setting of one of them is not set.
    pub fn using(&self, tables: &[Table]) -> Result<Self, ConfigError> {
        Ok(Self {
            env: self.env.clone(),
            database: self.database.using(tables)?,
            clock: self.clock.clone(),
        })
    }
}

/// Reason why a function did not start, or stopped.
pub struct StartError(Box<dyn std::error::Error + Send + Sync>);

impl fmt::Debug for StartError {
    /// Prints the message in one line, because the runtime prints errors of `main` with `Debug`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for StartError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// Reports the calls of a function to DynamoDB to the log of the request that it serves.
pub fn observer() -> Observer {
    Observer {
        on_call: request_log::count_dynamodb_call,
        needs_units: request_log::counts_units,
        on_units: |units| request_log::count_units(units.read, units.written),
    }
}

/// What a function does when its schedule invokes it. An error counts as one of the function.
pub type Task = Arc<dyn Fn() -> BoxFuture<'static, Result<(), lambda_http::Error>> + Send + Sync>;

/// The payload with which the schedule in `template.yaml` invokes a function.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Schedule {
    scheduled: bool,
}

/// Serves the routes of a function until Lambda ends the process. Before the first event, opens
/// connections to DynamoDB as `warm_up` says; `None` opens none.
///
/// # Errors
/// If a setting or secret is missing or invalid, or the connection to Lambda fails.
pub async fn run(
    warm_up: Option<WarmUp>,
    routes: impl Fn(&Host) -> Result<Router, ConfigError> + Send + Sync + 'static,
) -> Result<(), StartError> {
    run_with_task(warm_up, routes, |_| Ok(None)).await
}

/// Like [`run`], for a function that a schedule also invokes.
///
/// # Errors
/// Those of [`run`].
pub async fn run_with_task(
    warm_up: Option<WarmUp>,
    routes: impl Fn(&Host) -> Result<Router, ConfigError> + Send + Sync + 'static,
    task: impl FnOnce(&Host) -> Result<Option<Task>, ConfigError>,
) -> Result<(), StartError> {
    let env = Env::process();
    let namespace = env.optional("METRICS_NAMESPACE");
    let lines = log::json_lines(namespace, Clock::system(), io::stdout);
    tracing_subscriber::registry().with(lines).init();
    let aws = aws::config(&env).await?;
    let database = Database::connect(&env, &aws, observer());
    let secrets = Secrets::from_env(&env, &aws);
    let env = start::prepared(env, secrets.as_ref(), &database, warm_up).await?;
    let host = Host {
        env,
        database,
        clock: Clock::system(),
    };
    let task = task(&host)?;
    let Some(secrets) = secrets else {
        let router = upblit_web::app_behind_edge(routes(&host)?, &host.env)?;
        return serve(task, move |request| router.clone().oneshot(request)).await;
    };
    let secrets = Arc::new(secrets);
    let read = move || -> BoxFuture<'static, _> {
        let secrets = secrets.clone();
        Box::pin(async move { secrets.read().await })
    };
    let reloader = Arc::new(SecretReloader::new(host, routes, Box::new(read))?);
    serve(task, move |request| {
        let reloader = reloader.clone();
        async move { Ok(reloader.serve(request).await) }
    })
    .await
}

/// Passes each event of API Gateway to `respond`, as an HTTP request, and runs `task` for those of a
/// schedule.
async fn serve<F>(
    task: Option<Task>,
    respond: impl Fn(Request) -> F + Clone + Send + Sync + 'static,
) -> Result<(), StartError>
where
    F: Future<Output = Result<Response, Infallible>> + Send + 'static,
{
    let service = service_fn(move |request: lambda_http::Request| {
        let (task, respond) = (task.clone(), respond.clone());
        async move {
            // `lambda_http` passes on what is no event of API Gateway.
            match request.extensions().get() {
                Some(RequestContext::PassThrough) => scheduled(task, request.body()).await,
                _ => Ok(respond(request.map(Body::new)).await?),
            }
        }
    });
    let adapter =
        Adapter::from(service).map_request(|event: LambdaEvent<LambdaRequest>| LambdaEvent {
            payload: gateway::repaired(event.payload),
            context: event.context,
        });
    lambda_runtime::run(adapter).await.map_err(StartError)
}

/// Runs the task of a function, if the payload is that of its schedule.
async fn scheduled(
    task: Option<Task>,
    payload: &lambda_http::Body,
) -> Result<Response, lambda_http::Error> {
    let payload = serde_json::from_slice(payload);
    let is_scheduled = payload.is_ok_and(|payload: Schedule| payload.scheduled);
    let Some(task) = task.filter(|_| is_scheduled) else {
        return Err(
            "this function expects an event of Amazon API Gateway or of its schedule".into(),
        );
    };
    task().await?;
    Ok(Response::new(Body::empty()))
}

//! Hosts a function in AWS Lambda: settings, secrets, the database and the
//! clock are made once at start-up, then the router serves every event.

use std::fmt;

use axum::Router;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock::Clock;
use crate::config::{ConfigError, Env};
use crate::dynamo::Database;
use crate::http;

mod secrets;

/// What a function is built from.
pub struct Host {
    /// The settings.
    pub env: Env,
    /// The tables.
    pub database: Database,
    /// The time.
    pub clock: Clock,
}

/// Why a function did not start, or stopped.
pub struct StartError(Box<dyn std::error::Error + Send + Sync>);

impl fmt::Debug for StartError {
    /// What `main` prints: the one line that says what is wrong.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
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
    routes: impl FnOnce(&Host) -> Result<Router, ConfigError>,
) -> Result<(), StartError> {
    log_json();
    let env = secrets::resolve(Env::process()).await?;
    let database = Database::connect(&env).await?;
    let host = Host {
        env,
        database,
        clock: Clock::system(),
    };
    lambda_http::run(http::app(routes(&host)?))
        .await
        .map_err(StartError)
}

/// One JSON object a line, which CloudWatch Logs Insights reads as fields.
fn log_json() {
    let format = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false);
    tracing_subscriber::registry()
        .with(LevelFilter::INFO)
        .with(format)
        .init();
}

//! Ingest: telemetry from SDKs. An answer of 200 means that what was accepted is durable.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use shared::base::clock::Clock;
use shared::base::environment::ConfigError;
use shared::identity::application::default_retention;
use shared::lambda::Host;
use shared::store::Database;
use shared::telemetry::event::{LogRecord, Span};
use utoipa::OpenApi;

mod batch;
mod health;
mod keys;
mod limits;
mod openapi;
mod protocol;

use health::KeyHealth;
use keys::VerifiedKeys;
use limits::KeyLimits;

/// What the handlers share. No secret: a key is verified by its hash.
#[derive(Clone)]
pub struct State {
    clock: Clock,
    database: Database,
    keys: Arc<VerifiedKeys>,
    limits: Arc<KeyLimits>,
    health: Arc<KeyHealth>,
    retention: Duration,
}

impl State {
    /// Reads the settings of this function.
    ///
    /// # Errors
    /// When one is wrong.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        let health = Arc::new(KeyHealth::new(host));
        Ok(Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            keys: Arc::new(VerifiedKeys::load(host, health.clone())?),
            limits: Arc::new(KeyLimits::load(host)?),
            health,
            retention: default_retention(&host.env)?,
        })
    }
}

/// The routes of this function.
pub fn router(state: State) -> Router {
    Router::new()
        .route("/ingest/traces", post(batch::native::<Span>))
        .route("/ingest/logs", post(batch::native::<LogRecord>))
        .route("/v1/traces", post(batch::otlp::<Span>))
        .route("/v1/logs", post(batch::otlp::<LogRecord>))
        .with_state(state)
}

/// What the routes take and give, for the description of the API.
#[derive(OpenApi)]
#[openapi(
    paths(openapi::traces, openapi::logs, openapi::otlp_traces, openapi::otlp_logs),
    tags((name = "Ingest", description = "Telemetry in."))
)]
pub struct Description;

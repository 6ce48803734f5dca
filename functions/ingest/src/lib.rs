//! Ingest: receives telemetry from SDKs. A response with status 200 means that the accepted events
//! are durable.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use shared::base::clock::Clock;
use shared::base::environment::ConfigError;
use shared::day_limits::DayLimits;
use shared::identity::application::default_retention;
use shared::key_limits::KeyLimits;
use shared::lambda::Host;
use shared::store::{ColdRead, Database, Table, WarmUp};
use shared::verified_keys::VerifiedKeys;

mod batch;
mod charges;
mod health;
mod keys;
mod metrics;
mod openapi;
mod protocol;
mod routes;
mod slashes;

use health::HealthRecorder;

/// Tables that this function uses. Its role and settings in `template.yaml` cover the same tables.
const TABLES: [Table; 3] = [Table::ApiKeys, Table::Telemetry, Table::ShortLived];

/// Connections that an instance opens before its first event. Three, because it stores a batch and
/// records the use and the health of its key at the same time.
pub const WARM_UP: Option<WarmUp> = Some(WarmUp {
    read: ColdRead::ApiKey,
    connections: 3,
});

/// State shared by the handlers. Contains no secret, because keys are verified by their hash.
#[derive(Clone)]
pub struct State {
    clock: Clock,
    database: Database,
    keys: Arc<VerifiedKeys>,
    limits: Arc<KeyLimits>,
    days: Arc<DayLimits>,
    health: Arc<HealthRecorder>,
    retention: Duration,
}

impl State {
    /// Reads the settings of this function.
    ///
    /// # Errors
    /// When a setting is invalid.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        let host = &host.using(&TABLES)?;
        Ok(Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            keys: Arc::new(VerifiedKeys::load(host)?),
            limits: Arc::new(KeyLimits::load(host)?),
            days: Arc::new(DayLimits::load(host)?),
            health: Arc::new(HealthRecorder::new(host)),
            retention: default_retention(&host.env)?,
        })
    }
}

mod exact {
    use super::{State, routes};

    shared::web::routes! {
        state: State,
        tag: ("Ingest", "Receives telemetry from SDKs."),
        handlers: [
            routes::traces,
            routes::logs,
            routes::otlp_traces,
            routes::otlp_logs,
            routes::otlp_metrics,
        ],
    }
}

pub use exact::Description;

/// Builds the router of this function. Duplicate and trailing slashes in a path make no difference.
pub fn router(state: State) -> Router {
    slashes::with_extra_slashes(exact::router(state))
}

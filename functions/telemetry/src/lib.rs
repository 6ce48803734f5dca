//! Telemetry: queries of stored traces and logs, and their deletion. Every request is about the telemetry of
//! one application. The caller must be a member of it, or have one of its keys that may read.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use shared::base::clock::Clock;
use shared::base::environment::ConfigError;
use shared::day_limits::DayLimits;
use shared::identity::application::default_retention;
use shared::lambda::Host;
use shared::read_charges;
use shared::reading::Readers;
use shared::store::{ColdRead, Database, Table, WarmUp};
use shared::web::credentials::Tokens;

mod archive;
pub mod deleted_applications;
mod deletion;
mod differences;
mod fields;
mod logs;
mod metrics;
mod page;
mod responses;
mod rollups;
mod sample;
mod search;
mod trace;
mod traces;
mod walk;

/// Default of `METRICS_MAX_SUMMARIES`. At some 900 bytes each, they have about 54 MB and take a few
/// seconds.
const MAX_SUMMARIES: usize = 60_000;

pub use deleted_applications::task;

/// Tables that this function uses. Its role and settings in `template.yaml` cover the same tables.
const TABLES: [Table; 5] = [
    Table::RefreshTokens,
    Table::Applications,
    Table::ApiKeys,
    Table::Telemetry,
    Table::ShortLived,
];

/// Connections that an instance opens before its first event. Two, because queries read the newest
/// summaries again, concurrently with all others.
pub const WARM_UP: Option<WarmUp> = Some(WarmUp {
    read: ColdRead::Membership,
    connections: 2,
});

/// State shared by the handlers.
#[derive(Clone, FromRef)]
pub struct State {
    clock: Clock,
    database: Database,
    tokens: Tokens,
    readers: Arc<Readers>,
    days: Arc<DayLimits>,
    retention: Duration,
    /// Number of summaries that one response of metrics counts; limits its duration and cost.
    max_summaries: usize,
}

impl State {
    /// Reads the settings of this function.
    ///
    /// # Errors
    /// When a setting is missing or invalid.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        let host = &host.using(&TABLES)?;
        Ok(Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            tokens: Tokens::load(&host.env, &host.clock)?,
            readers: Arc::new(Readers::load(host)?),
            days: Arc::new(DayLimits::load(host)?),
            retention: default_retention(&host.env)?,
            max_summaries: host.env.parsed("METRICS_MAX_SUMMARIES", MAX_SUMMARIES)?,
        })
    }
}

mod routes {
    use super::{State, deletion, differences, fields, logs, metrics, trace, traces};

    shared::web::routes! {
        state: State,
        tag: ("Telemetry", "Queries of traces, logs and metrics, for members of the application, and for machines with an API key that has the scope `telemetry:read`. Owners delete telemetry."),
        handlers: [
            traces::list,
            trace::show,
            logs::list,
            metrics::show,
            fields::list,
            differences::show,
            deletion::trace,
            deletion::range,
        ],
    }
}

pub use routes::Description;

/// Builds the router of this function. Every query is charged to the daily read quotas.
pub fn router(state: State) -> Router {
    let readers = state.readers.clone();
    read_charges::charged(routes::router(state), readers)
}

//! Telemetry: queries of stored traces and logs, and their deletion. Every request is about the telemetry
//! of one application, and is refused unless the caller is a member of it or has a key of it that may read.

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

/// Tables that this function uses. `template.yaml` gives its role and settings for the same tables.
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
    keys: Arc<ReadKeys>,
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
            keys: Arc::new(ReadKeys::load(host)?),
            days: Arc::new(DayLimits::load(host)?),
            retention: default_retention(&host.env)?,
            max_summaries: host.env.parsed("METRICS_MAX_SUMMARIES", MAX_SUMMARIES)?,
        })
    }
}

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

//! Telemetry: queries of stored traces and logs. Every request checks that the caller is
//! a member of the application, and nothing else decides whose telemetry is read.

use std::time::Duration;

use axum::extract::FromRef;
use shared::base::clock::Clock;
use shared::base::environment::ConfigError;
use shared::identity::application::default_retention;
use shared::lambda::Host;
use shared::store::{Database, Table};
use shared::web::credentials::Tokens;

mod archive;
mod logs;
mod metrics;
mod page;
mod responses;
mod rollups;
mod search;
mod trace;
mod traces;

/// Default limit of summaries read for one response: about 40 MB, a few seconds of work.
const MAX_SUMMARIES: usize = 60_000;

/// The tables that this function uses. Its role and its settings in `template.yaml` are for these.
const TABLES: [Table; 2] = [Table::Applications, Table::Telemetry];

/// What the handlers share.
#[derive(Clone, FromRef)]
pub struct State {
    clock: Clock,
    database: Database,
    tokens: Tokens,
    retention: Duration,
    /// Number of summaries that one query may read; limits its duration and cost.
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
            retention: default_retention(&host.env)?,
            max_summaries: host.env.parsed("METRICS_MAX_HEADS", MAX_SUMMARIES)?,
        })
    }
}

shared::web::routes! {
    state: State,
    tag: ("Telemetry", "Queries of traces, logs and metrics, for members of the application."),
    handlers: [
        traces::list,
        trace::show,
        logs::list,
        metrics::show,
    ],
}

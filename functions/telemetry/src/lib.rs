//! Telemetry: what SDKs sent, for the people who may see it. Membership is
//! checked on every call, and decides alone whose telemetry is read.

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
mod search;
mod sums;
mod trace;
mod traces;
mod view;

/// Heads of one answer unless told otherwise: some 40 MB, a few seconds of work.
const MAX_HEADS: usize = 60_000;

/// The tables that this function uses. Its role and its settings in `template.yaml` are for these.
const TABLES: [Table; 2] = [Table::Applications, Table::Telemetry];

/// What the handlers share.
#[derive(Clone, FromRef)]
pub struct State {
    clock: Clock,
    database: Database,
    tokens: Tokens,
    retention: Duration,
    /// Heads that one question may read: a bound on its time and its cost.
    max_heads: usize,
}

impl State {
    /// Reads the settings of this function.
    ///
    /// # Errors
    /// When one is missing or wrong.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        let host = &host.using(&TABLES)?;
        Ok(Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            tokens: Tokens::load(&host.env, &host.clock)?,
            retention: default_retention(&host.env)?,
            max_heads: host.env.parsed("METRICS_MAX_HEADS", MAX_HEADS)?,
        })
    }
}

shared::web::routes! {
    state: State,
    tag: ("Telemetry", "Telemetry out, for members of its application."),
    handlers: [
        traces::list,
        trace::show,
        logs::list,
        metrics::show,
    ],
}

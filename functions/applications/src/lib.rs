//! Applications: what a team observes. Membership is checked on every call;
//! someone else's application is not found.

use std::time::Duration;

use axum::extract::FromRef;
use shared::base::clock::Clock;
use shared::base::environment::ConfigError;
use shared::identity::application::default_retention;
use shared::lambda::Host;
use shared::store::{Database, Table};
use shared::web::credentials::Tokens;

mod applications;
mod audit;
mod me;

/// The tables that this function uses. Its role and its settings in `template.yaml` are for these.
const TABLES: [Table; 3] = [Table::Users, Table::Applications, Table::ApiKeys];

/// What the handlers share.
#[derive(Clone, FromRef)]
pub struct State {
    clock: Clock,
    database: Database,
    tokens: Tokens,
    /// How long telemetry is kept where an application does not say it.
    retention: Duration,
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
        })
    }
}

shared::web::routes! {
    state: State,
    tag: ("Applications", "What telemetry belongs to, and what happened to it."),
    handlers: [
        applications::list,
        applications::create,
        applications::show,
        applications::change,
        applications::delete,
        audit::of_application,
        me::me,
        audit::of_account,
    ],
}

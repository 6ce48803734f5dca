//! Applications: what a team observes. Membership is checked on every call;
//! someone else's application is not found.

use std::time::Duration;

use axum::extract::FromRef;
use shared::base::clock::Clock;
use shared::base::environment::ConfigError;
use shared::identity::application::default_retention;
use shared::lambda::Host;
use shared::store::Database;
use shared::web::credentials::Tokens;

mod applications;
mod audit;
mod me;

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

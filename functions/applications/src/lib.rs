//! Applications with their members, invites and audit logs, and the signed-in user. A request for
//! an application checks the membership; an application of other users returns 404.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use shared::base::clock::Clock;
use shared::base::environment::{ConfigError, Env};
use shared::day_limits::application_units;
use shared::identity::application::default_retention;
use shared::lambda::Host;
use shared::read_limits::application_read_units;
use shared::store::{ColdRead, Database, Table, WarmUp};
use shared::web::credentials::Tokens;

mod account;
mod applications;
mod audit;
mod export;
mod github;
mod invites;
mod me;
mod members;
mod usage;

use github::GitHub;

/// Tables that this function uses. Its role and settings in `template.yaml` cover the same tables.
const TABLES: [Table; 5] = [
    Table::Users,
    Table::RefreshTokens,
    Table::Applications,
    Table::ApiKeys,
    Table::ShortLived,
];

/// Default of `APPLICATIONS_PER_USER`.
const APPLICATIONS_PER_USER: u32 = 20;

/// Largest value of `APPLICATIONS_PER_USER`.
const MAX_APPLICATIONS_PER_USER: u32 = 100;

/// Connections that an instance opens before its first event. One is enough, because handlers make
/// one call after the other.
pub const WARM_UP: Option<WarmUp> = Some(WarmUp {
    read: ColdRead::Membership,
    connections: 1,
});

/// State shared by the handlers.
#[derive(Clone, FromRef)]
pub struct State {
    clock: Clock,
    database: Database,
    tokens: Tokens,
    github: Arc<GitHub>,
    /// Telemetry retention of applications that do not set their own.
    retention: Duration,
    /// Maximum number of applications that a user may create.
    applications_per_user: u32,
    /// Write units that an application may take in a day.
    units_per_day: u64,
    /// Read units that all queries about an application may take in a day.
    #[from_ref(skip)]
    read_units_per_day: u64,
}

impl State {
    /// Reads the settings of this function.
    ///
    /// # Errors
    /// If a setting is missing or invalid.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        let host = &host.using(&TABLES)?;
        Ok(Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            tokens: Tokens::load(&host.env, &host.clock)?.limiting_changes(),
            github: Arc::new(GitHub::load(&host.env)?),
            retention: default_retention(&host.env)?,
            applications_per_user: applications_per_user(&host.env)?,
            units_per_day: application_units(&host.env)?,
            read_units_per_day: application_read_units(&host.env)?,
        })
    }
}

/// Reads `APPLICATIONS_PER_USER`.
fn applications_per_user(env: &Env) -> Result<u32, ConfigError> {
    const NAME: &str = "APPLICATIONS_PER_USER";
    let count = env.parsed(NAME, APPLICATIONS_PER_USER)?;
    if (1..=MAX_APPLICATIONS_PER_USER).contains(&count) {
        return Ok(count);
    }
    let problem = format!("must be 1 to {MAX_APPLICATIONS_PER_USER}");
    Err(ConfigError::new(NAME, problem))
}

shared::web::routes! {
    state: State,
    tag: ("Applications", "Applications, which API keys and telemetry belong to, with their members, invites and audit logs, and the signed-in user."),
    handlers: [
        applications::list,
        applications::create,
        applications::show,
        applications::change,
        applications::delete,
        audit::of_application,
        usage::of_application,
        members::list,
        members::change,
        members::remove,
        invites::create,
        invites::list,
        invites::withdraw,
        invites::preview,
        invites::accept,
        me::me,
        account::delete,
        export::export,
        audit::of_account,
    ],
}

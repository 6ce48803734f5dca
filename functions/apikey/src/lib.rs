//! API keys of applications: creation, rotation and revocation, including that of leaked keys which
//! GitHub reports. A key is returned once and stored as a hash.

use std::sync::Arc;

use axum::extract::FromRef;
use shared::base::clock::Clock;
use shared::base::environment::ConfigError;
use shared::lambda::Host;
use shared::store::{ColdRead, Database, Table, WarmUp};
use shared::web::credentials::Tokens;

mod change;
mod leaks;
mod list;
mod mint;
mod rotate;

/// Tables that this function uses. Its role and settings in `template.yaml` cover the same tables.
const TABLES: [Table; 4] = [
    Table::RefreshTokens,
    Table::Applications,
    Table::ApiKeys,
    Table::ShortLived,
];

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
    github_keys: Arc<leaks::GitHubKeys>,
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
            github_keys: Arc::new(leaks::GitHubKeys::load(&host.env)?),
        })
    }
}

shared::web::routes! {
    state: State,
    tag: ("API keys", "Credentials for sending and reading telemetry. A key is returned once and stored as a hash."),
    handlers: [
        list::list,
        mint::mint,
        change::change,
        change::revoke,
        rotate::rotate,
        leaks::report,
    ],
}

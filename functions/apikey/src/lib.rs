//! API keys: minted for one application, shown once, kept as a hash; revoked
//! when GitHub finds one in public.

use std::sync::Arc;

use axum::extract::FromRef;
use shared::base::clock::Clock;
use shared::base::environment::ConfigError;
use shared::lambda::Host;
use shared::store::{Database, Table};
use shared::web::credentials::Tokens;

mod change;
mod leaks;
mod list;
mod mint;
mod rotate;

/// The tables that this function uses. Its role and its settings in `template.yaml` are for these.
const TABLES: [Table; 4] = [
    Table::RefreshTokens,
    Table::Applications,
    Table::ApiKeys,
    Table::ShortLived,
];

/// What the handlers share.
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
    /// When one is missing or wrong.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        let host = &host.using(&TABLES)?;
        Ok(Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            tokens: Tokens::load(&host.env, &host.clock)?,
            github_keys: Arc::new(leaks::GitHubKeys::load(&host.env)?),
        })
    }
}

shared::web::routes! {
    state: State,
    tag: ("API keys", "What SDKs send telemetry with. Shown once, kept as a hash."),
    handlers: [
        list::list,
        mint::mint,
        change::change,
        change::revoke,
        rotate::rotate,
        leaks::report,
    ],
}

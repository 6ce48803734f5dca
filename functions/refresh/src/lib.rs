//! Sessions after sign-in: new access tokens for a refresh token, sign-out, and the list of a
//! user's sessions.

use axum::extract::FromRef;
use shared::base::clock::Clock;
use shared::base::environment::ConfigError;
use shared::identity::session::SessionPolicy;
use shared::lambda::Host;
use shared::store::{ColdRead, Database, Table, WarmUp};
use shared::web::credentials::Tokens;

mod logout;
mod refresh;
mod sessions;

/// Tables that this function uses. Its role and settings in `template.yaml` cover the same tables.
const TABLES: [Table; 2] = [Table::RefreshTokens, Table::Applications];

/// Connections that an instance opens before its first event. One is enough, because a refresh is
/// one update.
pub const WARM_UP: Option<WarmUp> = Some(WarmUp {
    read: ColdRead::Sessions,
    connections: 1,
});

/// State shared by the handlers.
#[derive(Clone, FromRef)]
pub struct State {
    clock: Clock,
    database: Database,
    tokens: Tokens,
    policy: SessionPolicy,
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
            tokens: Tokens::load(&host.env, &host.clock)?,
            policy: SessionPolicy::from_env(&host.env)?,
        })
    }
}

shared::web::routes! {
    state: State,
    tag: ("Sessions", "Exchange refresh tokens, sign out, list and end sessions."),
    handlers: [
        refresh::refresh,
        logout::logout,
        sessions::list,
        sessions::revoke,
        sessions::revoke_all,
    ],
}

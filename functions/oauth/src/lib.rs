//! Sign-in with GitHub: OAuth 2.0 authorization code flow (RFC 6749) with
//! `state` and PKCE (RFC 7636), as RFC 9700 asks.
//!
//! 1. `start` sends the browser to GitHub and leaves a sealed cookie.
//! 2. GitHub sends it back to `callback`, which asks GitHub who it is, opens
//!    a session and hands the tokens to the frontend; or a one-time code, which
//!    `token` swaps for them.

use std::sync::Arc;

use axum::extract::FromRef;
use shared::base::clock::Clock;
use shared::base::environment::ConfigError;
use shared::identity::session::SessionPolicy;
use shared::lambda::Host;
use shared::store::{Database, Table};
use shared::web::credentials::Tokens;

mod callback;
mod cookies;
mod frontend;
mod github;
mod start;
mod token;

use cookies::Cookies;
use frontend::Frontend;
use github::GitHub;

/// The path that GitHub sends the browser back to.
const CALLBACK_PATH: &str = "/login/oauth2/code/github";

/// The tables that this function uses. Its role and its settings in `template.yaml` are for these.
const TABLES: [Table; 3] = [Table::Users, Table::RefreshTokens, Table::Applications];

/// What the handlers share.
#[derive(Clone, FromRef)]
pub struct State {
    clock: Clock,
    database: Database,
    tokens: Tokens,
    policy: SessionPolicy,
    cookies: Cookies,
    frontend: Arc<Frontend>,
    github: Arc<GitHub>,
}

impl State {
    /// Reads the settings of this function.
    ///
    /// # Errors
    /// When one is missing or wrong.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        let host = &host.using(&TABLES)?;
        let env = &host.env;
        let public_url = env.base_url("PUBLIC_URL", None)?;
        Ok(Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            tokens: Tokens::load(env, &host.clock)?,
            policy: SessionPolicy::from_env(env)?,
            cookies: Cookies::for_address(&public_url)?,
            frontend: Arc::new(Frontend::load(env)?),
            github: Arc::new(GitHub::load(env, format!("{public_url}{CALLBACK_PATH}"))?),
        })
    }
}

shared::web::routes! {
    state: State,
    tag: ("Sign-in", "Signing in with GitHub."),
    handlers: [
        start::start,
        callback::callback,
        token::redeem,
    ],
}

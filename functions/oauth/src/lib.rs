//! Sign-in with GitHub: the OAuth 2.0 authorization code flow (RFC 6749) with `state` and PKCE
//! (RFC 7636), as RFC 9700 requires.
//!
//! 1. `start` redirects the browser to GitHub and sets an encrypted cookie.
//! 2. GitHub redirects it to `callback`, which reads the profile from GitHub, opens a session
//!    and redirects to the frontend, with tokens or with an authorization code.
//! 3. `token` exchanges the authorization code for tokens.

use std::sync::Arc;

use axum::extract::FromRef;
use shared::base::clock::Clock;
use shared::base::environment::ConfigError;
use shared::identity::allow_list::{SIGN_IN, SignInRule};
use shared::identity::session::SessionPolicy;
use shared::lambda::Host;
use shared::store::{ColdRead, Database, Table, WarmUp};
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

/// Path of the redirect URI, which is registered at GitHub.
const CALLBACK_PATH: &str = "/login/oauth2/code/github";

/// Tables that this function uses. Its role and settings in `template.yaml` cover the same tables.
const TABLES: [Table; 3] = [Table::Users, Table::RefreshTokens, Table::Applications];

/// Connections that an instance opens before its first event. One is enough, because a sign-in
/// writes in one transaction.
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
    cookies: Cookies,
    frontend: Arc<Frontend>,
    github: Arc<GitHub>,
}

impl State {
    /// Reads the settings of this function.
    ///
    /// # Errors
    /// If a setting is missing or invalid.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        let host = &host.using(&TABLES)?;
        let env = &host.env;
        let public_url = env.base_url("PUBLIC_URL", None)?;
        let redirect_url = format!("{public_url}{CALLBACK_PATH}");
        let rule = SignInRule::from_env(env)?;
        if rule == SignInRule::Open && env.optional(SIGN_IN).is_none() {
            tracing::warn!(
                "everyone with a GitHub account may sign in, because PUBLIC_URL is on this machine"
            );
        }
        Ok(Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            tokens: Tokens::load(env, &host.clock)?,
            policy: SessionPolicy::from_env(env)?,
            cookies: Cookies::for_address(&public_url)?,
            frontend: Arc::new(Frontend::load(env, &public_url)?),
            github: Arc::new(GitHub::load(env, redirect_url, rule)?),
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

//! Sessions after sign-in: new access tokens for a refresh token, signing out,
//! and the list of a user's sessions.

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{delete, get, post};
use shared::base::clock::Clock;
use shared::base::environment::ConfigError;
use shared::identity::session::SessionPolicy;
use shared::lambda::Host;
use shared::store::Database;
use shared::web::credentials::Tokens;
use utoipa::OpenApi;

mod logout;
mod refresh;
mod sessions;

/// What the handlers share.
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
    /// When one is missing or wrong.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        Ok(Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            tokens: Tokens::load(&host.env, &host.clock)?,
            policy: SessionPolicy::from_env(&host.env)?,
        })
    }
}

/// The routes of this function.
pub fn router(state: State) -> Router {
    Router::new()
        .route("/refresh", post(refresh::refresh))
        .route("/logout", post(logout::logout))
        .route(
            "/sessions",
            get(sessions::list).delete(sessions::revoke_all),
        )
        .route("/sessions/{id}", delete(sessions::revoke))
        .with_state(state)
}

/// What the routes take and give, for the description of the API.
#[derive(OpenApi)]
#[openapi(
    paths(refresh::refresh, logout::logout, sessions::list, sessions::revoke, sessions::revoke_all),
    tags((name = "Sessions", description = "New tokens, signing out, and where one is signed in."))
)]
pub struct Description;

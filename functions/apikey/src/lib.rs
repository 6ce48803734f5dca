//! API keys: minted for one application, shown once, kept as a hash; revoked
//! when GitHub finds one in public.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, patch, post};
use shared::base::clock::Clock;
use shared::base::environment::ConfigError;
use shared::lambda::Host;
use shared::store::Database;
use shared::web::credentials::Tokens;
use utoipa::OpenApi;

mod change;
mod leaks;
mod list;
mod mint;
mod rotate;

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
        Ok(Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            tokens: Tokens::load(&host.env, &host.clock)?,
            github_keys: Arc::new(leaks::GitHubKeys::load(&host.env)?),
        })
    }
}

/// The routes of this function.
pub fn router(state: State) -> Router {
    Router::new()
        .route("/apikey", get(list::list).post(mint::mint))
        .route("/apikey/{id}", patch(change::change).delete(change::revoke))
        .route("/apikey/{id}/rotate", post(rotate::rotate))
        .route("/secret-scanning/github", post(leaks::report))
        .with_state(state)
}

/// What the routes take and give, for the description of the API.
#[derive(OpenApi)]
#[openapi(
    paths(mint::mint, list::list, change::change, change::revoke, rotate::rotate, leaks::report),
    tags((name = "API keys", description = "What SDKs send telemetry with. Shown once, kept as a hash."))
)]
pub struct Description;

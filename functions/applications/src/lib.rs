//! Applications: what a team observes. Membership is checked on every call;
//! someone else's application is not found.

use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use shared::base::clock::Clock;
use shared::base::environment::ConfigError;
use shared::identity::application::default_retention;
use shared::lambda::Host;
use shared::store::Database;
use shared::web::credentials::Tokens;
use utoipa::OpenApi;

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

/// The routes of this function.
pub fn router(state: State) -> Router {
    use applications::{change, create, delete, list, show};
    Router::new()
        .route("/applications", get(list).post(create))
        .route("/applications/{id}", get(show).patch(change).delete(delete))
        .route("/applications/{id}/audit", get(audit::of_application))
        .route("/me", get(me::me))
        .route("/me/audit", get(audit::of_account))
        .with_state(state)
}

/// What the routes take and give, for the description of the API.
#[derive(OpenApi)]
#[openapi(
    paths(applications::create, applications::list, applications::show, applications::change, applications::delete, audit::of_application, me::me, audit::of_account),
    tags((name = "Applications", description = "What telemetry belongs to, and what happened to it."))
)]
pub struct Description;

//! A stand-in for the parts of GitHub that sign-in needs: the authorize page, the code
//! exchange, the user API, and memberships in organizations and teams. Responses match GitHub's,
//! including its quirks. It has no authentication: anyone who can reach it can sign in as any user, so
//! it must be served on localhost only.

mod api;
mod authorize;
mod avatar;
mod grants;
mod login;
mod organizations;
mod page;
mod params;
mod token;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::{get, post};
use shared::base::clock::Clock;

use grants::Grants;

/// First segment of every path of the stand-in, which shares a port with the API.
const PREFIX: &str = "/github";

/// An OAuth app, as registered on GitHub under "OAuth Apps".
pub struct OAuthApp {
    /// Public identifier of the app.
    pub client_id: String,
    /// Secret that the app sends to redeem a code.
    pub client_secret: String,
    /// The only URL that the stand-in redirects to.
    pub callback: String,
}

struct StandIn {
    app: OAuthApp,
    base_url: String,
    clock: Clock,
    grants: Mutex<Grants>,
}

impl StandIn {
    fn grants(&self) -> MutexGuard<'_, Grants> {
        // A panic while the lock was held cannot leave the lists inconsistent.
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type StandInState = axum::extract::State<Arc<StandIn>>;

/// Value of `GITHUB_URL` for a stand-in served at `base_url`.
pub fn url(base_url: &str) -> String {
    format!("{base_url}{PREFIX}")
}

/// Value of `GITHUB_API_URL` for a stand-in served at `base_url`.
pub fn api_url(base_url: &str) -> String {
    format!("{base_url}{PREFIX}/api")
}

/// Routes of the stand-in, served at `base_url` (scheme and authority), with one registered app.
pub fn router(base_url: &str, app: OAuthApp, clock: Clock) -> Router {
    let stand_in = StandIn {
        app,
        base_url: base_url.to_owned(),
        clock,
        grants: Mutex::default(),
    };
    Router::new()
        .route("/github/login/oauth/authorize", get(authorize::authorize))
        .route("/github/login/oauth/access_token", post(token::exchange))
        .route("/github/api/user", get(api::user))
        .route("/github/api/user/emails", get(api::emails))
        .route("/github/api/users/{login}", get(api::account))
        .route(
            "/github/api/user/memberships/orgs/{org}",
            get(organizations::membership),
        )
        .route(
            "/github/api/orgs/{org}/teams/{team}/memberships/{login}",
            get(organizations::team_membership),
        )
        .route("/github/avatars/{login}", get(avatar::avatar))
        .route("/github/page.css", get(page::style_sheet))
        .with_state(Arc::new(stand_in))
}

//! A stand-in for GitHub: the three things sign-in needs of it (the authorize
//! page, the code exchange, the user API), answering as GitHub does, mistakes
//! included. Whoever can reach it signs in as anyone: it is for localhost only.

mod api;
mod authorize;
mod avatar;
mod grants;
mod login;
mod page;
mod params;
mod token;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::{get, post};
use shared::base::clock::Clock;

use grants::Grants;

/// Every path of the stand-in starts with this, so that it can share a port.
const PREFIX: &str = "/github";

/// What one would register on GitHub under "OAuth Apps".
pub struct OAuthApp {
    /// Public name of the app.
    pub client_id: String,
    /// Proves to the stand-in that it is the app which redeems a code.
    pub client_secret: String,
    /// The only address the stand-in sends a browser back to.
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
        // A list of strings is sound whatever a panicking thread did to it.
        self.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type StandInState = axum::extract::State<Arc<StandIn>>;

/// `GITHUB_URL` of a stand-in that is served at `base_url`.
pub fn url(base_url: &str) -> String {
    format!("{base_url}{PREFIX}")
}

/// `GITHUB_API_URL` of a stand-in that is served at `base_url`.
pub fn api_url(base_url: &str) -> String {
    format!("{base_url}{PREFIX}/api")
}

/// The stand-in, reached at `base_url` (scheme and authority), with one app registered.
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
        .route("/github/avatars/{login}", get(avatar::avatar))
        .route("/github/page.css", get(page::style_sheet))
        .with_state(Arc::new(stand_in))
}

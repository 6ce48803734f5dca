//! `GET /oauth2/authorization/github`: sends the browser to GitHub.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use shared::error::Error;
use shared::http::body::Query;
use shared::login::{LoginAttempt, ReturnTo};
use shared::random;

use crate::frontend::Reason;
use crate::github::is_login;

/// The query of a sign-in's start.
#[derive(Deserialize)]
pub(crate) struct Start {
    /// Where on the frontend to go afterwards.
    return_to: Option<ReturnTo>,
    /// The GitHub account to suggest; GitHub's own parameter of that name.
    login: Option<String>,
}

/// Makes no database call.
pub(crate) async fn start(
    State(state): State<crate::State>,
    query: Result<Query<Start>, Error>,
) -> Response {
    let Ok(Query(query)) = query else {
        return state
            .frontend
            .login_page(Reason::InvalidRequest)
            .into_response();
    };
    let attempt = LoginAttempt::start(query.return_to, state.clock.now(), &mut random::rng());
    let Some(sealed) = attempt.seal(state.verifier.keys()) else {
        return state
            .frontend
            .login_page(Reason::Unavailable)
            .into_response();
    };
    let login = query.login.filter(|login| is_login(login));
    let github = state.github.authorize_url(&attempt, login);
    (
        state.cookies.set(attempt.flow_id(), sealed),
        crate::frontend::found(&github),
    )
        .into_response()
}

//! `GET /login/oauth2/code/github`: GitHub sends the browser back.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use shared::base::random;
use shared::identity::authorization_code;
use shared::identity::login::LoginAttempt;
use shared::identity::refresh_token::RefreshToken;
use shared::identity::session::Session;
use shared::identity::user::Profile;
use shared::web::error::Error;
use shared::web::problem;
use shared::web::query::Query;
use shared::web::request_log;
use shared::web::source::Sender;
use utoipa::IntoParams;

use crate::frontend::{Reason, SignInGrant};
use crate::github::GitHubError;

/// What GitHub puts into the query.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Callback {
    state: String,
    code: Option<String>,
    error: Option<String>,
}

/// Ends in a redirect to the frontend, whatever happens. One database transaction.
#[utoipa::path(
    get, path = "/login/oauth2/code/github", operation_id = "finishSignIn",
    summary = "End a sign-in",
    description = "Where GitHub sends the browser back to. Opens a session, and hands it to the dashboard.",
    params(Callback),
    responses((status = 302, description = "To `/oauth-success` of the dashboard, with `#token=…&refreshToken=…&expiresIn=…` or, after a challenge, `?code=…`, and with `clientState` if the start had a `client_state`; or to `/login?reason=…`.", headers(("location")))),
)]
pub(crate) async fn callback(
    State(state): State<crate::State>,
    method: Method,
    headers: HeaderMap,
    sender: Sender,
    query: Result<Query<Callback>, Error>,
) -> Response {
    if method == Method::HEAD {
        // Link checkers and previews send it; a code can be used once.
        return StatusCode::NO_CONTENT.into_response();
    }
    let Ok(Query(query)) = query else {
        return state.frontend.login_page(Reason::InvalidState);
    };
    let Some(flow_id) = LoginAttempt::flow_id_in(&query.state).map(str::to_owned) else {
        return state.frontend.login_page(Reason::InvalidState);
    };
    let response = match finish(&state, &headers, &sender, query, &flow_id).await {
        Ok(response) => response,
        Err(reason) => {
            tracing::warn!(reason = reason.as_str(), "sign-in failed");
            state.frontend.login_page(reason)
        }
    };
    (state.cookies.clear(&flow_id), response).into_response()
}

async fn finish(
    state: &crate::State,
    headers: &HeaderMap,
    sender: &Sender,
    query: Callback,
    flow_id: &str,
) -> Result<Response, Reason> {
    let cookie = state
        .cookies
        .find(headers, flow_id)
        .ok_or(Reason::InvalidState)?;
    let now = state.clock.now();
    let attempt = LoginAttempt::open(&cookie, &query.state, state.tokens.keys(), now)?;
    let code = granted(query)?;
    let profile = state
        .github
        .identify(code, &attempt)
        .await
        .map_err(|error| {
            log(&error);
            Reason::from(&error)
        })?;
    let outcome = open_session(state, &attempt, profile, sender).await;
    outcome.map_err(|error| {
        problem::log(&error);
        match error {
            Error::Internal(_) => Reason::InternalError,
            _ => Reason::Unavailable,
        }
    })
}

/// The code, unless the user or GitHub said no. GitHub's words are not passed on.
fn granted(query: Callback) -> Result<String, Reason> {
    match (query.error.as_deref(), query.code) {
        (Some("access_denied"), _) => Err(Reason::AccessDenied),
        (Some(_), _) => Err(Reason::GitHubError),
        (None, Some(code)) if !code.is_empty() => Ok(code),
        (None, _) => Err(Reason::InvalidRequest),
    }
}

/// Hands over tokens or, where a challenge was given, a one-time code for them.
async fn open_session(
    state: &crate::State,
    attempt: &LoginAttempt,
    profile: Profile,
    sender: &Sender,
) -> Result<Response, Error> {
    let now = state.clock.now();
    let token = RefreshToken::first(profile.user_id, &mut random::rng());
    let user_agent = sender.user_agent.clone();
    let session = Session {
        moved_by: Some(sender.client().mark(state.tokens.keys())),
        ..Session::open(&token, profile, user_agent, &state.policy, now)
    };
    let (session, grant) = match attempt.code_challenge() {
        None => {
            let tokens = state.tokens.issue(&session, &token, now)?;
            (session, SignInGrant::Tokens(tokens))
        }
        Some(challenge) => {
            let code = authorization_code::seal(&token, state.tokens.keys());
            let code = code.ok_or_else(|| Error::Internal("sealing failed".into()))?;
            (session.awaiting(challenge.clone()), SignInGrant::Code(code))
        }
    };
    state.database.sign_in(&session).await?;
    request_log::record_session(session.profile.user_id, session.id);
    Ok(state.frontend.success(&grant, attempt))
}

/// Wrong client credentials are the operator's to mend; all else passes.
fn log(error: &GitHubError) {
    match error {
        GitHubError::Refused(code) if code == "incorrect_client_credentials" => {
            tracing::error!("GitHub refuses GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET");
        }
        error => tracing::warn!(%error, "GitHub"),
    }
}

//! `GET /login/oauth2/code/github`: finishes a sign-in after GitHub has redirected the browser
//! back.

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
use shared::store::refresh_tokens::SignInOutcome;
use shared::web::error::Error;
use shared::web::problem;
use shared::web::query::Query;
use shared::web::request_log;
use shared::web::source::Sender;
use utoipa::IntoParams;

use crate::frontend::{LoginFailure, SignInGrant};
use crate::github::GitHubError;

/// Query of the redirect from GitHub (RFC 6749 §4.1.2).
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Callback {
    /// `state` that the sign-in sent to GitHub.
    state: String,
    /// GitHub's authorization code. Absent if the user denied access.
    code: Option<String>,
    /// Error code, if the user denied access or GitHub failed.
    error: Option<String>,
}

/// Redirects to the frontend, even after an error; HEAD gets a 204. Usually one database
/// transaction.
#[utoipa::path(
    get, path = "/login/oauth2/code/github", operation_id = "finishSignIn",
    summary = "Finish a sign-in",
    description = "GitHub redirects the browser here. Opens a session, and redirects to the dashboard with tokens or an authorization code.",
    params(Callback),
    responses((status = 302, description = "Redirect to `/oauth-success` of the dashboard, with `#token=…&refreshToken=…&expiresIn=…` or, after a challenge, `?code=…`, and with `clientState` if the sign-in was started with `client_state`; or to `/login?reason=…`.", headers(("location")))),
)]
pub(crate) async fn callback(
    State(state): State<crate::State>,
    method: Method,
    headers: HeaderMap,
    sender: Sender,
    query: Result<Query<Callback>, Error>,
) -> Response {
    if method == Method::HEAD {
        // Link checkers and previews send HEAD, which must not use up the code.
        return StatusCode::NO_CONTENT.into_response();
    }
    let Ok(Query(query)) = query else {
        return state.frontend.login_page(LoginFailure::InvalidState);
    };
    let Some(flow_id) = LoginAttempt::flow_id_in(&query.state).map(str::to_owned) else {
        return state.frontend.login_page(LoginFailure::InvalidState);
    };
    let response = match finish(&state, &headers, &sender, query, &flow_id).await {
        Ok(response) => response,
        Err(reason) => state.frontend.login_page(reason),
    };
    (state.cookies.clear(&flow_id), response).into_response()
}

async fn finish(
    state: &crate::State,
    headers: &HeaderMap,
    sender: &Sender,
    query: Callback,
    flow_id: &str,
) -> Result<Response, LoginFailure> {
    let cookie = state
        .cookies
        .find(headers, flow_id)
        .ok_or(LoginFailure::InvalidState)?;
    let now = state.clock.now();
    let attempt = LoginAttempt::open(&cookie, &query.state, state.tokens.keys(), now)?;
    let code = granted(query)?;
    let profile = state
        .github
        .identify(code, &attempt)
        .await
        .map_err(|error| {
            log(&error);
            LoginFailure::from(&error)
        })?;
    let account = profile.user_id;
    match open_session(state, &attempt, profile, sender).await {
        Ok(Some(response)) => Ok(response),
        Ok(None) => {
            request_log::record(|request| request.user = Some(account));
            tracing::warn!(%account, "this account is blocked");
            Err(LoginFailure::NotAllowed)
        }
        Err(error) => {
            problem::log(&error);
            Err(match error {
                Error::Internal(_) => LoginFailure::InternalError,
                _ => LoginFailure::Unavailable,
            })
        }
    }
}

/// Returns GitHub's code, or why there is none. Does not pass on GitHub's error texts.
fn granted(query: Callback) -> Result<String, LoginFailure> {
    match (query.error.as_deref(), query.code) {
        (Some("access_denied"), _) => Err(LoginFailure::AccessDenied),
        (Some(_), _) => Err(LoginFailure::GitHubError),
        (None, Some(code)) if !code.is_empty() => Ok(code),
        (None, _) => Err(LoginFailure::InvalidRequest),
    }
}

/// Opens a session. Returns the redirect with its tokens or, if the sign-in has a PKCE challenge,
/// with an authorization code. Returns `None` if the user is blocked.
async fn open_session(
    state: &crate::State,
    attempt: &LoginAttempt,
    profile: Profile,
    sender: &Sender,
) -> Result<Option<Response>, Error> {
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
            let code =
                code.ok_or_else(|| Error::Internal("cannot seal the authorization code".into()))?;
            (session.awaiting(challenge.clone()), SignInGrant::Code(code))
        }
    };
    if state.database.sign_in(&session).await? == SignInOutcome::Blocked {
        return Ok(None);
    }
    request_log::record_session(session.profile.user_id, session.id);
    Ok(Some(state.frontend.success(&grant, attempt)))
}

/// Logs why a sign-in failed at GitHub. Wrong client credentials are an error, because only the
/// operator can correct them. The id of a refused account is logged and not stored, so that strangers
/// cannot fill the tables.
fn log(error: &GitHubError) {
    match error {
        GitHubError::Refused(code) if code == "incorrect_client_credentials" => {
            tracing::error!("GitHub refuses GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET");
        }
        GitHubError::NotAllowed(account) => {
            request_log::record(|request| request.user = Some(*account));
            tracing::warn!(%account, "the allow list has no entry for this account");
        }
        error => tracing::warn!(%error, "sign-in at GitHub failed"),
    }
}

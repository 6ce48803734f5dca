//! `GET /oauth2/authorization/github`: redirects the browser to GitHub.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Deserialize;
use shared::base::random;
use shared::identity::authorization_code::CodeChallenge;
use shared::identity::login::{ClientState, LoginAttempt, ReturnTo};
use shared::identity::user::is_login;
use shared::web::error::Error;
use shared::web::query::Query;
use utoipa::IntoParams;

use crate::frontend::LoginFailure;

/// Query of `GET /oauth2/authorization/github`.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Start {
    /// Requests an authorization code bound to this PKCE challenge, instead of tokens.
    #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{43}$", example = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")]
    code_challenge: Option<CodeChallenge>,
    /// Method of the challenge. Must be `S256` (RFC 9700 §2.1.1), and present if there is a
    /// challenge.
    #[param(value_type = Option<String>, pattern = "^S256$", example = "S256")]
    code_challenge_method: Option<ChallengeMethod>,
    /// Path on the dashboard to open after the sign-in. Ignored if it is not a plain path.
    #[param(example = "/applications")]
    return_to: Option<String>,
    /// Value that comes back as `clientState` with the tokens or the code, so that the client can
    /// recognize a sign-in that it started (RFC 9700 §4.7).
    #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{1,128}$", example = "wEVjNoE4vVQ")]
    client_state: Option<ClientState>,
    /// GitHub account to suggest, passed to GitHub's parameter of the same name.
    #[param(example = "octocat")]
    login: Option<String>,
}

#[derive(Deserialize)]
enum ChallengeMethod {
    S256,
}

impl Start {
    /// Returns whether challenge and method are both present or both absent. RFC 7636 §4.3
    /// treats a challenge without a method as `plain`, which is not supported.
    fn is_complete(&self) -> bool {
        self.code_challenge.is_some() == self.code_challenge_method.is_some()
    }
}

/// Redirects the browser to GitHub. Makes no database call.
#[utoipa::path(
    get, path = "/oauth2/authorization/github", operation_id = "startSignIn",
    summary = "Start a sign-in",
    description = "Redirects the browser to GitHub and sets a cookie that binds the sign-in to the browser. With a challenge, the sign-in ends with an authorization code instead of tokens.",
    params(Start),
    responses((status = 302, description = "Redirect to GitHub or, if the query is invalid, to `/login?reason=invalid_request` of the dashboard.", headers(("location")))),
)]
pub(crate) async fn start(
    State(state): State<crate::State>,
    headers: HeaderMap,
    query: Result<Query<Start>, Error>,
) -> Response {
    let Some(query) = query
        .ok()
        .map(|Query(query)| query)
        .filter(Start::is_complete)
    else {
        return state
            .frontend
            .login_page(LoginFailure::InvalidRequest)
            .into_response();
    };
    let return_to = query
        .return_to
        .and_then(|path| ReturnTo::try_from(path).ok());
    let now = state.clock.now();
    let attempt = LoginAttempt::start(return_to, query.code_challenge, now, &mut random::rng())
        .with_client_state(query.client_state);
    let Some(sealed) = attempt.seal(state.tokens.keys()) else {
        return state
            .frontend
            .login_page(LoginFailure::Unavailable)
            .into_response();
    };
    let login = query.login.filter(|login| is_login(login));
    let github = state.github.authorize_url(&attempt, login);
    let surplus = LoginAttempt::surplus(state.cookies.flows(&headers), state.tokens.keys());
    (
        state.cookies.set(attempt.flow_id(), sealed, &surplus),
        crate::frontend::found(&github),
    )
        .into_response()
}

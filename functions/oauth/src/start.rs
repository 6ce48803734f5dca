//! `GET /oauth2/authorization/github`: sends the browser to GitHub.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Deserialize;
use shared::base::random;
use shared::identity::handoff::CodeChallenge;
use shared::identity::login::{LoginAttempt, ReturnTo};
use shared::web::error::Error;
use shared::web::query::Query;
use utoipa::IntoParams;

use crate::frontend::Reason;
use crate::github::is_login;

/// The query of a sign-in's start.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Start {
    /// Asks for a one-time code bound to this challenge, instead of tokens.
    #[param(value_type = Option<String>, pattern = "^[A-Za-z0-9_-]{43}$", example = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")]
    code_challenge: Option<CodeChallenge>,
    /// The only method is `S256`; `plain` would be no protection (RFC 9700 §2.1.1).
    #[param(value_type = Option<String>, pattern = "^S256$", example = "S256")]
    code_challenge_method: Option<ChallengeMethod>,
    /// A path on the frontend to go to afterwards. Anything else is ignored.
    #[param(example = "/applications")]
    return_to: Option<String>,
    /// The GitHub account to suggest; GitHub's own parameter of that name.
    #[param(example = "octocat")]
    login: Option<String>,
}

#[derive(Deserialize)]
enum ChallengeMethod {
    S256,
}

impl Start {
    /// RFC 7636 §4.3 reads a challenge without a method as `plain`.
    fn is_complete(&self) -> bool {
        self.code_challenge.is_some() == self.code_challenge_method.is_some()
    }
}

/// Makes no database call.
#[utoipa::path(
    get, path = "/oauth2/authorization/github", operation_id = "startSignIn",
    summary = "Start a sign-in",
    description = "Sends the browser to GitHub, with a cookie that ties the answer to it. With a challenge, the sign-in ends with a one-time code instead of tokens.",
    params(Start),
    responses((status = 302, description = "To GitHub; or, where the query is not valid, to `/login?reason=invalid_request` of the dashboard.", headers(("location")))),
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
            .login_page(Reason::InvalidRequest)
            .into_response();
    };
    let attempt = {
        let now = state.clock.now();
        LoginAttempt::start(
            query
                .return_to
                .and_then(|path| ReturnTo::try_from(path).ok()),
            query.code_challenge,
            now,
            &mut random::rng(),
        )
    };
    let Some(sealed) = attempt.seal(state.tokens.keys()) else {
        return state
            .frontend
            .login_page(Reason::Unavailable)
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

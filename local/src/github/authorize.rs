//! `GET /login/oauth/authorize`: asks which user signs in, and redirects back with a code.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, LOCATION};
use axum::response::{IntoResponse, Response};
use shared::base::random;
use url::Url;

use super::grants::Grant;
use super::login::Login;
use super::params::Params;
use super::{StandIn, StandInState, page};

const HELP: &str = "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-authorization-request-errors/#";

pub(super) async fn authorize(State(github): StandInState, RawQuery(query): RawQuery) -> Response {
    let params = Params::parse(query.unwrap_or_default().as_bytes());
    match Request::read(&github, &params) {
        Ok(request) => request.respond(&github, &params),
        Err(refusal) => *refusal,
    }
}

/// A valid authorization request.
struct Request {
    callback: Url,
    state: Option<String>,
    challenge: Option<String>,
    scopes: Vec<String>,
}

impl Request {
    /// Reads a request. The error is the response to an invalid one, boxed because it is many times
    /// larger than a request.
    fn read(github: &StandIn, params: &Params) -> Result<Self, Box<Response>> {
        if params.get("client_id") != Some(&github.app.client_id) {
            return Err(Box::new(page::not_found()));
        }
        let Ok(callback) = Url::parse(&github.app.callback) else {
            return Err(Box::new(page::bad_request(
                "The registered callback is not a URL.",
            )));
        };
        let request = Self {
            callback,
            state: params.get("state").map(Into::into),
            challenge: params.get("code_challenge").map(Into::into),
            scopes: params.get("scope").map(scopes).unwrap_or_default(),
        };
        // As GitHub does, this redirects to the registered callback, never to the requested URL.
        if params
            .get("redirect_uri")
            .is_some_and(|uri| uri != github.app.callback)
        {
            return Err(Box::new(request.refuse(
                "redirect_uri_mismatch",
                "The redirect_uri MUST match the registered callback URL for this application.",
            )));
        }
        let method = params.get("code_challenge_method");
        if request.challenge.is_some() && method != Some("S256") {
            return Err(Box::new(page::bad_request(
                "The code_challenge_method must be S256.",
            )));
        }
        Ok(request)
    }

    fn respond(self, github: &StandIn, params: &Params) -> Response {
        match params.get("login").map(str::parse::<Login>) {
            None => {
                let cancel = self.denied();
                page::choose_user(params, cancel.as_str())
            }
            Some(Err(_)) => page::bad_request(
                "A GitHub login has 1 to 39 letters, digits and single hyphens between them.",
            ),
            Some(Ok(login)) => self.approve(github, login),
        }
    }

    fn approve(self, github: &StandIn, login: Login) -> Response {
        let grant = Grant {
            login,
            scopes: self.scopes.clone(),
            challenge: self.challenge.clone(),
        };
        let code = github
            .grants()
            .issue_code(grant, github.clock.now(), &mut random::rng());
        redirect(&self.callback_with(&[("code", &code)]))
    }

    fn denied(&self) -> Url {
        self.error(
            "access_denied",
            "The user has denied your application access.",
        )
    }

    fn refuse(&self, error: &str, description: &str) -> Response {
        redirect(&self.error(error, description))
    }

    fn error(&self, error: &str, description: &str) -> Url {
        let help = format!("{HELP}{}", error.replace('_', "-"));
        self.callback_with(&[
            ("error", error),
            ("error_description", description),
            ("error_uri", &help),
        ])
    }

    fn callback_with(&self, pairs: &[(&str, &str)]) -> Url {
        let mut url = self.callback.clone();
        let state = self.state.as_deref().map(|state| ("state", state));
        url.query_pairs_mut()
            .extend_pairs(pairs)
            .extend_pairs(state);
        url
    }
}

/// Splits scopes at spaces and commas, as GitHub does.
fn scopes(text: &str) -> Vec<String> {
    let names = text.split([' ', ',']).filter(|name| !name.is_empty());
    names.map(Into::into).collect()
}

fn redirect(to: &Url) -> Response {
    let headers = [(LOCATION, to.as_str()), (CACHE_CONTROL, "no-store")];
    (StatusCode::FOUND, headers).into_response()
}

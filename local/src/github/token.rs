//! `POST /login/oauth/access_token`: exchanges a code for a token. As GitHub does, errors are
//! returned with status 200 and an `error` field, which clients easily overlook.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use shared::base::random;
use url::form_urlencoded;

use super::params::Params;
use super::{StandIn, StandInState};

const HELP: &str = "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/#";

/// Names and values of the response body.
type Fields = Vec<(&'static str, String)>;

/// An error: GitHub's code for it, and its description.
type Refusal = (&'static str, &'static str);

pub(super) async fn exchange(
    State(github): StandInState,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fields = redeem(&github, &Params::parse(&body)).unwrap_or_else(error_fields);
    let wants_json = headers.get(ACCEPT).is_some_and(mentions_json);
    render(&fields, wants_json)
}

fn redeem(github: &StandIn, params: &Params) -> Result<Fields, Refusal> {
    let app = &github.app;
    let is_the_app = params.get("client_id") == Some(&app.client_id)
        && params.get("client_secret") == Some(&app.client_secret);
    if !is_the_app {
        return Err((
            "incorrect_client_credentials",
            "The client_id and/or client_secret passed are incorrect.",
        ));
    }
    if params
        .get("redirect_uri")
        .is_some_and(|uri| uri != app.callback)
    {
        return Err((
            "redirect_uri_mismatch",
            "The redirect_uri MUST match the registered callback URL for this application.",
        ));
    }
    let verifier = params.get("code_verifier");
    let code = params.get("code").unwrap_or_default();
    let now = github.clock.now();
    let (token, grant) = github
        .grants()
        .redeem(code, verifier, now, &mut random::rng())
        .ok_or((
            "bad_verification_code",
            "The code passed is incorrect or expired.",
        ))?;
    Ok(vec![
        ("access_token", token),
        ("token_type", "bearer".into()),
        ("scope", grant.scopes.join(",")),
    ])
}

fn error_fields((error, description): Refusal) -> Fields {
    vec![
        ("error", error.into()),
        ("error_description", description.into()),
        ("error_uri", format!("{HELP}{}", error.replace('_', "-"))),
    ]
}

fn mentions_json(accept: &HeaderValue) -> bool {
    accept
        .to_str()
        .is_ok_and(|accept| accept.to_ascii_lowercase().contains("json"))
}

fn render(fields: &Fields, as_json: bool) -> Response {
    let (content_type, body) = if as_json {
        let object = fields.iter().map(|(name, value)| (*name, json!(value)));
        let object: serde_json::Map<_, _> = object
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        ("application/json; charset=utf-8", json!(object).to_string())
    } else {
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        ("application/x-www-form-urlencoded; charset=utf-8", form)
    };
    (
        [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store")],
        body,
    )
        .into_response()
}

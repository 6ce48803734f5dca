//! `GET /user`, `GET /user/emails` and `GET /users/{login}` of GitHub's REST API.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::grants::Grant;
use super::login::Login;
use super::organizations;
use super::{PREFIX, StandIn, StandInState};

pub(super) async fn user(State(github): StandInState, headers: HeaderMap) -> Response {
    respond(&github, &headers, |grant| {
        Ok(profile(grant, &github.base_url))
    })
}

pub(super) async fn emails(State(github): StandInState, headers: HeaderMap) -> Response {
    respond(&github, &headers, |grant| {
        // Without this scope GitHub responds 404.
        let allowed = grant
            .scopes
            .iter()
            .any(|scope| scope == "user:email" || scope == "user");
        allowed.then(|| addresses(grant)).ok_or_else(not_found)
    })
}

/// `GET /users/{login}`, authenticated with the app's client id and secret.
pub(super) async fn account(
    State(github): StandInState,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = anonymous(&headers) {
        return refusal;
    }
    let Some(authorization) = headers.get(AUTHORIZATION) else {
        // As if this address had used up GitHub's 60 anonymous requests an hour.
        let text = "API rate limit exceeded for 192.0.2.1.";
        return message(StatusCode::FORBIDDEN, text);
    };
    let app = format!("{}:{}", github.app.client_id, github.app.client_secret);
    let expected = format!("Basic {}", STANDARD.encode(app));
    if authorization != expected.as_str() {
        return message(StatusCode::UNAUTHORIZED, "Bad credentials");
    }
    match name.parse::<Login>() {
        Ok(login) if name != NOBODY => {
            let kind = if organizations::is_organization(&name) {
                "Organization"
            } else {
                "User"
            };
            let account = json!({ "login": login.to_string(), "id": login.id(), "type": kind });
            Json(account).into_response()
        }
        _ => message(StatusCode::NOT_FOUND, "Not Found"),
    }
}

/// A name that no account has.
const NOBODY: &str = "nobody";

/// Responds with the resource of the token's grant, or as GitHub does without a valid token.
pub(super) fn respond(
    github: &StandIn,
    headers: &HeaderMap,
    resource: impl FnOnce(&Grant) -> Result<Value, Refusal>,
) -> Response {
    if let Some(refusal) = anonymous(headers) {
        return refusal;
    }
    let Some(authorization) = headers.get(AUTHORIZATION) else {
        return message(StatusCode::UNAUTHORIZED, "Requires authentication");
    };
    let grants = github.grants();
    let grant = authorization
        .to_str()
        .ok()
        .and_then(token)
        .and_then(|t| grants.by_token(t));
    let Some(grant) = grant else {
        return message(StatusCode::UNAUTHORIZED, "Bad credentials");
    };
    match resource(grant) {
        Ok(body) => Json(body).into_response(),
        Err((status, text)) => message(status, &text),
    }
}

/// Returns GitHub's 403 response if a request has no `User-Agent`.
fn anonymous(headers: &HeaderMap) -> Option<Response> {
    let agent = headers.get(USER_AGENT);
    let text = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.\n";
    let is_named = agent.is_some_and(|agent| !agent.is_empty());
    (!is_named).then(|| (StatusCode::FORBIDDEN, text).into_response())
}

/// The token in `Bearer …`, or in GitHub's older form `token …`.
fn token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let known = ["bearer", "token"]
        .iter()
        .any(|name| scheme.eq_ignore_ascii_case(name));
    known.then(|| token.trim())
}

fn profile(grant: &Grant, base_url: &str) -> Value {
    let login = &grant.login;
    json!({
        "login": login.to_string(),
        "id": login.id(),
        "node_id": format!("U_{}", login.id()),
        "avatar_url": format!("{base_url}{PREFIX}/avatars/{login}"),
        "html_url": format!("{base_url}{PREFIX}/{login}"),
        "type": "User",
        "site_admin": false,
        "name": login.display_name(),
        // GitHub returns an address here only if the user made it public.
        "email": null,
        "created_at": "2011-01-25T18:44:36Z",
        "updated_at": "2011-01-25T18:44:36Z",
    })
}

fn addresses(grant: &Grant) -> Value {
    let login = &grant.login;
    json!([
        {
            "email": format!("{login}@unverified.example"),
            "primary": false,
            "verified": false,
            "visibility": null,
        },
        {
            "email": format!("{}+{login}@users.noreply.github.example", login.id()),
            "primary": false,
            "verified": true,
            "visibility": null,
        },
        {
            "email": format!("{login}@users.example"),
            "primary": true,
            "verified": true,
            "visibility": "private",
        },
    ])
}

/// An error of the REST API.
pub(super) type Refusal = (StatusCode, String);

pub(super) fn not_found() -> Refusal {
    (StatusCode::NOT_FOUND, "Not Found".to_owned())
}

fn message(status: StatusCode, message: &str) -> Response {
    let body = json!({
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": status.as_str(),
    });
    (status, Json(body)).into_response()
}

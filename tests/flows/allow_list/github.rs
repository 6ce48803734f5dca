//! Responses about memberships that the stand-in does not give.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::Backend;
use crate::support::callers::parameters;

/// What the server returns about each organization, by its path.
type Answers = Arc<BTreeMap<&'static str, Answer>>;

#[derive(Clone)]
enum Answer {
    Json(u16, Value),
    Text(&'static str),
    Moved,
    Never,
}

/// Paths that were requested, about memberships.
type Requested = Arc<Mutex<Vec<String>>>;

async fn membership(
    State((answers, requested)): State<(Answers, Requested)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    assert_eq!(headers[AUTHORIZATION], "Bearer gho_x");
    requested.lock().unwrap().push(uri.path().to_owned());
    match answers.get(uri.path()).cloned() {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(Answer::Json(status, body)) => {
            (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
        }
        Some(Answer::Text(text)) => text.into_response(),
        Some(Answer::Moved) => {
            let to = [(LOCATION, "/user/memberships/orgs/active")];
            (StatusCode::MOVED_PERMANENTLY, to).into_response()
        }
        Some(Answer::Never) => std::future::pending().await,
    }
}

fn state(state: &str) -> Answer {
    Answer::Json(200, json!({ "state": state, "role": "member" }))
}

/// Signs in with an account of this login while these organizations are listed. Returns the reason why
/// it fails (`None` if it succeeds), and the paths that were requested.
async fn outcome(login: &str, listed: &str) -> (Option<String>, Vec<String>) {
    let org = "/user/memberships/orgs";
    let requested = Requested::default();
    let answers = BTreeMap::from([
        ("/user/memberships/orgs/active", state("active")),
        ("/user/memberships/orgs/pending", state("pending")),
        ("/user/memberships/orgs/new-state", state("Active ")),
        (
            "/user/memberships/orgs/no-state",
            Answer::Json(200, json!({ "role": "admin" })),
        ),
        (
            "/user/memberships/orgs/no-json",
            Answer::Text("<h1>Unicorn!</h1>"),
        ),
        (
            "/user/memberships/orgs/forbids",
            Answer::Json(403, json!({ "message": "SAML" })),
        ),
        ("/user/memberships/orgs/fails", Answer::Json(502, json!({}))),
        ("/user/memberships/orgs/moved", Answer::Moved),
        ("/user/memberships/orgs/silent", Answer::Never),
        ("/orgs/active/teams/core/memberships/ada", state("active")),
        ("/orgs/active/teams/new/memberships/ada", state("pending")),
    ]);
    assert!(answers.keys().any(|path| path.starts_with(org)));
    let user = json!({ "id": 7, "login": login, "name": "Ada", "avatar_url": null });
    let emails = json!([{ "email": "a@b.test", "primary": true, "verified": true }]);
    let token = json!({ "access_token": "gho_x", "token_type": "bearer" });
    let router = Router::new()
        .route(
            "/login/oauth/access_token",
            post(async || axum::Json(token)),
        )
        .route("/user", get(async || axum::Json(user)))
        .route("/user/emails", get(async || axum::Json(emails)))
        .fallback(membership)
        .with_state((Arc::new(answers), requested.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let backend = Backend::with(&[
        ("GITHUB_URL", &address),
        ("GITHUB_API_URL", &address),
        ("ALLOWED_GITHUB_ORGANIZATIONS", listed),
    ])
    .await;
    let mut browser = backend.browser();
    let flow = parameters(browser.start().await.query())["state"].clone();
    let callback = format!("/login/oauth2/code/github?code=abc&state={flow}");
    let location = browser.get(&callback).await.location();
    let reason = parameters(location.query()).remove("reason");
    let requested = requested.lock().unwrap().clone();
    (reason, requested)
}

#[tokio::test]
async fn only_an_active_membership_that_github_confirms_allows_a_sign_in() {
    for (listed, expected) in [
        ("active", None),
        ("active/core", None),
        ("unknown, pending, active", None),
        ("forbids, active", None),
        ("fails, active", None),
        ("silent, active", None),
        ("unknown", Some("not_allowed")),
        ("pending", Some("not_allowed")),
        ("new-state", Some("not_allowed")),
        ("active/new", Some("not_allowed")),
        ("active/unknown", Some("not_allowed")),
        ("forbids", Some("github_forbidden")),
        ("forbids, unknown", Some("github_forbidden")),
        ("fails", Some("github_unavailable")),
        ("fails, unknown", Some("github_unavailable")),
        ("silent", Some("github_unavailable")),
        ("no-state", Some("github_unavailable")),
        ("no-json", Some("github_unavailable")),
        ("moved", Some("github_unavailable")),
    ] {
        let (reason, _) = outcome("ada", listed).await;
        assert_eq!(reason.as_deref(), expected, "{listed}");
    }
}

/// Memberships are private by default, so a list of the public ones is not enough, and a list can have
/// several pages.
#[tokio::test]
async fn one_membership_is_requested_instead_of_a_list() {
    let (reason, requested) = outcome("ada", "active").await;
    assert_eq!(reason, None);
    assert_eq!(requested, ["/user/memberships/orgs/active"]);
}

#[tokio::test]
async fn a_login_that_github_returns_cannot_change_the_path() {
    for login in ["../../../user/memberships/orgs/active#", "a/b", "ada?x", ""] {
        let (reason, requested) = outcome(login, "active/core").await;
        assert_eq!(reason.as_deref(), Some("github_unavailable"), "{login}");
        assert_eq!(requested, [] as [&str; 0]);
    }
}

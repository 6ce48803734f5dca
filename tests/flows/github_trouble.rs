//! Failures of GitHub: unless a retry succeeds, the sign-in ends on the login page with a reason and
//! opens no session.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use http::StatusCode;
use http::header::{CONTENT_TYPE, LOCATION};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::Backend;
use crate::support::callers::parameters;

/// Responses of a fake GitHub.
#[derive(Clone)]
struct FakeGitHub {
    token: Answer,
    user: Answer,
    emails: Answer,
}

#[derive(Clone)]
enum Answer {
    Json(u16, Value),
    Html(u16),
    Bytes(Vec<u8>),
    Redirect,
    Never,
    HalfABody,
    /// The connection breaks within the response.
    Breaks,
}

impl FakeGitHub {
    fn fine() -> Self {
        let token = json!({ "access_token": "gho_x", "token_type": "bearer", "scope": "a,b" });
        let user = json!({ "id": 7, "login": "ada", "name": "Ada", "avatar_url": null });
        Self {
            token: Answer::Json(200, token),
            user: Answer::Json(200, user),
            emails: Answer::Json(200, emails(true, true)),
        }
    }

    fn with_token(token: Answer) -> Self {
        Self {
            token,
            ..Self::fine()
        }
    }

    fn with_user(user: Value) -> Self {
        Self {
            user: Answer::Json(200, user),
            ..Self::fine()
        }
    }

    fn with_emails(emails: Value) -> Self {
        Self {
            emails: Answer::Json(200, emails),
            ..Self::fine()
        }
    }

    /// Serves it, and returns a backend that uses it as GitHub.
    async fn backend(self) -> Backend {
        let address = self.serve().await;
        Backend::with(&[("GITHUB_URL", &address), ("GITHUB_API_URL", &address)]).await
    }

    /// Serves it, and returns its address.
    async fn serve(self) -> String {
        let Self {
            token,
            user,
            emails,
        } = self;
        let router = Router::new()
            .route(
                "/login/oauth/access_token",
                post(async move || token.respond().await),
            )
            .route("/user", get(async move || user.respond().await))
            .route("/user/emails", get(async move || emails.respond().await));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    /// The reason why a sign-in fails, or `None` if it succeeds.
    async fn outcome(self) -> Option<String> {
        outcome(&self.backend().await).await
    }
}

impl Answer {
    async fn respond(self) -> Response {
        match self {
            Self::Json(status, body) => {
                (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
            }
            Self::Html(status) => {
                let status = StatusCode::from_u16(status).unwrap();
                (status, [(CONTENT_TYPE, "text/html")], "<h1>Unicorn!</h1>").into_response()
            }
            Self::Bytes(bytes) => ([(CONTENT_TYPE, "application/json")], bytes).into_response(),
            Self::Redirect => (StatusCode::FOUND, [(LOCATION, "/user")]).into_response(),
            Self::Never => std::future::pending().await,
            Self::Breaks => {
                let broken = futures_util::stream::once(async { Err::<String, _>("broken") });
                Body::from_stream(broken).into_response()
            }
            Self::HalfABody => {
                let half = Ok::<_, std::io::Error>(r#"{"access_token":"#.to_owned());
                let stream = futures::half_then_silence(half);
                Response::builder().body(Body::from_stream(stream)).unwrap()
            }
        }
    }
}

/// A stream that returns one item and then never ends.
mod futures {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    pub struct HalfThenSilence<T>(Option<T>);

    pub fn half_then_silence<T>(item: T) -> HalfThenSilence<T> {
        HalfThenSilence(Some(item))
    }

    impl<T: Unpin> futures_util::Stream for HalfThenSilence<T> {
        type Item = T;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
            self.0
                .take()
                .map_or(Poll::Pending, |item| Poll::Ready(Some(item)))
        }
    }
}

async fn outcome(backend: &Backend) -> Option<String> {
    let mut browser = backend.browser();
    let state = parameters(browser.start().await.query())["state"].clone();
    let callback = format!("/login/oauth2/code/github?code=abc&state={state}");
    let location = browser.get(&callback).await.location();
    let sessions = backend
        .dump(&backend.database.tables.refresh_tokens)
        .await
        .len();
    let reason = parameters(location.query()).remove("reason");
    assert_eq!(
        sessions,
        usize::from(reason.is_none()),
        "a session only on success"
    );
    assert!(!location.as_str().contains("Unicorn"));
    reason
}

fn emails(primary: bool, verified: bool) -> Value {
    json!([
        { "email": "old@ada.test", "primary": false, "verified": true },
        { "email": "ada@ada.test", "primary": primary, "verified": verified },
    ])
}

#[tokio::test]
async fn a_valid_response_signs_in() {
    assert_eq!(FakeGitHub::fine().outcome().await, None);
}

#[tokio::test]
async fn an_oauth_error_with_status_200_is_an_error() {
    for error in [
        "bad_verification_code",
        "incorrect_client_credentials",
        "redirect_uri_mismatch",
    ] {
        let body =
            json!({ "error": error, "error_description": "Unicorn", "error_uri": "https://x" });
        let github = FakeGitHub::with_token(Answer::Json(200, body));
        assert_eq!(
            github.outcome().await.as_deref(),
            Some("github_error"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn server_errors_and_throttling_are_reported_as_unavailable() {
    for status in [500, 502, 503, 429] {
        let github = FakeGitHub::with_token(Answer::Html(status));
        assert_eq!(
            github.outcome().await.as_deref(),
            Some("github_unavailable"),
            "{status}"
        );
        let github = FakeGitHub {
            user: Answer::Html(status),
            ..FakeGitHub::fine()
        };
        assert_eq!(
            github.outcome().await.as_deref(),
            Some("github_unavailable"),
            "{status}"
        );
    }
}

#[tokio::test]
async fn an_unreachable_github_is_reported_as_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let backend = Backend::with(&[("GITHUB_URL", &nobody), ("GITHUB_API_URL", &nobody)]).await;
    assert_eq!(
        outcome(&backend).await.as_deref(),
        Some("github_unavailable")
    );
}

#[tokio::test]
async fn a_hanging_github_is_abandoned_before_the_function_times_out() {
    let started = Instant::now();
    let hanging = [
        FakeGitHub::with_token(Answer::Never),
        FakeGitHub::with_token(Answer::HalfABody),
        FakeGitHub {
            emails: Answer::Never,
            ..FakeGitHub::fine()
        },
    ];
    let outcomes = hanging.map(|github| tokio::spawn(github.outcome()));
    for outcome in outcomes {
        assert_eq!(
            outcome.await.unwrap().as_deref(),
            Some("github_unavailable")
        );
    }
    assert!(
        started.elapsed() < Duration::from_secs(30),
        "the limit is 7 s"
    );
}

#[tokio::test]
async fn responses_that_github_never_sends_are_errors() {
    let huge = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(50 * 1024 * 1024));
    for answer in [
        Answer::Html(200),
        Answer::Bytes(Vec::new()),
        Answer::Bytes(br#"{"access_token":"gho"#.to_vec()),
        Answer::Bytes(huge.into_bytes()),
        Answer::Json(200, json!({ "access_token": "gho_x" })),
        Answer::Json(200, json!([])),
        Answer::Json(404, json!({})),
        Answer::Redirect,
    ] {
        let github = FakeGitHub::with_token(answer);
        assert_eq!(github.outcome().await.as_deref(), Some("github_error"));
    }
    let github = FakeGitHub {
        user: Answer::Redirect,
        ..FakeGitHub::fine()
    };
    assert_eq!(github.outcome().await.as_deref(), Some("github_error"));
}

#[tokio::test]
async fn only_a_primary_verified_address_is_accepted() {
    for emails in [emails(true, false), emails(false, true), json!([])] {
        let github = FakeGitHub::with_emails(emails);
        assert_eq!(github.outcome().await.as_deref(), Some("email_unverified"));
    }
    let null = json!([{ "email": null, "primary": true, "verified": true }]);
    assert_eq!(
        FakeGitHub::with_emails(null).outcome().await.as_deref(),
        Some("github_error")
    );
}

#[tokio::test]
async fn identity_is_the_numeric_id_and_not_the_login() {
    let backend = FakeGitHub::fine().backend().await;
    assert_eq!(outcome(&backend).await, None);
    let users = backend.dump(&backend.database.tables.users).await;
    assert!(
        users.len() == 1 && users[0].contains("S(\"7\")"),
        "{users:?}"
    );
}

#[tokio::test]
async fn malformed_user_ids_are_errors() {
    for id in [
        json!("7"),
        json!(-7),
        json!(0),
        json!(1u64 << 53),
        json!(7.5),
        json!(null),
    ] {
        let github = FakeGitHub::with_user(json!({ "id": id, "login": "ada" }));
        assert_eq!(
            github.outcome().await.as_deref(),
            Some("github_error"),
            "{id}"
        );
    }
}

/// A backend whose GitHub sends `first` as its first response at one path.
async fn with_first_response(path: &'static str, first: Answer) -> Backend {
    let FakeGitHub {
        token,
        user,
        emails,
    } = FakeGitHub::fine();
    let fine = [
        ("/login/oauth/access_token", token),
        ("/user", user),
        ("/user/emails", emails),
    ];
    let mut router = Router::new();
    for (route, answer) in fine {
        let first = Mutex::new((route == path).then(|| first.clone()));
        let first = Arc::new(first);
        let respond = move || {
            let answer = first
                .lock()
                .unwrap()
                .take()
                .unwrap_or_else(|| answer.clone());
            answer.respond()
        };
        router = router.route(route, any(respond));
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Backend::with(&[("GITHUB_URL", &address), ("GITHUB_API_URL", &address)]).await
}

#[tokio::test]
async fn one_failed_request_to_github_is_retried() {
    for path in ["/user", "/user/emails"] {
        for first in [
            Answer::Html(401),
            Answer::Html(500),
            Answer::Html(502),
            Answer::Breaks,
            Answer::Never,
        ] {
            let backend = with_first_response(path, first).await;
            assert_eq!(outcome(&backend).await, None, "{path}");
        }
    }
}

#[tokio::test]
async fn a_code_is_never_sent_twice() {
    for first in [Answer::Html(502), Answer::Breaks] {
        let backend = with_first_response("/login/oauth/access_token", first).await;
        let reason = outcome(&backend).await;
        assert_eq!(reason.as_deref(), Some("github_unavailable"));
    }
}

#[tokio::test]
async fn a_403_from_github_has_its_own_reason() {
    let forbidden = [
        FakeGitHub {
            user: Answer::Html(403),
            ..FakeGitHub::fine()
        },
        FakeGitHub {
            emails: Answer::Html(403),
            ..FakeGitHub::fine()
        },
    ];
    for github in forbidden {
        assert_eq!(github.outcome().await.as_deref(), Some("github_forbidden"));
    }
}

/// A backend whose GitHub responds once on each connection and then leaves it open, like a connection
/// that died while the function was frozen.
async fn with_dying_connections() -> Backend {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 16 * 1024];
            let length = connection.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let body = match request.split(' ').nth(1).unwrap() {
                "/user" => json!({ "id": 7, "login": "ada", "name": "Ada" }),
                "/user/emails" => emails(true, true),
                _ => json!({ "access_token": "gho_x", "token_type": "bearer" }),
            };
            let body = body.to_string();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json";
            let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            connection.write_all(answer.as_bytes()).await.unwrap();
            open.push(connection);
        }
    });
    Backend::with(&[("GITHUB_URL", &address), ("GITHUB_API_URL", &address)]).await
}

#[tokio::test]
async fn a_connection_that_died_since_the_last_sign_in_is_replaced() {
    let backend = with_dying_connections().await;
    for _ in 0..3 {
        let mut browser = backend.browser();
        let state = parameters(browser.start().await.query())["state"].clone();
        let callback = format!("/login/oauth2/code/github?code=abc&state={state}");
        let location = browser.get(&callback).await.location();
        assert!(parameters(location.fragment()).contains_key("token"));
    }
}

//! Clients of the backend: a browser, a signed-in user, an SDK.

use std::collections::BTreeMap;

use axum::body::Body;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE, USER_AGENT};
use http::{HeaderValue, Method, Request};
use serde_json::{Value, json};
use url::Url;

use super::{Backend, Response};

/// A browser that keeps cookies and does not follow redirects.
pub struct Browser {
    pub backend: Backend,
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    pub fn new(backend: Backend) -> Self {
        Self {
            backend,
            cookies: BTreeMap::new(),
        }
    }

    /// Sends a GET request with the cookies, and stores the cookies of the response.
    pub async fn get(&mut self, path_and_query: &str) -> Response {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        let request = Request::get(path_and_query).header(COOKIE, cookies.join("; "));
        let request = request
            .header(USER_AGENT, BROWSER)
            .body(Body::empty())
            .unwrap();
        let response = self.backend.send(request).await;
        self.keep_cookies(&response);
        response
    }

    /// Starts a sign-in and returns the address at GitHub that it redirects to.
    pub async fn start(&mut self) -> Url {
        self.get("/oauth2/authorization/github").await.location()
    }

    /// Approves the sign-in at the stand-in. Returns the path of the callback, with `code` and
    /// `state`.
    pub async fn approve(&self, github: &Url, login: &str) -> String {
        let mut github = github.clone();
        github.query_pairs_mut().append_pair("login", login);
        path_and_query(&redirect_of(&github).await)
    }

    /// Completes a sign-in: start, approval, callback.
    pub async fn sign_in(mut self, login: &str) -> SignedIn {
        let github = self.start().await;
        let callback = self.approve(&github, login).await;
        let done = self.get(&callback).await.location();
        self.backend.calls.take();
        SignedIn::from_redirect(self.backend, &done)
    }

    fn keep_cookies(&mut self, response: &Response) {
        for header in response.headers.get_all(SET_COOKIE) {
            let header = header.to_str().unwrap();
            let (name, value) = header.split(';').next().unwrap().split_once('=').unwrap();
            if header.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// The `Location` of the redirect at an address, requested over HTTP.
async fn redirect_of(address: &Url) -> Url {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let host = format!(
        "{}:{}",
        address.host_str().unwrap(),
        address.port().unwrap()
    );
    let mut stream = tokio::net::TcpStream::connect(&host).await.unwrap();
    let path = path_and_query(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let location = answer
        .lines()
        .find_map(|line| line.strip_prefix("location: "));
    Url::parse(location.unwrap_or_else(|| panic!("no redirect: {answer}"))).unwrap()
}

pub fn path_and_query(url: &Url) -> String {
    url[url::Position::BeforePath..url::Position::AfterQuery].to_owned()
}

/// Parameters of a query or fragment by name.
pub fn parameters(text: Option<&str>) -> BTreeMap<String, String> {
    let text = text.unwrap_or_default();
    url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}

/// A signed-in user with the tokens of the session.
#[derive(Clone)]
pub struct SignedIn {
    pub backend: Backend,
    pub token: String,
    pub refresh_token: String,
}

impl SignedIn {
    /// Reads the tokens from the fragment of `/oauth-success`, as the frontend does.
    pub fn from_redirect(backend: Backend, success: &Url) -> Self {
        let fragment = parameters(success.fragment());
        Self {
            backend,
            token: fragment["token"].clone(),
            refresh_token: fragment["refreshToken"].clone(),
        }
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(AUTHORIZATION, format!("Bearer {}", self.token));
        let request = match body {
            Some(body) => request
                .header(CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.backend.send(request.unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Response {
        self.send(Method::POST, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Response {
        self.send(Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Response {
        self.send(Method::DELETE, path, None).await
    }

    /// Creates an application and returns its id.
    pub async fn create_application(&self, name: &str) -> String {
        let created = self
            .post("/applications", json!({ "name": name }))
            .await
            .json();
        self.backend.calls.take();
        created["id"].as_str().unwrap().to_owned()
    }

    /// Invites someone to an application, and returns the invite with its token.
    pub async fn invite(&self, application_id: &str, role: &str) -> Value {
        let path = format!("/applications/{application_id}/invites");
        let invite = self.post(&path, json!({ "role": role })).await.json();
        self.backend.calls.take();
        invite
    }

    /// Accepts an invite, and returns this user's id.
    pub async fn join(&self, invite: &Value) -> String {
        let token = json!({ "token": invite["token"] });
        self.post("/invites/accept", token).await.json();
        let me = self.get("/me").await.json();
        self.backend.calls.take();
        me["id"].as_str().unwrap().to_owned()
    }

    /// Creates a key that reads the telemetry of an application, and returns a caller that uses it.
    pub async fn reader(&self, application_id: &str) -> Sdk {
        self.holder(application_id, &["telemetry:read"]).await
    }

    /// Creates a key with these scopes, and returns a caller that uses it.
    pub async fn holder(&self, application_id: &str, scopes: &[&str]) -> Sdk {
        let path = format!("/apikey?ApplicationId={application_id}");
        let minted = self.post(&path, json!({ "scopes": scopes })).await.json();
        self.backend.calls.take();
        Sdk {
            backend: self.backend.clone(),
            application_id: application_id.to_owned(),
            key: minted.as_str().unwrap().to_owned(),
        }
    }

    /// Creates an API key with the default scopes and returns it.
    pub async fn mint(&self, application_id: &str) -> String {
        let path = format!("/apikey?ApplicationId={application_id}");
        let minted = self.send(Method::POST, &path, None).await.json();
        self.backend.calls.take();
        minted.as_str().unwrap().to_owned()
    }

    /// Sends a query, so that later ones of the day need no lease of read units.
    pub async fn lease_read_units(&self, application_id: &str) {
        let path = format!("/telemetry/logs?applicationId={application_id}");
        assert_eq!(self.get(&path).await.status, 200);
        self.backend.calls.take();
    }

    /// Creates an application and an API key, and returns an SDK that uses the key.
    pub async fn sdk(&self) -> Sdk {
        let application_id = self.create_application("Shop").await;
        let key = self.mint(&application_id).await;
        Sdk {
            backend: self.backend.clone(),
            application_id,
            key,
        }
    }

    /// Moves the clock past the grace of the last move, then refreshes, so that the refresh token is
    /// swapped, too.
    pub async fn rotate(&mut self) -> Response {
        self.backend.later(GRACE_SECONDS + 1);
        self.refresh().await
    }

    /// Refreshes, and keeps the tokens if it succeeds.
    pub async fn refresh(&mut self) -> Response {
        let response = refresh(&self.backend, &self.refresh_token).await;
        if response.status.is_success() {
            let body = response.json();
            self.token = body["token"].as_str().unwrap().to_owned();
            self.refresh_token = body["refreshToken"].as_str().unwrap().to_owned();
        }
        response
    }

    pub async fn logout(&self) -> Response {
        post(
            &self.backend,
            "/logout",
            json!({ "refreshToken": self.refresh_token }),
        )
        .await
    }
}

/// `REFRESH_GRACE` where a test does not set it.
pub const GRACE_SECONDS: u64 = 45;

/// `POST /refresh` with any token.
pub async fn refresh(backend: &Backend, refresh_token: &str) -> Response {
    post(
        backend,
        "/refresh",
        json!({ "refreshToken": refresh_token }),
    )
    .await
}

/// The user agent of browsers where a test does not set it.
pub const BROWSER: &str = "Browser/1.0";

/// Sends a POST request with JSON and without credentials, from the browser that signed in.
pub async fn post(backend: &Backend, path: &str, body: Value) -> Response {
    let request = Request::post(path)
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, BROWSER);
    backend
        .send(request.body(Body::from(body.to_string())).unwrap())
        .await
}

/// An SDK that sends telemetry with an API key, or a machine that reads with one.
#[derive(Clone)]
pub struct Sdk {
    pub backend: Backend,
    pub application_id: String,
    pub key: String,
}

impl Sdk {
    /// The public id in the key.
    pub fn key_id(&self) -> String {
        self.key["upblit_live_".len()..][..19].to_owned()
    }

    pub async fn traces(&self, batch: Value) -> Response {
        self.send("/ingest/traces", &[], batch.to_string().into_bytes())
            .await
    }

    pub async fn logs(&self, batch: Value) -> Response {
        self.send("/ingest/logs", &[], batch.to_string().into_bytes())
            .await
    }

    pub async fn get(&self, path: &str) -> Response {
        let request = Request::get(path).header("x-api-key", &self.key);
        self.backend
            .send(request.body(Body::empty()).unwrap())
            .await
    }

    pub async fn send(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Response {
        let mut request = Request::post(path).header("x-api-key", &self.key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body)).unwrap();
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().entry(CONTENT_TYPE).or_insert(json);
        self.backend.send(request).await
    }

    /// A span that starts now.
    pub fn span(&self, index: usize) -> Value {
        let end = self.backend.clock.now() + jiff::SignedDuration::from_micros(12_500);
        json!({
            "timestamp": shared::base::clock::rfc3339_exact(end),
            "requestMethod": "GET", "requestURL": "/cart", "responseStatus": 200,
            "traceId": format!("trace-{index}"), "spanId": format!("span-{index}"),
            "parentSpanId": null, "durationMs": 12.5,
        })
    }

    /// A batch of one log record with the current time.
    pub fn log(&self, message: &str) -> Value {
        let now = shared::base::clock::rfc3339(self.backend.clock.now());
        json!({ "logs": [{
            "timestamp": now, "level": "error", "type": "app", "message": message,
            "traceId": "trace-0", "clientTimestamp": now,
        }] })
    }

    /// A batch of spans that start now.
    pub fn batch(&self, count: usize) -> Value {
        let spans: Vec<_> = (0..count).map(|index| self.span(index)).collect();
        json!({ "timestamp": shared::base::clock::rfc3339(self.backend.clock.now()), "traces": spans })
    }
}

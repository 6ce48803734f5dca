//! A client for the API of a running server, in the roles of browser, dashboard and SDK.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderName, Method, Request, Response, StatusCode};
use serde_json::Value;
use shared::base::environment::Env;
use shared::web::client::{Client, ClientError};
use url::Url;

use super::failure::Failure;

const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A client for the API at one address.
pub(super) struct Api {
    client: Client,
    url: Url,
}

/// Credentials of a request.
enum Credentials<'a> {
    /// Access token of a signed-in user.
    User(&'a str),
    /// API key of an application.
    Key(&'a str),
}

impl Api {
    /// Creates a client. Does not connect yet.
    pub(super) fn new(url: &Url) -> Self {
        Self {
            client: Client::from_env(&Env::process()),
            url: url.clone(),
        }
    }

    /// The address, without a trailing slash.
    pub(super) fn url(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// Requests a page as a browser does, with a `Cookie` header. Returns the target of the
    /// redirect, and the `name=value` of the cookie it sets (empty if none).
    ///
    /// # Errors
    /// When there is no response, or it is not a redirect.
    pub(super) async fn visit(&self, page: &Url, cookie: &str) -> Result<(Url, String), Failure> {
        let request = Request::get(page.as_str()).header(COOKIE, cookie);
        let response = self.respond(request.body(Bytes::new())).await?;
        let header = |name: HeaderName| response.headers().get(name)?.to_str().ok();
        let target = header(LOCATION).and_then(|location| page.join(location).ok());
        let target = target.ok_or_else(|| self.no_server(response.status()))?;
        let cookie = header(SET_COOKIE).and_then(|cookie| cookie.split(';').next());
        Ok((target, cookie.unwrap_or_default().to_owned()))
    }

    /// Calls a route as the dashboard does, and returns the JSON body of the response.
    ///
    /// # Errors
    /// When there is no response, or its status is not 2xx.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        user: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let route = format!("{method} {path}");
        let response = self
            .respond(self.request(method, path, &Credentials::User(user), body))
            .await?;
        read(route, &response)
    }

    /// Sends a batch as an SDK does. The inner error may be temporary, so the batch can be sent again.
    ///
    /// # Errors
    /// When the server refuses the batch with a 4xx other than 429.
    pub(super) async fn send(
        &self,
        path: &str,
        key: &str,
        batch: &Value,
    ) -> Result<Result<Value, ClientError>, Failure> {
        let request = self.request(Method::POST, path, &Credentials::Key(key), Some(batch));
        let request = request.map_err(|error| self.no_server(error))?;
        let response = match self.client.send(request, TIME_LIMIT).await {
            Ok(response) => response,
            Err(error) => return Ok(Err(error)),
        };
        if response.status() == StatusCode::UNAUTHORIZED {
            return Err(Failure::KeyRefused);
        }
        read(format!("POST {path}"), &response).map(Ok)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        credentials: &Credentials<'_>,
        body: Option<&Value>,
    ) -> Result<Request<Bytes>, axum::http::Error> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url()));
        let request = match credentials {
            Credentials::User(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            Credentials::Key(key) => request.header("x-api-key", *key),
        };
        match body {
            Some(body) => request
                .header(CONTENT_TYPE, "application/json")
                .body(Bytes::from(body.to_string())),
            None => request.body(Bytes::new()),
        }
    }

    async fn respond(
        &self,
        request: Result<Request<Bytes>, axum::http::Error>,
    ) -> Result<Response<Bytes>, Failure> {
        let request = request.map_err(|error| self.no_server(error))?;
        let response = self.client.send(request, TIME_LIMIT).await;
        response.map_err(|error| self.no_server(describe(&error)))
    }

    fn no_server(&self, reason: impl ToString) -> Failure {
        Failure::NoServer {
            url: self.url().to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// Describes why there is no response, for the terminal.
pub(super) fn describe(error: &ClientError) -> String {
    match error {
        ClientError::Failed(_) => "no connection".to_owned(),
        error => error.to_string(),
    }
}

fn read(route: String, response: &Response<Bytes>) -> Result<Value, Failure> {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    if response.status().is_success() {
        return Ok(body);
    }
    // Problem documents have a `detail`, OTLP errors a `message`.
    let detail = body["detail"].as_str().or_else(|| body["message"].as_str());
    Err(Failure::Refused {
        route,
        status: response.status(),
        detail: detail.unwrap_or("no reason given").to_owned(),
    })
}

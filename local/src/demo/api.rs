//! The API of a running server, as its clients use it.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{HeaderName, Method, Request, Response, StatusCode};
use serde_json::Value;
use shared::web::client::{Client, ClientError};
use url::Url;

use super::failure::Failure;

const TIME_LIMIT: Duration = Duration::from_secs(30);

/// A server, and a way to talk to it.
pub(super) struct Api {
    client: Client,
    url: Url,
}

/// Who asks.
pub(super) enum As<'a> {
    /// Someone signed in, with an access token.
    User(&'a str),
    /// A program, with an API key.
    Key(&'a str),
}

impl Api {
    /// The API at this address.
    pub(super) fn new(url: &Url) -> Self {
        Self {
            client: Client::default(),
            url: url.clone(),
        }
    }

    /// Its address, as people write it.
    pub(super) fn url(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// Asks for a page as a browser does, with a cookie; where it leads, and the cookie it sets.
    ///
    /// # Errors
    /// When there is no answer, or it leads nowhere.
    pub(super) async fn visit(&self, page: &Url, cookie: &str) -> Result<(Url, String), Failure> {
        let request = Request::get(page.as_str()).header(COOKIE, cookie);
        let response = self.answer(request.body(Bytes::new())).await?;
        let header = |name: HeaderName| response.headers().get(name)?.to_str().ok();
        let leads_to = header(LOCATION).and_then(|location| page.join(location).ok());
        let leads_to = leads_to.ok_or_else(|| self.no_server(response.status()))?;
        let cookie = header(SET_COOKIE).and_then(|cookie| cookie.split(';').next());
        Ok((leads_to, cookie.unwrap_or_default().to_owned()))
    }

    /// Calls a route as a dashboard does, and returns what it answers.
    ///
    /// # Errors
    /// When there is no answer, or it is no success.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        user: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let asked = format!("{method} {path}");
        let response = self
            .answer(self.request(method, path, &As::User(user), body))
            .await?;
        read(asked, &response)
    }

    /// Sends a batch as an SDK does; no answer when it should be tried again.
    ///
    /// # Errors
    /// When it makes no sense to try again.
    pub(super) async fn send(
        &self,
        path: &str,
        key: &str,
        batch: &Value,
    ) -> Result<Result<Value, ClientError>, Failure> {
        let request = self.request(Method::POST, path, &As::Key(key), Some(batch));
        let request = request.map_err(|error| self.no_server(error))?;
        let response = match self.client.send(request, TIME_LIMIT).await {
            Ok(response) => response,
            Err(error) => return Ok(Err(error)),
        };
        if response.status() == StatusCode::UNAUTHORIZED {
            return Err(Failure::KeyEnded);
        }
        read(format!("POST {path}"), &response).map(Ok)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        asker: &As<'_>,
        body: Option<&Value>,
    ) -> Result<Request<Bytes>, axum::http::Error> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url()));
        let request = match asker {
            As::User(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            As::Key(key) => request.header("x-api-key", *key),
        };
        match body {
            Some(body) => request
                .header(CONTENT_TYPE, "application/json")
                .body(Bytes::from(body.to_string())),
            None => request.body(Bytes::new()),
        }
    }

    async fn answer(
        &self,
        request: Result<Request<Bytes>, axum::http::Error>,
    ) -> Result<Response<Bytes>, Failure> {
        let request = request.map_err(|error| self.no_server(error))?;
        let answer = self.client.send(request, TIME_LIMIT).await;
        answer.map_err(|error| self.no_server(in_words(&error)))
    }

    fn no_server(&self, reason: impl ToString) -> Failure {
        Failure::NoServer {
            url: self.url().to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// Why there is no answer, for the person at the terminal.
pub(super) fn in_words(error: &ClientError) -> String {
    match error {
        ClientError::Failed(_) => "no connection".to_owned(),
        error => error.to_string(),
    }
}

fn read(asked: String, response: &Response<Bytes>) -> Result<Value, Failure> {
    let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    if response.status().is_success() {
        return Ok(answer);
    }
    // Problems of the API have a detail, those of OpenTelemetry's protocol a message.
    let words = answer["detail"]
        .as_str()
        .or_else(|| answer["message"].as_str());
    Err(Failure::Refused {
        asked,
        status: response.status(),
        detail: words.unwrap_or("no reason given").to_owned(),
    })
}

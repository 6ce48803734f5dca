//! The checks. Each sends one or two requests.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{
    AUTHORIZATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, SET_COOKIE,
};
use axum::http::request::Builder;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use shared::base::environment::Env;
use shared::base::ids::{ApplicationId, Environment, KeyId, PublicKeyId};
use shared::base::random;
use shared::identity::api_key::ApiKey;
use shared::web::client::Client;
use url::Url;

use super::response::CheckedResponse;
use super::{Checked, Failed};

/// Time limit of a request. A function that has to read its secrets takes a second to start; API Gateway
/// waits for 30 s.
const TIME_LIMIT: Duration = Duration::from_secs(30);

const CALLBACK: &str = "/login/oauth2/code/github";

/// A deployment, reached by its address.
pub(super) struct Deployment {
    client: Client,
    /// Without a slash at the end.
    address: String,
}

impl Deployment {
    /// Creates a client for an address. Does not connect yet.
    pub(super) fn new(url: &Url, env: &Env) -> Self {
        Self {
            client: Client::from_env(env),
            address: url.as_str().trim_end_matches('/').to_owned(),
        }
    }

    /// Verifies that the address leads to the API, and a function starts.
    pub(super) async fn health(&self) -> Checked {
        let response = self.get("/health").await?.expect_security()?;
        response.expect_status(StatusCode::OK)?;
        Ok("the API answers, with security headers".into())
    }

    /// Verifies that the dashboard is served, with a policy that limits the sources of scripts.
    pub(super) async fn dashboard(&self) -> Checked {
        let page = self.get("/").await?.expect_security()?;
        let page = page.expect(StatusCode::OK, "text/html")?;
        if !page
            .header(&CONTENT_SECURITY_POLICY)
            .contains("script-src 'self'")
        {
            return Err(Failed("the policy does not limit scripts".into()));
        }
        let config = self.get("/config.js").await?.expect_security()?;
        config.expect(StatusCode::OK, "text/javascript")?;
        Ok("the page and its settings are served, with security headers".into())
    }

    /// Verifies that a path without a route gets a problem response, not a page.
    pub(super) async fn unknown_path(&self) -> Checked {
        let response = self.get("/check/unknown").await?.expect_security()?;
        response.expect_problem(StatusCode::NOT_FOUND)?;
        Ok("refused with a problem".into())
    }

    /// Verifies that a sign-in redirects to GitHub, with this deployment as the address to return to.
    pub(super) async fn sign_in(&self) -> Checked {
        let response = self.get("/oauth2/authorization/github").await?;
        let response = response.expect_status(StatusCode::FOUND)?;
        let target = Url::parse(response.header(&LOCATION))
            .map_err(|_| Failed("Location is not an address".into()))?;
        self.expect_authorization(&target)?;
        self.expect_cookie(response.header(&SET_COOKIE))?;
        let host = target.host_str().unwrap_or_default();
        Ok(format!("sent to {host}, which returns to this address"))
    }

    fn expect_authorization(&self, target: &Url) -> Result<(), Failed> {
        for name in ["client_id", "state", "code_challenge"] {
            if parameter(target, name).is_none_or(|value| value.is_empty()) {
                return Err(Failed(format!("Location has no {name}")));
            }
        }
        let callback = format!("{}{CALLBACK}", self.address);
        let sent = parameter(target, "redirect_uri").unwrap_or_default();
        if sent == callback {
            Ok(())
        } else {
            Err(Failed(format!("redirect_uri is {sent}, not {callback}")))
        }
    }

    fn expect_cookie(&self, cookie: &str) -> Result<(), Failed> {
        let secure = self.address.starts_with("https:");
        let attributes: Vec<&str> = cookie.split(';').skip(1).map(str::trim).collect();
        let needed: &[&str] = if secure {
            &["HttpOnly", "Secure"]
        } else {
            &["HttpOnly"]
        };
        match needed.iter().find(|name| !attributes.contains(name)) {
            Some(name) => Err(Failed(format!("the cookie of the sign-in is not {name}"))),
            None => Ok(()),
        }
    }

    /// Verifies that requests without a token, or with an unsigned one, are refused.
    pub(super) async fn access_token(&self) -> Checked {
        // {"alg":"none","typ":"JWT"} and {"sub":"1"}, without a signature.
        const UNSIGNED: &str = "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIxIn0.";
        for credentials in ["", UNSIGNED] {
            let request = Request::get(self.at("/applications")).header(AUTHORIZATION, credentials);
            let response = self.send(request, Bytes::new()).await?;
            response.expect_problem(StatusCode::UNAUTHORIZED)?;
        }
        Ok("requests without a token, and with an unsigned one, are refused".into())
    }

    /// Verifies that an unknown refresh token is refused.
    pub(super) async fn refresh_token(&self) -> Checked {
        let request = Request::post(self.at("/refresh")).header(CONTENT_TYPE, "application/json");
        let body = json!({"refreshToken": "unknown"});
        let response = self.send(request, Bytes::from(body.to_string())).await?;
        response.expect_problem(StatusCode::UNAUTHORIZED)?;
        Ok("an unknown one is refused".into())
    }

    /// Verifies that an API key that does not exist is refused. It is well-formed, so the function reads
    /// the table.
    pub(super) async fn api_key(&self) -> Checked {
        let rng = &mut random::rng();
        let id = PublicKeyId {
            application_id: ApplicationId::generate(Environment::Production, rng),
            key_id: KeyId::generate(rng),
        };
        let key = ApiKey::generate(id, rng);
        let response = self.send_spans(key.expose(), &json!([])).await?;
        response.expect_problem(StatusCode::UNAUTHORIZED)?;
        Ok("an unknown one is refused".into())
    }

    /// Sends spans in the native format.
    pub(super) async fn send_spans(
        &self,
        key: &str,
        spans: &Value,
    ) -> Result<CheckedResponse, Failed> {
        let request = Request::post(self.at("/ingest/traces"))
            .header(CONTENT_TYPE, "application/json")
            .header("x-api-key", key);
        let body = json!({ "traces": spans });
        self.send(request, Bytes::from(body.to_string())).await
    }

    async fn get(&self, path: &str) -> Result<CheckedResponse, Failed> {
        self.send(Request::get(self.at(path)), Bytes::new()).await
    }

    /// Returns the URL of a path.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// Sends a request. Fails if its response does not arrive within the time limit.
    pub(super) async fn send(
        &self,
        request: Builder,
        body: Bytes,
    ) -> Result<CheckedResponse, Failed> {
        let request = request.body(body);
        // The error does not contain header values, which can be secret.
        let request = request.map_err(|error| Failed(error.to_string()))?;
        let response = self.client.send(request, TIME_LIMIT).await;
        response
            .map(CheckedResponse)
            .map_err(|error| Failed(error.to_string()))
    }
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    let found = url.query_pairs().find(|(sent, _)| sent == name);
    found.map(|(_, value)| value.into_owned())
}

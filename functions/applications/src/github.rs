//! Finds GitHub accounts by name. Requests carry the credentials of the OAuth app: without them,
//! GitHub allows 60 requests an hour for each address, and the addresses of AWS are shared.
//!
//! - [Rate limit of OAuth apps](https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api)
//! - [Get a user](https://docs.github.com/en/rest/users/users#get-a-user)

use std::time::Duration;

use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, StatusCode};
use serde::Deserialize;
use shared::base::environment::{ConfigError, Env};
use shared::base::ids::UserId;
use shared::identity::invite::Invitee;
use shared::identity::user::is_login;
use shared::web::client::Client;
use shared::web::error::Error;
use shared::web::github::Server;

/// Time limit of a request. The time limit of the function is 10 s.
const TIME_LIMIT: Duration = Duration::from_secs(4);

/// Client for public data of GitHub's REST API.
pub(crate) struct GitHub {
    api_url: String,
    client: Client,
    authorization: HeaderValue,
}

#[derive(Deserialize)]
struct Account {
    id: u64,
    login: String,
    r#type: String,
}

impl GitHub {
    /// Reads `GITHUB_CLIENT_ID`, `GITHUB_CLIENT_SECRET` and the settings of the [`Server`].
    ///
    /// # Errors
    /// If a setting is missing or invalid.
    pub(crate) fn load(env: &Env) -> Result<Self, ConfigError> {
        let id = env.required("GITHUB_CLIENT_ID")?;
        let secret = env.required("GITHUB_CLIENT_SECRET")?;
        let credentials = STANDARD.encode(format!("{id}:{secret}"));
        let authorization = HeaderValue::try_from(format!("Basic {credentials}"));
        let mut authorization =
            authorization.map_err(|error| ConfigError::new("GITHUB_CLIENT_SECRET", error))?;
        authorization.set_sensitive(true);
        let server = Server::from_env(env)?;
        Ok(Self {
            api_url: server.api_url,
            client: Client::from_env(env).trusting(server.roots),
            authorization,
        })
    }

    /// Finds the account of a person by its name. One request; none for a text that cannot be a
    /// name.
    ///
    /// # Errors
    /// An invalid field if there is no such account; `Unavailable` if GitHub's response does not
    /// say.
    pub(crate) async fn person(&self, login: &str) -> Result<Invitee, Error> {
        if !is_login(login) {
            return Err(unknown());
        }
        let request = Request::get(format!("{}/users/{login}", self.api_url))
            .header(ACCEPT, "application/vnd.github+json")
            .header(AUTHORIZATION, self.authorization.clone())
            .header("X-GitHub-Api-Version", "2022-11-28")
            .body(Bytes::new());
        let request = request.map_err(|error| Error::Internal(error.into()))?;
        let response = self.client.send(request, TIME_LIMIT).await;
        let response = response.map_err(|error| unavailable(error.to_string()))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(unknown()),
            status => return Err(unavailable(format!("unexpected status {status}"))),
        }
        let account: Account = serde_json::from_slice(response.body())
            .map_err(|_| unavailable("unexpected response".to_owned()))?;
        // Organizations and apps cannot sign in.
        if account.r#type != "User" {
            return Err(unknown());
        }
        let user_id = UserId::new(account.id);
        let user_id = user_id.ok_or_else(|| unavailable("an id out of range".to_owned()))?;
        Ok(Invitee {
            user_id,
            login: account.login,
        })
    }
}

fn unknown() -> Error {
    Error::invalid_field(
        "/githubLogin",
        "is not the name of a person's account at GitHub",
    )
}

fn unavailable(problem: String) -> Error {
    Error::Unavailable(format!("GitHub: {problem}").into())
}

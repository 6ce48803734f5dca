//! HTTP requests to GitHub: the REST API and the token endpoint.

use std::pin::Pin;
use std::time::Duration;

use axum::body::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, StatusCode};
use oauth2::AsyncHttpClient;
use serde::Deserialize;
use shared::base::environment::Env;
use shared::web::client::{Client, ClientError, ExtraRoots};
use thiserror::Error;

/// Reason why a call has no usable response.
#[derive(Debug, Error)]
pub(super) enum TransportError {
    #[error("the request cannot be written: {0}")]
    Unwritable(#[from] http::Error),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("unexpected status {0}")]
    Unexpected(StatusCode),
}

/// Time limit of a request to the token endpoint. [`super::TIME_LIMIT`] limits all calls together.
const TOKEN_TIME_LIMIT: Duration = Duration::from_secs(5);

/// Time limit of each attempt of a GET.
const GET_TIME_LIMIT: Duration = Duration::from_secs(2);

/// Delays before the retries of a GET.
const GET_RETRIES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(600)];

impl TransportError {
    /// Returns whether a retry of the same GET may succeed.
    fn is_transient(&self) -> bool {
        match self {
            Self::Client(ClientError::Failed(_) | ClientError::Late(_)) => true,
            Self::Client(ClientError::ServerError(status)) => status.is_server_error(),
            Self::Unexpected(status) => *status == StatusCode::UNAUTHORIZED,
            Self::Client(ClientError::TooLarge) | Self::Unwritable(_) => false,
        }
    }
}

/// Sends requests to GitHub.
pub(super) struct Transport(Client);

impl Transport {
    /// Creates a transport that also trusts these certificates. It is prepared now, so that the
    /// first sign-in does not wait for it.
    pub(super) fn new(env: &Env, roots: ExtraRoots) -> Self {
        Self(Client::from_env(env).trusting(roots).prepared())
    }

    /// Reads a resource of the REST API. Retries if there is no response, a server error, or a
    /// 401, because a new token is not valid on all of GitHub's servers immediately.
    pub(super) async fn get(
        &self,
        url: &str,
        token: &oauth2::AccessToken,
    ) -> Result<Bytes, TransportError> {
        for wait in GET_RETRIES {
            match self.try_get(url, token).await {
                Err(error) if error.is_transient() => tokio::time::sleep(wait).await,
                result => return result,
            }
        }
        self.try_get(url, token).await
    }

    async fn try_get(
        &self,
        url: &str,
        token: &oauth2::AccessToken,
    ) -> Result<Bytes, TransportError> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.secret()))
            .map_err(http::Error::from)?;
        authorization.set_sensitive(true);
        let request = Request::get(url)
            .header(ACCEPT, "application/vnd.github+json")
            .header(AUTHORIZATION, authorization)
            .header("X-GitHub-Api-Version", "2022-11-28")
            .body(Bytes::new())?;
        let response = self.0.send(request, GET_TIME_LIMIT).await?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => Err(TransportError::Unexpected(status)),
        }
    }
}

/// Sends requests of the `oauth2` crate to the token endpoint.
impl<'c> AsyncHttpClient<'c> for Transport {
    type Error = TransportError;
    type Future =
        Pin<Box<dyn Future<Output = Result<oauth2::HttpResponse, TransportError>> + Send + 'c>>;

    fn call(&'c self, request: oauth2::HttpRequest) -> Self::Future {
        Box::pin(async {
            let mut response = self
                .0
                .send(request.map(Bytes::from), TOKEN_TIME_LIMIT)
                .await?;
            if response.status() == StatusCode::OK && is_oauth_error(response.body()) {
                // GitHub sends OAuth errors with status 200; RFC 6749 §5.2 and the crate expect 400.
                *response.status_mut() = StatusCode::BAD_REQUEST;
            }
            Ok(response.map(Vec::from))
        })
    }
}

fn is_oauth_error(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct OAuthError {
        #[serde(rename = "error")]
        _code: String,
    }
    serde_json::from_slice::<OAuthError>(body).is_ok()
}

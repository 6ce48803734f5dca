//! GitHub's two dialects of HTTP: the REST API, and the token endpoint.

use std::pin::Pin;

use axum::body::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, StatusCode};
use oauth2::AsyncHttpClient;
use serde::Deserialize;
use shared::web::client::{Client, ClientError};
use thiserror::Error;

/// Why a call has no usable answer.
#[derive(Debug, Error)]
pub(super) enum TransportError {
    #[error("the request cannot be written: {0}")]
    Unwritable(#[from] http::Error),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("unexpected status {0}")]
    Unexpected(StatusCode),
}

/// Calls to one GitHub.
pub(super) struct Transport(Client);

impl Transport {
    /// Calls through this client.
    pub(super) fn new(client: Client) -> Self {
        Self(client)
    }

    /// A resource of GitHub's REST API.
    pub(super) async fn get(
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
        let response = self.0.send(request).await?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => Err(TransportError::Unexpected(status)),
        }
    }
}

/// Requests of the oauth2 crate, to the token endpoint.
impl<'c> AsyncHttpClient<'c> for Transport {
    type Error = TransportError;
    type Future =
        Pin<Box<dyn Future<Output = Result<oauth2::HttpResponse, TransportError>> + Send + 'c>>;

    fn call(&'c self, request: oauth2::HttpRequest) -> Self::Future {
        Box::pin(async {
            let mut response = self.0.send(request.map(Bytes::from)).await?;
            if response.status() == StatusCode::OK && is_oauth_error(response.body()) {
                // GitHub sends OAuth errors with 200; RFC 6749 §5.2 and the crate expect 400.
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

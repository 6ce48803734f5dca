//! HTTP to GitHub, over the TLS stack that the AWS SDK already brings.

use std::io;
use std::pin::Pin;
use std::sync::OnceLock;

use axum::body::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use oauth2::AsyncHttpClient;
use serde::Deserialize;
use thiserror::Error;

/// GitHub's answers are a few KB; a longer one is not GitHub's.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

type HttpsClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Why a call has no usable answer.
#[derive(Debug, Error)]
pub(super) enum TransportError {
    #[error("the request failed: {0}")]
    Failed(String),
    #[error("status {0}")]
    ServerError(StatusCode),
    #[error("unexpected status {0}")]
    Unexpected(StatusCode),
    #[error("the answer is larger than {MAX_RESPONSE_BYTES} bytes")]
    TooLarge,
}

/// One client with its connections, made on first use: reading the machine's
/// certificates takes longer than all the rest of a cold start.
#[derive(Default)]
pub(super) struct Transport(OnceLock<HttpsClient>);

impl Transport {
    /// A resource of GitHub's REST API.
    pub(super) async fn get(
        &self,
        url: &str,
        token: &oauth2::AccessToken,
    ) -> Result<Bytes, TransportError> {
        let failed = |error: http::Error| TransportError::Failed(error.to_string());
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", token.secret()))
            .map_err(|error| failed(error.into()))?;
        authorization.set_sensitive(true);
        let request = Request::get(url)
            .header(ACCEPT, "application/vnd.github+json")
            .header(AUTHORIZATION, authorization)
            .header("X-GitHub-Api-Version", "2022-11-28")
            .body(Bytes::new())
            .map_err(failed)?;
        let response = self.send(request).await?;
        match response.status() {
            StatusCode::OK => Ok(response.into_body()),
            status => Err(TransportError::Unexpected(status)),
        }
    }

    /// Redirects are not followed: no answer of GitHub's may send a token elsewhere.
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        // GitHub refuses requests without one.
        request
            .headers_mut()
            .insert(USER_AGENT, HeaderValue::from_static("upblit"));
        let response = self
            .client()?
            .request(request.map(Full::new))
            .await
            .map_err(|error| TransportError::Failed(error.to_string()))?;
        let status = response.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(TransportError::ServerError(status));
        }
        let (parts, body) = response.into_parts();
        match Limited::new(body, MAX_RESPONSE_BYTES).collect().await {
            Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(TransportError::TooLarge),
            Err(error) => Err(TransportError::Failed(error.to_string())),
        }
    }

    fn client(&self) -> Result<&HttpsClient, TransportError> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let client = https_client().map_err(|error| TransportError::Failed(error.to_string()))?;
        Ok(self.0.get_or_init(|| client))
    }
}

/// Requests of the oauth2 crate, to the token endpoint.
impl<'c> AsyncHttpClient<'c> for Transport {
    type Error = TransportError;
    type Future =
        Pin<Box<dyn Future<Output = Result<oauth2::HttpResponse, TransportError>> + Send + 'c>>;

    fn call(&'c self, request: oauth2::HttpRequest) -> Self::Future {
        Box::pin(async {
            let mut response = self.send(request.map(Bytes::from)).await?;
            if response.status() == StatusCode::OK && is_oauth_error(response.body()) {
                // GitHub sends OAuth errors with 200; RFC 6749 §5.2 and the crate expect 400.
                *response.status_mut() = StatusCode::BAD_REQUEST;
            }
            Ok(response.map(Vec::from))
        })
    }
}

fn https_client() -> io::Result<HttpsClient> {
    // Plain HTTP serves the local stand-in, and only if GITHUB_URL says so.
    let connector = HttpsConnectorBuilder::new()
        .with_native_roots()?
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

fn is_oauth_error(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct OAuthError {
        #[serde(rename = "error")]
        _code: String,
    }
    serde_json::from_slice::<OAuthError>(body).is_ok()
}

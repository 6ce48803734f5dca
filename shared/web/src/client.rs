//! HTTP to others, over the TLS stack that the AWS SDK already brings.

use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use axum::body::Bytes;
use http::header::USER_AGENT;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use thiserror::Error;

/// The answers we ask for are a few KB; a longer one is not what we asked for.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

type HttpsClient = HyperClient<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Why a call has no usable answer.
#[derive(Debug, Error)]
pub enum ClientError {
    /// No connection, or it broke.
    #[error("the request failed: {0}")]
    Failed(String),
    /// No complete answer in time.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// The other side has trouble, or enough of us.
    #[error("status {0}")]
    ServerError(StatusCode),
    /// The answer does not end.
    #[error("the answer is larger than {MAX_RESPONSE_BYTES} bytes")]
    TooLarge,
}

/// A client that is made on first use: reading the machine's certificates takes
/// longer than all the rest of a cold start.
#[derive(Default)]
pub struct Client {
    connections: OnceLock<HttpsClient>,
}

impl Client {
    /// Sends a request over a new connection and reads the whole answer, within
    /// the limit. Redirects are not followed: no answer may send what we know
    /// elsewhere.
    ///
    /// # Errors
    /// When there is no answer, or one that says to try later.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        time_limit: Duration,
    ) -> Result<Response<Bytes>, ClientError> {
        tokio::time::timeout(time_limit, self.exchange(request))
            .await
            .unwrap_or(Err(ClientError::Late(time_limit)))
    }

    async fn exchange(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, ClientError> {
        // GitHub refuses requests without one.
        request
            .headers_mut()
            .insert(USER_AGENT, HeaderValue::from_static("upblit"));
        let response = self
            .connections()?
            .request(request.map(Full::new))
            .await
            .map_err(|error| ClientError::Failed(error.to_string()))?;
        let status = response.status();
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            return Err(ClientError::ServerError(status));
        }
        let (parts, body) = response.into_parts();
        match Limited::new(body, MAX_RESPONSE_BYTES).collect().await {
            Ok(body) => Ok(Response::from_parts(parts, body.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => Err(ClientError::TooLarge),
            Err(error) => Err(ClientError::Failed(error.to_string())),
        }
    }

    fn connections(&self) -> Result<&HttpsClient, ClientError> {
        if let Some(client) = self.connections.get() {
            return Ok(client);
        }
        let client = https_client().map_err(|error| ClientError::Failed(error.to_string()))?;
        Ok(self.connections.get_or_init(|| client))
    }
}

fn https_client() -> io::Result<HttpsClient> {
    // Plain HTTP serves stand-ins on this machine, and only if a setting says so.
    let connector = HttpsConnectorBuilder::new()
        .with_native_roots()?
        .https_or_http()
        .enable_http1()
        .build();
    // No connection is kept: Lambda freezes the process between two requests, and a
    // connection that died meanwhile swallows what is sent over it.
    Ok(HyperClient::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector))
}

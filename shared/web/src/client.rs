//! HTTP client for other services, on the TLS stack that the AWS SDK already includes.

mod proxy;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use http::header::USER_AGENT;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::rt::TokioExecutor;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use thiserror::Error;
use upblit_base::environment::Env;

use proxy::ProxyConnector;

mod roots;

pub use roots::ExtraRoots;

/// Maximum size of a response. Expected ones have a few KB.
const MAX_RESPONSE_BYTES: usize = 1024 * 1024;

type HttpsClient = HyperClient<HttpsConnector<ProxyConnector>, Full<Bytes>>;

/// Why a request got no usable response.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The connection could not be made, or it broke.
    #[error("the request failed: {0}")]
    Failed(String),
    /// The response was not complete in time.
    #[error("no response within {0:?}")]
    Late(Duration),
    /// The server returned a 5xx, or 429.
    #[error("status {0}")]
    ServerError(StatusCode),
    /// The response is larger than the limit.
    #[error("the response is larger than {MAX_RESPONSE_BYTES} bytes")]
    TooLarge,
}

/// HTTPS client. Reads the root certificates of the machine when it is [`prepared`](Self::prepared)
/// or first used, because this takes longer than the rest of a function's start.
pub struct Client {
    connector: ProxyConnector,
    connections: OnceLock<HttpsClient>,
    extra_roots: ExtraRoots,
}

impl Client {
    /// Creates a client that follows `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in
    /// upper or lower case, except to loopback addresses. Connections to proxies are plain HTTP.
    pub fn from_env(env: &Env) -> Self {
        Self {
            connector: ProxyConnector::from_env(env),
            connections: OnceLock::new(),
            extra_roots: ExtraRoots::default(),
        }
    }

    /// Returns the client, which also trusts these certificates.
    #[must_use]
    pub fn trusting(self, extra_roots: ExtraRoots) -> Self {
        Self {
            extra_roots,
            ..self
        }
    }

    /// Returns the client after reading the root certificates, so that no request waits for this.
    /// If they cannot be read, each request returns the error.
    #[must_use]
    pub fn prepared(self) -> Self {
        // Not an error here: other requests of the function may need no client.
        drop(self.connections());
        self
    }

    /// Sends a request over a new connection and reads the whole response, at most 1 MiB.
    /// Redirects are not followed, so that credentials reach no other host.
    ///
    /// # Errors
    /// When there is no complete response within `time_limit`, it is larger than 1 MiB, or its
    /// status is 429 or 5xx.
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
        // GitHub refuses requests without a `User-Agent`.
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
        let client = https_client(self.connector.clone(), &self.extra_roots);
        let client = client.map_err(|error| ClientError::Failed(error.to_string()))?;
        Ok(self.connections.get_or_init(|| client))
    }
}

fn https_client(connector: ProxyConnector, extra_roots: &ExtraRoots) -> io::Result<HttpsClient> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(extra_roots.with_native()?)
        .with_no_client_auth();
    // Plain HTTP is for local stand-ins, and only used if a setting names one.
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    // Connections are not pooled: Lambda freezes the process between requests, and a
    // request sent over a connection that died meanwhile would be lost.
    Ok(HyperClient::builder(TokioExecutor::new())
        .pool_max_idle_per_host(0)
        .build(connector))
}

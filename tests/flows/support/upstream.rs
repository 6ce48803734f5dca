//! An HTTP client for one URL, through which test proxies forward requests.

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Sends POST requests to one URL.
#[derive(Clone)]
pub struct Upstream {
    url: String,
    client: Client<HttpConnector, Body>,
}

impl Upstream {
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Posts a body with these headers, and returns the response. `Content-Length` is computed anew.
    pub async fn post(&self, mut headers: HeaderMap, body: Bytes) -> Response {
        headers.remove(CONTENT_LENGTH);
        let mut request = Request::post(&self.url).body(Body::from(body)).unwrap();
        *request.headers_mut() = headers;
        self.client.request(request).await.unwrap().map(Body::new)
    }
}

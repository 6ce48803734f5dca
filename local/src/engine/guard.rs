//! A guard in front of the engine. The engine checks no credentials and lets every web page call it
//! (`Access-Control-Allow-Origin: *`), so a page that finds its port could read and change the
//! tables. Requests therefore need an access key id that only this run knows.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use sha2::{Digest, Sha256};
use shared::base::random;

use crate::hosts::{self, AllowedHosts};

/// A random access key id that clients of the engine must send.
#[derive(Clone)]
pub(crate) struct AccessKey(String);

impl AccessKey {
    /// Generates an id of 128 random bits, in hexadecimal: access key ids are alphanumeric.
    pub(crate) fn generate() -> Self {
        let number = u128::from_be_bytes(random::bytes::<16>(&mut random::rng()));
        Self(format!("upblit{number:032x}"))
    }

    /// The id, for `AWS_ACCESS_KEY_ID`.
    pub(crate) fn id(&self) -> &str {
        &self.0
    }

    /// Whether a request names this key in its `Authorization` (AWS Signature Version 4). The signature
    /// is not checked: the id is the secret.
    fn is_named(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().and_then(|value| value.to_str().ok());
        let id = value.and_then(|value| {
            let (_, credential) = value.split_once("Credential=")?;
            Some(credential.split_once('/')?.0)
        });
        // Compare hashes, so that the duration of the comparison reveals nothing about the id.
        let is_ours = id.is_some_and(|id| Sha256::digest(id) == Sha256::digest(&self.0));
        is_ours && values.next().is_none()
    }
}

#[derive(Clone)]
struct Guard {
    engine: SocketAddr,
    key: AccessKey,
    client: Client<HttpConnector, Body>,
}

/// Forwards requests that name `key` and a loopback `Host` to the engine. Adds no CORS headers.
pub(crate) fn router(engine: SocketAddr, key: AccessKey) -> Router {
    let guard = Guard {
        engine,
        key,
        client: Client::builder(TokioExecutor::new()).build_http(),
    };
    let own_names = from_fn_with_state(AllowedHosts::loopback(), hosts::refuse_others);
    Router::new()
        .fallback(forward)
        .with_state(guard)
        .layer(own_names)
}

async fn forward(State(guard): State<Guard>, mut request: Request) -> Response {
    if !guard.key.is_named(request.headers()) {
        return unrecognized();
    }
    let path = request.uri().path_and_query();
    let path = path.map_or("/", |path| path.as_str());
    let Ok(uri) = format!("http://{}{path}", guard.engine).parse::<Uri>() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    *request.uri_mut() = uri;
    request.headers_mut().remove(HOST);
    // The engine adds CORS headers to its response if the request has an `Origin`.
    request.headers_mut().remove(ORIGIN);
    match guard.client.request(request).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::warn!(%error, "the database engine does not respond");
            StatusCode::BAD_GATEWAY.into_response()
        }
    }
}

/// DynamoDB's response to an unknown access key id.
fn unrecognized() -> Response {
    let body = r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"The security token included in the request is invalid. The access key id is in lambda.env and in the output of upblit."}"#;
    let media_type = [(CONTENT_TYPE, "application/x-amz-json-1.0")];
    (StatusCode::BAD_REQUEST, media_type, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(authorization: &[&str]) -> HeaderMap {
        let values = authorization
            .iter()
            .map(|value| (AUTHORIZATION, value.parse().unwrap()));
        values.collect()
    }

    #[test]
    fn only_requests_that_name_the_key_are_recognized() {
        let key = AccessKey::generate();
        let other = AccessKey::generate();
        let signed = |key: &AccessKey| {
            let scope = "20260101/us-east-1/dynamodb/aws4_request";
            format!(
                "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host, Signature=0",
                key.id()
            )
        };
        let right = signed(&key);
        assert!(key.is_named(&headers(&[&right])));
        assert!(!key.is_named(&headers(&[&right, &right])), "twice");
        for wrong in [
            signed(&other),
            right.replace(key.id(), "local"),
            right.replace(key.id(), ""),
            right.replace(key.id(), &key.id()[1..]),
            right.replace('/', ""),
            right.replace("Credential=", ""),
            format!("Bearer {}", key.id()),
            String::new(),
        ] {
            assert!(!key.is_named(&headers(&[&wrong])), "{wrong}");
        }
        assert!(!key.is_named(&HeaderMap::new()));
    }
}

//! A response with its whole body.

use axum::body::Body;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use url::Url;

/// Status, headers and body of a response.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Response {
    pub async fn read(response: http::Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Self {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// The value of a header, or an empty text without it.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// Expects a success and returns its JSON body.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Expects a redirect and returns its address.
    #[track_caller]
    pub fn location(&self) -> Url {
        assert_eq!(self.status, StatusCode::FOUND, "{}", self.text());
        Url::parse(self.header("location")).unwrap()
    }

    /// Expects a problem (RFC 9457) of this status and slug; returns its body.
    #[track_caller]
    pub fn problem(&self, status: u16, slug: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        let body: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(body["type"], format!("urn:upblit:problem:{slug}"), "{body}");
        assert_eq!(body["status"], status);
        assert!(body["requestId"].as_str().is_some_and(|id| !id.is_empty()));
        if status == 401 {
            assert!(self.headers.contains_key("www-authenticate"));
        }
        body
    }
}

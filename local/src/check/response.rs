//! Expectations of a response. Each `expect…` function returns the response, or why it is not as
//! expected.

use axum::body::Bytes;
use axum::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Response, StatusCode};
use serde_json::Value;

use super::Failed;

/// Prefix of the type of every problem.
const PROBLEM: &str = "urn:upblit:problem:";

/// A complete response.
pub(super) struct CheckedResponse(pub(super) Response<Bytes>);

impl CheckedResponse {
    /// Text of a header; empty if it is missing.
    pub(super) fn header(&self, name: &HeaderName) -> &str {
        let value = self.0.headers().get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// The body as JSON; `Null` if it is not JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(self.0.body()).unwrap_or_default()
    }

    /// Expects a status.
    pub(super) fn expect_status(self, status: StatusCode) -> Result<Self, Failed> {
        let sent = self.0.status();
        if sent == status {
            return Ok(self);
        }
        let (sent, status) = (sent.as_u16(), status.as_u16());
        let reason = self.reason();
        Err(Failed(format!(
            "the status is {sent}, not {status}{reason}"
        )))
    }

    /// Expects a status and a media type.
    pub(super) fn expect(self, status: StatusCode, media_type: &str) -> Result<Self, Failed> {
        let response = self.expect_status(status)?;
        let content_type = response.header(&CONTENT_TYPE);
        let sent = content_type.split(';').next().unwrap_or("").trim();
        if sent == media_type {
            return Ok(response);
        }
        Err(Failed(format!(
            "Content-Type is \"{sent}\", not \"{media_type}\""
        )))
    }

    /// Expects a problem document (RFC 9457).
    pub(super) fn expect_problem(self, status: StatusCode) -> Result<Self, Failed> {
        let response = self.expect(status, "application/problem+json")?;
        let problem = response.json();
        match problem["type"].as_str() {
            Some(kind) if kind.starts_with(PROBLEM) => Ok(response),
            _ => Err(Failed("the problem does not have a type of Upblit".into())),
        }
    }

    /// Whether the body is the problem with this slug.
    pub(super) fn is_problem(&self, slug: &str) -> bool {
        let problem = self.json();
        let kind = problem["type"].as_str().unwrap_or_default();
        kind.strip_prefix(PROBLEM) == Some(slug)
    }

    /// Expects the security headers that every response has.
    pub(super) fn expect_security(self) -> Result<Self, Failed> {
        const HEADERS: [(HeaderName, &str); 4] = [
            (STRICT_TRANSPORT_SECURITY, "max-age="),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
            (CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"),
        ];
        for (name, part) in HEADERS {
            let value = self.header(&name);
            if !value.contains(part) {
                return Err(Failed(format!("{name} is \"{value}\", without {part}")));
            }
        }
        Ok(self)
    }

    /// The problem's detail in parentheses, for the terminal; empty if there is none.
    fn reason(&self) -> String {
        match self.json()["detail"].as_str() {
            Some(detail) => format!(" ({detail})"),
            None => String::new(),
        }
    }
}

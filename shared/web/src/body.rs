//! Request bodies: JSON extractors, and reading with a limit.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::input::{Input, Part};

/// Maximum size of a JSON body, in bytes.
const MAX_JSON_BYTES: usize = 64 * 1024;

/// Extracts a JSON body of at most 64 KiB.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        if !is_json(request.headers()) {
            return Err(not_json());
        }
        let body = read(request.into_body(), MAX_JSON_BYTES).await?;
        Input::from_json(&body)?.read(Part::Body).map(Self)
    }
}

/// Extracts a JSON body of at most 64 KiB, or the default if the body is empty.
pub struct OptionalJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJson<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let is_json = is_json(request.headers());
        let body = read(request.into_body(), MAX_JSON_BYTES).await?;
        if body.trim_ascii().is_empty() {
            return Ok(Self(T::default()));
        }
        if !is_json {
            return Err(not_json());
        }
        Input::from_json(&body)?.read(Part::Body).map(Self)
    }
}

/// Returns the error for a content type other than JSON.
pub fn not_json() -> Error {
    let problem = "the body must be JSON, with Content-Type: application/json";
    Error::UnsupportedMedia(problem.to_owned())
}

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// [`Error::TooLarge`], or [`Error::Malformed`] when it ends early.
pub async fn read(body: Body, limit: usize) -> Result<Bytes, Error> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Error::TooLarge(format!(
            "the body is larger than {} KiB",
            limit / 1024
        ))),
        Err(_) => Err(Error::Malformed("the body ended early".to_owned())),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media| media.eq_ignore_ascii_case("application/json"))
}

/// Returns the content type without its parameters. `None` if it is missing or not ASCII.
pub fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

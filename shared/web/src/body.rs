//! Request bodies and queries, read with one answer to each thing that can be wrong.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::error::Error;

/// Most bytes of a dashboard request's body.
const MAX_JSON_BYTES: usize = 64 * 1024;

/// A JSON body.
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        if !is_json(request.headers()) {
            return Err(not_json());
        }
        let body = read(request.into_body(), MAX_JSON_BYTES).await?;
        parse(&body).map(Self)
    }
}

/// A JSON body that may be left out.
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
        parse(&body).map(Self)
    }
}

/// The parameters of the query.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        // The rejection's text holds the parser's words, which may quote a value.
        let problem = "the query is missing a parameter, or one is given twice or is not valid";
        query
            .map(|query| Self(query.0))
            .map_err(|_| Error::Malformed(problem.to_owned()))
    }
}

/// The answer to a content type that is not JSON's.
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

/// Reads a JSON object; an error names the place.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    // serde would take an array for a struct, field by field.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Error::Malformed(
            "the body must be a JSON object".to_owned(),
        ));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value: T = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let inner = error.inner();
        if inner.is_data() && error.path().iter().next().is_some() {
            Error::invalid_field(&pointer(error.path()), told(inner))
        } else {
            Error::Malformed(format!("the body cannot be read: {}", told(inner)))
        }
    })?;
    json.end()
        .map_err(|error| Error::Malformed(format!("the body is not JSON: {error}")))?;
    Ok(value)
}

/// serde's words, without the value they may quote: it may be a secret.
fn told(error: &serde_json::Error) -> String {
    const QUOTING: [&str; 4] = [
        "invalid type: ",
        "invalid value: ",
        "invalid length ",
        "unknown variant ",
    ];
    let text = error.to_string();
    if QUOTING.iter().any(|words| text.starts_with(words)) {
        let expected = text.rsplit_once(", expected ");
        return format!("expected {}", expected.map_or("something else", |(_, e)| e));
    }
    text
}

/// A JSON pointer (RFC 6901).
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => "/?".to_owned(),
        })
        .collect()
}

fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media| media.eq_ignore_ascii_case("application/json"))
}

/// The content type without its parameters.
pub fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

//! The `Idempotency-Key` header.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Deserialize;
use upblit_identity::idempotency::IdempotencyKey;
use utoipa::IntoParams;

use crate::error::Error;

/// Name of the header.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Describes the header for the OpenAPI document.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyHeader {
    /// A text that the client chooses for this creation, such as a random UUID, and sends again
    /// when it repeats the request after a lost response. It counts for 24 hours. Another request
    /// with the same key is refused with 422.
    #[serde(rename = "Idempotency-Key")]
    #[param(
        min_length = 1,
        max_length = 255,
        pattern = r#"^(?!""$)[!-~]([ -~]*[!-~])?$"#
    )]
    #[expect(dead_code, reason = "only describes the header")]
    key: Option<String>,
}

/// Extracts the idempotency key of a request, if it has one.
pub struct OptionalIdempotencyKey(pub Option<IdempotencyKey>);

impl<S: Send + Sync> FromRequestParts<S> for OptionalIdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else {
            return Ok(Self(None));
        };
        if values.next().is_some() {
            let problem = "a request has one Idempotency-Key";
            return Err(Error::Malformed(problem.to_owned()));
        }
        let key = IdempotencyKey::parse(value.as_bytes());
        key.map(|key| Self(Some(key)))
            .map_err(|error| Error::Malformed(error.to_string()))
    }
}

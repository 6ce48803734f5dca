//! Query parameters, read into the fields of a type. A type with `deny_unknown_fields`
//! refuses unknown parameters; lists and telemetry queries do (docs/decisions/0026-one-way-to-ask.md).

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::error::Error;
use crate::input::{Input, Part};

/// Extracts the query parameters.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        let query = parts.uri.query().unwrap_or_default();
        Input::from_query(query).read(Part::Query).map(Self)
    }
}

/// Maximum number of rows on a page, from 1 to `MAX`; `DEFAULT` if it is not given. Other numbers are
/// refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit<const MAX: u16, const DEFAULT: u16 = 50>(u16);

impl<const MAX: u16, const DEFAULT: u16> Limit<MAX, DEFAULT> {
    /// Returns the number of rows.
    pub fn get(self) -> u16 {
        self.0
    }
}

impl<const MAX: u16, const DEFAULT: u16> Default for Limit<MAX, DEFAULT> {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl<'de, const MAX: u16, const DEFAULT: u16> Deserialize<'de> for Limit<MAX, DEFAULT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit = String::deserialize(deserializer)?.parse().ok();
        let limit = limit.filter(|limit| (1..=MAX).contains(limit));
        limit
            .map(Self)
            .ok_or_else(|| D::Error::custom(format_args!("must be a whole number from 1 to {MAX}")))
    }
}

impl<const MAX: u16, const DEFAULT: u16> PartialSchema for Limit<MAX, DEFAULT> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(MAX))
            .default(Some(DEFAULT.into()))
            .into()
    }
}

impl<const MAX: u16, const DEFAULT: u16> ToSchema for Limit<MAX, DEFAULT> {}

/// Deserializes an optional parameter that parses from text. An empty value counts as
/// none. For `#[serde(default, deserialize_with)]`.
///
/// # Errors
/// If the text is not empty and does not parse.
pub fn unless_empty<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(D::Error::custom)
}

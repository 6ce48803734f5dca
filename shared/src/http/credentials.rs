//! Authorization is a value a handler must hold: it gets a [`Principal`] only
//! from a verified access token.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName};

use crate::access_token::{AccessTokens, InvalidAccessToken, Principal};
use crate::clock::Clock;
use crate::config::{self, ConfigError, Env};
use crate::error::Error;
use crate::signing::SigningKeys;

/// Carries an SDK's API key.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Everything needed to verify an access token; cheap to clone.
#[derive(Clone)]
pub struct Verifier {
    keys: Arc<SigningKeys>,
    tokens: Arc<AccessTokens>,
    clock: Clock,
}

impl Verifier {
    /// A verifier for what this environment's tokens are signed with.
    ///
    /// # Errors
    /// When the signing secret or a lifetime is missing or wrong.
    pub fn load(env: &Env, clock: &Clock) -> Result<Self, ConfigError> {
        Ok(Self {
            keys: Arc::new(config::signing_keys(env)?),
            tokens: Arc::new(config::access_tokens(env)?),
            clock: clock.clone(),
        })
    }

    /// The signing keys, for functions that also issue.
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// The access tokens, for functions that also issue.
    pub fn tokens(&self) -> &AccessTokens {
        &self.tokens
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Principal
where
    Verifier: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let verifier = Verifier::from_ref(state);
        let token = bearer(&parts.headers)?;
        let now = verifier.clock.now();
        let principal = verifier.tokens.verify(&verifier.keys, token, now)?;
        tracing::debug!(user = %principal.user_id, "authenticated");
        Ok(principal)
    }
}

/// `Authorization: Bearer …` (RFC 6750 §2.1): exactly one header, any case of the scheme.
fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Error::MissingAccessToken)?;
    if values.next().is_some() {
        return Err(InvalidAccessToken.into());
    }
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or(InvalidAccessToken)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token)
    } else {
        Err(InvalidAccessToken.into())
    }
}

/// The text of `x-api-key`. Two headers, or two keys joined into one, are no key.
///
/// # Errors
/// [`Error::MissingApiKey`] when there is none.
pub fn api_key(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(API_KEY).iter();
    let value = values.next().ok_or(Error::MissingApiKey)?;
    if values.next().is_some() {
        return Err(crate::api_key::KeyRefusal::Invalid.into());
    }
    value
        .to_str()
        .map(str::trim)
        .map_err(|_| crate::api_key::KeyRefusal::Invalid.into())
}

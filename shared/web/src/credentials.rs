//! Authorization is a value a handler must hold: it gets a [`SignedIn`] only
//! from a verified access token. And the other way round: tokens are issued here.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Error;
use crate::request_log;
use upblit_base::clock::Clock;
use upblit_base::environment::{ConfigError, Env};
use upblit_base::random;
use upblit_identity::access_token::{AccessTokens, InvalidAccessToken, Principal};
use upblit_identity::api_key::KeyRefusal;
use upblit_identity::refresh_token::RefreshToken;
use upblit_identity::session::Session;
use upblit_identity::signing::SigningKeys;

/// Carries an SDK's API key.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Verifies and issues the tokens of this deployment; cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    keys: Arc<SigningKeys>,
    access: Arc<AccessTokens>,
    clock: Clock,
}

/// What a signed-in client holds.
pub struct IssuedTokens {
    /// For `Authorization: Bearer`.
    pub access: SecretString,
    /// For `POST /refresh`.
    pub refresh: SecretString,
    /// Life of the access token.
    pub expires_in_seconds: u64,
    /// Life of the session, unless it is used.
    pub refresh_expires_in_seconds: i64,
}

impl Tokens {
    /// Reads what this environment's tokens are signed with.
    ///
    /// # Errors
    /// When the signing secret or a lifetime is missing or wrong.
    pub fn load(env: &Env, clock: &Clock) -> Result<Self, ConfigError> {
        Ok(Self {
            keys: Arc::new(SigningKeys::from_env(env)?),
            access: Arc::new(AccessTokens::from_env(env)?),
            clock: clock.clone(),
        })
    }

    /// The signing keys.
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// A new access token beside a refresh token of the same session.
    ///
    /// # Errors
    /// When signing fails, which no input can cause.
    pub fn issue(
        &self,
        session: &Session,
        refresh_token: &RefreshToken,
        now: Timestamp,
    ) -> Result<IssuedTokens, Error> {
        let access = self
            .access
            .issue(
                &self.keys,
                &session.profile,
                session.id,
                now,
                &mut random::rng(),
            )
            .map_err(|error| Error::Internal(error.into()))?;
        Ok(IssuedTokens {
            access,
            refresh: refresh_token.to_text(&self.keys),
            expires_in_seconds: self.access.ttl().as_secs(),
            refresh_expires_in_seconds: session.expires_at().duration_since(now).as_secs(),
        })
    }
}

/// The body of a token answer (RFC 6749 §5.1, in the contract's names). `token`
/// and `accessToken` are the same: clients use both names.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tokens)]
pub struct TokenBody<'a> {
    #[schema(example = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…")]
    token: &'a str,
    #[schema(example = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…")]
    access_token: &'a str,
    #[schema(value_type = String, example = "Bearer")]
    token_type: &'static str,
    /// Seconds.
    #[schema(example = 900)]
    expires_in: u64,
    #[schema(example = "upblit_rt_…")]
    refresh_token: &'a str,
    /// Seconds.
    #[schema(example = 1_209_600)]
    refresh_expires_in: i64,
}

impl IntoResponse for IssuedTokens {
    fn into_response(self) -> Response {
        let access_token = self.access.expose_secret();
        let body = TokenBody {
            token: access_token,
            access_token,
            token_type: "Bearer",
            expires_in: self.expires_in_seconds,
            refresh_token: self.refresh.expose_secret(),
            refresh_expires_in: self.refresh_expires_in_seconds,
        };
        axum::Json(body).into_response()
    }
}

/// Who is signed in: a handler gets it only from a verified access token.
pub struct SignedIn(pub Principal);

impl<S: Send + Sync> FromRequestParts<S> for SignedIn
where
    Tokens: FromRef<S>,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let tokens = Tokens::from_ref(state);
        let token = bearer(&parts.headers)?;
        let now = tokens.clock.now();
        let principal = tokens.access.verify(&tokens.keys, token, now)?;
        request_log::note_session(principal.user_id, principal.session_id);
        Ok(Self(principal))
    }
}

/// `Authorization: Bearer …` (RFC 6750 §2.1): exactly one header, any case of the scheme.
fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Error::MissingAccessToken)?;
    if values.next().is_some() {
        return Err(InvalidAccessToken.into());
    }
    let value = value.to_str().map_err(|_| InvalidAccessToken)?;
    let (scheme, token) = value.split_once(' ').ok_or(InvalidAccessToken)?;
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
        return Err(KeyRefusal::Invalid.into());
    }
    let text = value.to_str().map(str::trim);
    text.map_err(|_| KeyRefusal::Invalid.into())
}

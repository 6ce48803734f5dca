//! Verifies the credentials of requests, and issues tokens. A handler can get a
//! [`SignedIn`] only from a verified access token.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRef, FromRequestParts};
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Error;
use crate::request_log;
use upblit_base::clock::Clock;
use upblit_base::environment::{ConfigError, Env};
use upblit_base::ids::UserId;
use upblit_base::random;
use upblit_identity::access_token::{AccessTokens, InvalidAccessToken, Principal};
use upblit_identity::api_key::{KeyRefusal, has_key_prefix};
use upblit_identity::change_limit::ChangeLimit;
use upblit_identity::refresh_token::RefreshToken;
use upblit_identity::session::Session;
use upblit_identity::signing::SigningKeys;

/// Header with the API key.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Verifies and issues the tokens of a deployment. Cheap to clone.
#[derive(Clone)]
pub struct Tokens {
    keys: Arc<SigningKeys>,
    access: Arc<AccessTokens>,
    clock: Clock,
    changes: Option<Arc<Mutex<ChangeLimit>>>,
}

/// Tokens of a new or refreshed session.
pub struct IssuedTokens {
    /// Access token, for `Authorization: Bearer`.
    pub access: SecretString,
    /// Refresh token, for `POST /refresh`.
    pub refresh: SecretString,
    /// Lifetime of the access token.
    pub expires_in_seconds: u64,
    /// Time until the session expires unless it is refreshed.
    pub refresh_expires_in_seconds: i64,
}

impl Tokens {
    /// Loads the signing keys and token lifetimes from settings.
    ///
    /// # Errors
    /// When the signing secret or a lifetime is missing or wrong.
    pub fn load(env: &Env, clock: &Clock) -> Result<Self, ConfigError> {
        Ok(Self {
            keys: Arc::new(SigningKeys::from_env(env)?),
            access: Arc::new(AccessTokens::from_env(env)?),
            clock: clock.clone(),
            changes: None,
        })
    }

    /// Limits the changes that each user makes: requests whose method is not safe, such as POST.
    #[must_use]
    pub fn limiting_changes(self) -> Self {
        let changes = Some(Arc::default());
        Self { changes, ..self }
    }

    fn admit(&self, method: &Method, user: UserId, now: Timestamp) -> Result<(), Error> {
        let Some(changes) = self.changes.as_ref().filter(|_| !method.is_safe()) else {
            return Ok(());
        };
        let mut changes = changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.admit(user, now).map_err(|wait| Error::RateLimited {
            detail: "too many changes in this minute",
            retry_after: wait.as_secs().try_into().unwrap_or(u8::MAX),
        })
    }

    /// Returns the keys that tokens are signed with.
    pub fn keys(&self) -> &SigningKeys {
        &self.keys
    }

    /// Issues an access token to go with a refresh token of the same session.
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

/// Tokens of a session (RFC 6749 §5.1, with camelCase names). `token` and `accessToken`
/// have the same value; clients use either.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tokens)]
pub struct TokenBody<'a> {
    /// Same value as `accessToken`, for older clients.
    #[schema(example = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…")]
    token: &'a str,
    /// JWT to send as `Authorization: Bearer`.
    #[schema(example = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.…")]
    access_token: &'a str,
    /// Always `Bearer` (RFC 6750).
    #[schema(value_type = String, example = "Bearer")]
    token_type: &'static str,
    /// Lifetime of the access token in seconds.
    #[schema(example = 900)]
    expires_in: u64,
    /// Token for `POST /refresh`. Each refresh replaces it.
    #[schema(example = "upblit_rt_…")]
    refresh_token: &'a str,
    /// Seconds until the session expires unless it is refreshed.
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

/// The signed-in user and session, extracted from a verified access token.
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
        request_log::record_session(principal.user_id, principal.session_id);
        tokens.admit(&parts.method, principal.user_id, now)?;
        Ok(Self(principal))
    }
}

/// Returns the token of `Authorization: Bearer …` (RFC 6750 §2.1). Accepts exactly one header,
/// and the scheme in any case.
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

/// Returns whether a request has an `x-api-key` header, with any value.
pub fn has_api_key(headers: &HeaderMap) -> bool {
    headers.contains_key(API_KEY)
}

/// Returns the text of `x-api-key`.
///
/// # Errors
/// [`Error::MissingApiKey`] if there is none; [`Error::ApiKeyForm`] for a key in `Authorization`, in
/// quotes, or after other text; [`KeyRefusal::Invalid`] for several headers or a value that is not
/// ASCII.
pub fn api_key(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(API_KEY).iter();
    let Some(value) = values.next() else {
        return Err(if has_key_as_authorization(headers) {
            ELSEWHERE
        } else {
            Error::MissingApiKey
        });
    };
    if values.next().is_some() {
        return Err(KeyRefusal::Invalid.into());
    }
    let text = value.to_str().map_err(|_| KeyRefusal::Invalid)?.trim();
    if text.starts_with(['"', '\'']) && has_key_prefix(unquoted(text)) {
        return Err(QUOTED);
    }
    if text
        .split(' ')
        .skip(1)
        .any(|part| has_key_prefix(unquoted(part)))
    {
        return Err(ELSEWHERE);
    }
    Ok(text)
}

const ELSEWHERE: Error =
    Error::ApiKeyForm("send the API key alone, in the header x-api-key and not as Authorization");
const QUOTED: Error =
    Error::ApiKeyForm("send the API key without its quotes: the response that made it is JSON");

fn has_key_as_authorization(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    values.any(|value| {
        let value = value.to_str().unwrap_or_default();
        let mut parts = value.split(' ');
        parts.any(|part| has_key_prefix(unquoted(part)))
    })
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\''])
}

//! Every way a request can fail, in the domain's words. How each is told over
//! HTTP is decided in one place: [`crate::problem`].

use std::convert::Infallible;

use thiserror::Error;
use upblit_base::{FieldError, StorageError};
use upblit_identity::access_token::InvalidAccessToken;
use upblit_identity::api_key::KeyRefusal;
use upblit_telemetry::reject_reason::RejectReason;

/// Any error from below, kept for the log and never shown to a client.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a request was not done.
#[derive(Debug, Error)]
pub enum Error {
    /// No `Authorization: Bearer` was sent.
    #[error("no access token was sent")]
    MissingAccessToken,
    /// The access token is not valid, or its session is over.
    #[error(transparent)]
    AccessToken(#[from] InvalidAccessToken),
    /// The refresh token is invalid, expired, revoked or reused: one answer for all.
    #[error("the refresh token is not valid")]
    RefreshToken,
    /// The one-time code is invalid, expired, used, or bound to another challenge.
    #[error("the code is not valid")]
    HandoffCode,
    /// No `x-api-key` was sent.
    #[error("no API key was sent")]
    MissingApiKey,
    /// The API key is not accepted.
    #[error(transparent)]
    ApiKey(#[from] KeyRefusal),
    /// A signed request has no signature, or not that of its body.
    #[error("the signature is missing or not valid")]
    InvalidSignature,
    /// There is no such thing, or it is someone else's: the same answer.
    #[error("there is no such {0}")]
    NotFound(Resource),
    /// The path exists, the method does not.
    #[error("this method is not allowed here")]
    MethodNotAllowed,
    /// The request cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// The request can be read; some of its fields cannot be accepted.
    #[error("some fields are not valid")]
    InvalidFields(Vec<FieldError>),
    /// The content type or content encoding is not one we read.
    #[error("{0}")]
    UnsupportedMedia(String),
    /// A bound on size or number is exceeded.
    #[error("{0}")]
    TooLarge(String),
    /// The request is fine, the present state forbids it.
    #[error("{0}")]
    Conflict(Conflict),
    /// Too many requests or events in this minute, or too many refused keys.
    #[error("{0}")]
    RateLimited(&'static str),
    /// Trouble of ours that passes: storage is down, throttled or slow.
    #[error("temporarily unavailable")]
    Unavailable(#[source] Source),
    /// A bug of ours.
    #[error("internal error")]
    Internal(#[source] Source),
}

/// What was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// A route.
    Path,
    /// An application the caller may see.
    Application,
    /// An API key of such an application.
    ApiKey,
    /// A session of the caller.
    Session,
    /// A trace of such an application.
    Trace,
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Path => "path",
            Self::Application => "application",
            Self::ApiKey => "API key",
            Self::Session => "session",
            Self::Trace => "trace",
        })
    }
}

/// What stands in the way of a request that is fine in itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// The user owns as many applications as one may.
    ApplicationLimit,
    /// The application has as many keys as one may.
    KeyLimit,
    /// The key's last rotation still overlaps.
    RotationOverlap,
    /// The key is revoked, for good.
    KeyRevoked,
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ApplicationLimit => "you own as many applications as one user may",
            Self::KeyLimit => "the application has as many keys as it may; revoke one first",
            Self::RotationOverlap => "the old secret of the last rotation is still valid",
            Self::KeyRevoked => "the key is revoked",
        })
    }
}

impl From<StorageError> for Error {
    fn from(error: StorageError) -> Self {
        if error.is_transient() {
            Self::Unavailable(error.into())
        } else {
            Self::Internal(error.into())
        }
    }
}

/// Of extractors that cannot fail.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl Error {
    /// Why an SDK's request failed. `None` for trouble of ours, and where the
    /// caller has not shown to hold a key.
    pub fn reject_reason(&self) -> Option<RejectReason> {
        match self {
            Self::TooLarge(_) => Some(RejectReason::TooLarge),
            Self::UnsupportedMedia(_) => Some(RejectReason::UnsupportedMediaType),
            Self::Malformed(_) => Some(RejectReason::MalformedRequest),
            Self::RateLimited(_) => Some(RejectReason::RateLimited),
            Self::ApiKey(KeyRefusal::MissingScope(_)) => Some(RejectReason::MissingScope),
            Self::ApiKey(KeyRefusal::Disabled) => Some(RejectReason::KeyDisabled),
            Self::ApiKey(KeyRefusal::Expired) => Some(RejectReason::KeyExpired),
            Self::ApiKey(KeyRefusal::Revoked) => Some(RejectReason::KeyRevoked),
            _ => None,
        }
    }

    /// One field that cannot be accepted.
    pub fn invalid_field(pointer: &str, reason: impl ToString) -> Self {
        let (pointer, reason) = (pointer.to_owned(), reason.to_string());
        Self::InvalidFields(vec![FieldError { pointer, reason }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_without_a_key_and_trouble_of_ours_have_no_reject_reason() {
        for error in [
            Error::MissingApiKey,
            Error::ApiKey(KeyRefusal::Invalid),
            Error::Unavailable("storage is down".into()),
            Error::Internal("a bug".into()),
        ] {
            assert_eq!(error.reject_reason(), None, "{error}");
        }
    }
}

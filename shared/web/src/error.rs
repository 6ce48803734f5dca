//! Errors of a request. [`crate::problem`] maps them to HTTP responses.

use std::convert::Infallible;

use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_base::{ChangeError, FieldError, StorageError};
use upblit_identity::access_token::InvalidAccessToken;
use upblit_identity::api_key::KeyRefusal;
use upblit_telemetry::reject_reason::RejectReason;
use utoipa::ToSchema;

/// Cause of an internal error. Logged, never returned to a client.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a request failed.
#[derive(Debug, Error)]
pub enum Error {
    /// No `Authorization` header was sent.
    #[error("no access token was sent")]
    MissingAccessToken,
    /// The access token is invalid or expired.
    #[error(transparent)]
    AccessToken(#[from] InvalidAccessToken),
    /// The refresh token is invalid, expired, revoked or reused. Clients cannot distinguish which.
    #[error("the refresh token is not valid")]
    RefreshToken,
    /// The authorization code is invalid, expired, used, or bound to another challenge.
    #[error("the code is not valid")]
    AuthorizationCode,
    /// No `x-api-key` was sent.
    #[error("no API key was sent")]
    MissingApiKey,
    /// An API key was sent in quotes, after other text or in another header. The text says how to
    /// send it.
    #[error("{0}")]
    ApiKeyForm(&'static str),
    /// The API key is not accepted.
    #[error(transparent)]
    ApiKey(#[from] KeyRefusal),
    /// The signature of a signed request is missing or does not match its body.
    #[error("the signature is missing or not valid")]
    InvalidSignature,
    /// The resource does not exist, or the caller has no access to it.
    #[error("there is no such {0}")]
    NotFound(Resource),
    /// The caller's role in the application does not allow the request.
    #[error("your role in the application does not allow this; ask one of its owners")]
    NotAllowed,
    /// The request needs a recent sign-in, and the session is older than ten minutes.
    #[error("you signed in more than ten minutes ago; sign in again first")]
    SignInAgain,
    /// Applications would be left without an owner.
    #[error("you are the only owner of some applications; add an owner to each, or delete them")]
    SoleOwner(Vec<OwnedApplication>),
    /// The path exists, but not for this method.
    #[error("this method is not allowed here")]
    MethodNotAllowed,
    /// The request cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// The request can be read; some of its fields cannot be accepted.
    #[error("some fields are not valid")]
    InvalidFields(Vec<FieldError>),
    /// The content type or content encoding is not supported.
    #[error("{0}")]
    UnsupportedMedia(String),
    /// The request exceeds a limit on its size or on the number of its events.
    #[error("{0}")]
    TooLarge(String),
    /// The request bypassed the service in front of the API, such as CloudFront.
    #[error("use the public address of this API")]
    BypassedEdge,
    /// The request is valid but conflicts with the current state.
    #[error("{0}")]
    Conflict(Conflict),
    /// The idempotency key was used for another request.
    #[error("this Idempotency-Key was used for another request")]
    IdempotencyKeyReused,
    /// Too many requests, events, write units, invalid keys or changes.
    #[error("{detail}")]
    RateLimited {
        /// What there were too many of.
        detail: &'static str,
        /// Seconds after which a retry makes sense: at most 5 for SDKs, 60 for users.
        retry_after: u8,
    },
    /// A quota of the day for reading is used up.
    #[error("{detail} are used up until {}", clock::rfc3339(*.available_at))]
    QuotaExceeded {
        /// Which units are used up.
        detail: &'static str,
        /// When the quota is available again.
        available_at: Timestamp,
        /// Seconds until then.
        retry_after: u32,
    },
    /// The request ran out of time. Completed work is kept; the text says what is left.
    #[error("{0}")]
    Unfinished(String),
    /// A temporary failure: storage is down, throttled or slow.
    #[error("temporarily unavailable")]
    Unavailable(#[source] Cause),
    /// A bug or a corrupt item.
    #[error("internal error")]
    Internal(#[source] Cause),
}

/// An application of which the caller is the only owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnedApplication {
    /// Id of the application.
    pub id: ApplicationId,
    /// Name of the application.
    pub name: String,
}

/// Kind of resource that was not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// A path that no route serves.
    Path,
    /// An application the caller may see.
    Application,
    /// An API key of such an application.
    ApiKey,
    /// A session of the caller.
    Session,
    /// A trace of such an application.
    Trace,
    /// A member of such an application.
    Member,
    /// An invite that the caller can accept, or of such an application.
    Invite,
}

impl std::fmt::Display for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Path => "path",
            Self::Application => "application",
            Self::ApiKey => "API key",
            Self::Session => "session",
            Self::Trace => "trace",
            Self::Member => "member",
            Self::Invite => "invite",
        })
    }
}

/// State that a valid request conflicts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// The user has created the maximum number of applications.
    ApplicationLimit,
    /// The application has the maximum number of keys.
    KeyLimit,
    /// The overlap of the key's last rotation has not ended.
    RotationOverlap,
    /// The key is revoked, which is final.
    KeyRevoked,
    /// The application would have no owner.
    LastOwner,
    /// The application has the maximum number of members.
    MemberLimit,
    /// The application has the maximum number of open invites.
    InviteLimit,
    /// The caller is already a member of the application.
    AlreadyAMember,
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ApplicationLimit => "you have created the maximum number of applications",
            Self::KeyLimit => "the application has the maximum number of keys; revoke one first",
            Self::RotationOverlap => "the old secret of the last rotation is still valid",
            Self::KeyRevoked => "the key is revoked",
            Self::LastOwner => "an application needs an owner; make another member one first",
            Self::MemberLimit => "the application has the maximum number of members",
            Self::InviteLimit => {
                "the application has the maximum number of open invites; withdraw one first"
            }
            Self::AlreadyAMember => "you are a member of the application already",
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

/// Reports an ended session like an expired access token.
impl From<ChangeError> for Error {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::SessionOver => InvalidAccessToken.into(),
            ChangeError::NotAllowed => Self::NotAllowed,
            ChangeError::Storage(error) => error.into(),
        }
    }
}

/// Lets handlers use extractors that cannot fail.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl Error {
    /// Returns the reason to record in key health. `None` for errors that key health does not
    /// count, such as internal failures and invalid keys.
    pub fn reject_reason(&self) -> Option<RejectReason> {
        match self {
            Self::TooLarge(_) => Some(RejectReason::TooLarge),
            Self::UnsupportedMedia(_) => Some(RejectReason::UnsupportedMediaType),
            Self::Malformed(_) => Some(RejectReason::MalformedRequest),
            Self::RateLimited { .. } => Some(RejectReason::RateLimited),
            Self::ApiKey(KeyRefusal::MissingScope(_)) => Some(RejectReason::MissingScope),
            Self::ApiKey(KeyRefusal::Disabled) => Some(RejectReason::KeyDisabled),
            Self::ApiKey(KeyRefusal::Expired) => Some(RejectReason::KeyExpired),
            Self::ApiKey(KeyRefusal::Revoked) => Some(RejectReason::KeyRevoked),
            _ => None,
        }
    }

    /// Creates the error for one invalid field, at a JSON pointer.
    pub fn invalid_field(pointer: &str, reason: impl ToString) -> Self {
        let pointer = pointer.to_owned();
        let reason = reason.to_string();
        Self::InvalidFields(vec![FieldError { pointer, reason }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_invalid_keys_and_server_failures_have_no_reject_reason() {
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

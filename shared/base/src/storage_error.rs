//! Errors of the storage layer. `store` creates them and `web` maps them to HTTP
//! statuses; neither crate depends on the other.

use std::error::Error;

use thiserror::Error;

/// Underlying error, for the log. Never sent to clients.
pub type Cause = Box<dyn Error + Send + Sync>;

/// A storage operation failed. Results that a caller handles, such as a failed condition,
/// are not errors: each operation returns its own outcome type.
#[derive(Debug, Error)]
pub enum StorageError {
    /// The database has no capacity for the request at the moment.
    #[error("storage is throttled")]
    Throttled(#[source] Cause),
    /// No complete response, because of a connection failure, timeout or server error.
    #[error("storage is unreachable")]
    Unreachable(#[source] Cause),
    /// Concurrent changes of the same item outlasted all retries.
    #[error("storage is contended")]
    Contended(#[source] Cause),
    /// A stored item does not have the expected format.
    #[error("a stored item is corrupt")]
    Corrupt(#[source] Cause),
    /// The role of the function lacks a permission, or its credentials are invalid.
    #[error("storage refused permission")]
    Forbidden(#[source] Cause),
    /// The database rejected the request as invalid, or the table does not exist.
    #[error("storage rejected the request as invalid")]
    InvalidRequest(#[source] Cause),
    /// A condition failed that can fail only because of a bug.
    #[error("a condition that must hold failed: {0}")]
    BrokenCondition(String),
}

/// A change for a signed-in user was not made. As with [`StorageError`], results that a caller
/// handles are not errors.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// The caller's session has ended since the access token was issued.
    #[error("the session has ended")]
    SessionOver,
    /// The caller's role in the application does not allow the change.
    #[error("the role does not allow this")]
    NotAllowed,
    /// The storage operation failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl StorageError {
    /// Returns whether a retry of the same request may succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Throttled(_) | Self::Unreachable(_) | Self::Contended(_) => true,
            Self::Corrupt(_)
            | Self::Forbidden(_)
            | Self::InvalidRequest(_)
            | Self::BrokenCondition(_) => false,
        }
    }
}

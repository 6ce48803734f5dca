//! How storage can fail, in the domain's words. The store says which failure it
//! is, the front door which status it becomes; neither knows the other.

use std::error::Error;

use thiserror::Error;

/// What lies behind a failure: for the log, never for a client.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Storage did not do what was asked. Outcomes that a caller decides on (a
/// condition that failed) are not errors: each operation returns its own.
#[derive(Debug, Error)]
pub enum StorageError {
    /// The database has no capacity for this request right now.
    #[error("storage is throttled")]
    Throttled(#[source] Cause),
    /// No complete answer: no connection, a time-out, or trouble at the other end.
    #[error("storage is unreachable")]
    Unreachable(#[source] Cause),
    /// Others kept changing what the operation was to change.
    #[error("storage is contended: the {0} kept changing")]
    Contended(&'static str),
    /// An item is not as this program writes it.
    #[error("a stored item is corrupt")]
    Corrupt(#[source] Cause),
    /// The function's role lacks a permission, or its credentials are not valid.
    #[error("storage refused permission")]
    Forbidden(#[source] Cause),
    /// The request breaks a rule of the database, or names a table that does not exist.
    #[error("storage rejected the request as invalid")]
    InvalidRequest(#[source] Cause),
    /// A condition failed that can fail only by a bug.
    #[error("a condition that must hold failed: {0}")]
    BrokenCondition(String),
}

impl StorageError {
    /// Whether the same request may succeed a moment later.
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

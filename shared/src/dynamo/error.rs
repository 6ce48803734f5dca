//! What can go wrong in storage: it is unreachable, slow, throttled, or holds
//! what we cannot read. For a caller all of it is "try again".

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use thiserror::Error;

/// Storage did not do what was asked. Outcomes that a caller decides on (a
/// condition that failed) are not errors: each operation returns its own.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct StorageError(String);

impl StorageError {
    /// An item that is not as this program writes it.
    pub(crate) fn unreadable(what: impl std::fmt::Display) -> Self {
        Self(format!("unreadable item: {what}"))
    }

    /// DynamoDB did only a part of what was asked, for lack of capacity.
    pub(crate) fn throttled() -> Self {
        Self("throttled: not all items were processed".to_owned())
    }

    /// Others keep changing what an operation was to be done on.
    pub(crate) fn contended(what: &str) -> Self {
        Self(format!("contended: the {what} kept changing"))
    }

    /// An SDK error, with its chain of causes and without the request.
    pub(crate) fn sdk<E, R>(error: SdkError<E, R>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
        R: std::fmt::Debug + 'static,
    {
        match error.code() {
            Some(code) => Self(format!("{code}: {}", error.message().unwrap_or_default())),
            None => Self(DisplayErrorContext(&error).to_string()),
        }
    }
}

impl From<serde_dynamo::Error> for StorageError {
    fn from(error: serde_dynamo::Error) -> Self {
        Self::unreadable(error)
    }
}

impl From<aws_sdk_dynamodb::error::BuildError> for StorageError {
    fn from(error: aws_sdk_dynamodb::error::BuildError) -> Self {
        Self(error.to_string())
    }
}

impl From<StorageError> for crate::error::Error {
    fn from(error: StorageError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

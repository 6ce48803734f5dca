//! Which failure of the SDK is which [`StorageError`]: the one place that knows
//! DynamoDB's error codes.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use upblit_base::storage_error::{Cause, StorageError};

/// An operation that failed, with its causes and without the request or the response.
pub(crate) fn failed<E, R>(error: SdkError<E, R>) -> StorageError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let kind = kind_of(&error);
    let cause = error.into_source().unwrap_or_else(Cause::from);
    kind(cause)
}

/// An item that is not as this program writes it.
pub(crate) fn corrupt(error: impl Into<Cause>) -> StorageError {
    StorageError::Corrupt(error.into())
}

/// DynamoDB did only a part of what was asked, for lack of capacity.
pub(crate) fn throttled() -> StorageError {
    StorageError::Throttled("not all items were processed".into())
}

/// A request that this program could not build: a bug.
pub(crate) fn unbuildable(error: BuildError) -> StorageError {
    StorageError::InvalidRequest(error.into())
}

/// A row that this program could not write as an item: a bug.
pub(crate) fn unwritable(error: impl Into<Cause>) -> StorageError {
    StorageError::InvalidRequest(error.into())
}

type Kind = fn(Cause) -> StorageError;

fn kind_of<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Kind {
    match error {
        SdkError::ConstructionFailure(_) => StorageError::InvalidRequest,
        SdkError::ServiceError(_) => of_code(error.code().unwrap_or_default()),
        // Timed out, not connected, or no readable answer.
        _ => StorageError::Unreachable,
    }
}

/// The failure that an error code, or the reason of a cancelled transaction, stands for.
pub(crate) fn of_code(code: &str) -> Kind {
    match code {
        "LimitExceededException"
        | "ProvisionedThroughputExceeded"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "ThrottlingError"
        | "ThrottlingException" => StorageError::Throttled,
        "TransactionConflict"
        | "TransactionConflictException"
        | "TransactionInProgressException" => |_| StorageError::Contended("item"),
        "AccessDeniedException"
        | "ExpiredTokenException"
        | "IncompleteSignatureException"
        | "InvalidSignatureException"
        | "MissingAuthenticationTokenException"
        | "UnrecognizedClientException" => StorageError::Forbidden,
        "IdempotentParameterMismatchException"
        | "ItemCollectionSizeLimitExceeded"
        | "ItemCollectionSizeLimitExceededException"
        | "ResourceNotFoundException"
        | "SerializationException"
        | "ValidationError"
        | "ValidationException" => StorageError::InvalidRequest,
        // `InternalServerError`, `ServiceUnavailable` and whatever is new.
        _ => StorageError::Unreachable,
    }
}

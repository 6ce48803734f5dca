//! Maps SDK failures and DynamoDB error codes to [`StorageError`].

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use upblit_base::storage_error::{Cause, StorageError};

/// Returns the error of a failed operation, with its causes but without the request or response.
pub(crate) fn failed<E>(error: SdkError<E, HttpResponse>) -> StorageError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let kind = kind_of(&error);
    let cause = error.into_source().unwrap_or_else(Cause::from);
    kind(cause)
}

/// Error for an item that cannot be decoded.
pub(crate) fn corrupt(error: impl Into<Cause>) -> StorageError {
    StorageError::Corrupt(error.into())
}

/// Error for a request that DynamoDB processed only partly, for lack of capacity.
pub(crate) fn throttled() -> StorageError {
    StorageError::Throttled("not all items were processed".into())
}

/// Error for a request that could not be built: a bug.
pub(crate) fn unbuildable(error: BuildError) -> StorageError {
    StorageError::InvalidRequest(error.into())
}

/// Error for a row that could not be converted to an item: a bug.
pub(crate) fn unwritable(error: impl Into<Cause>) -> StorageError {
    StorageError::InvalidRequest(error.into())
}

/// Creates an error from its cause.
pub(crate) type Kind = fn(Cause) -> StorageError;

fn kind_of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Kind {
    match error {
        SdkError::ConstructionFailure(_) => StorageError::InvalidRequest,
        SdkError::ServiceError(context) => {
            let status = context.raw().status().as_u16();
            of_code(error.code().unwrap_or_default(), status)
        }
        // The request timed out, there was no connection, or the response was unreadable.
        _ => StorageError::Unreachable,
    }
}

/// Classifies an error code, or the reason of a cancelled transaction. An unknown code is
/// classified by its HTTP status: of the 4xx, only 408 and 429 are temporary.
pub(crate) fn of_code(code: &str, status: u16) -> Kind {
    match code {
        "LimitExceededException"
        | "ProvisionedThroughputExceeded"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "ThrottlingError"
        | "ThrottlingException" => StorageError::Throttled,
        "ReplicatedWriteConflictException"
        | "TransactionConflict"
        | "TransactionConflictException"
        | "TransactionInProgressException" => StorageError::Contended,
        // Credentials expired while the process was frozen. They are renewed before the retry.
        "ExpiredTokenException" => StorageError::Unreachable,
        "AccessDeniedException"
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
        _ => of_status(status),
    }
}

fn of_status(status: u16) -> Kind {
    match status {
        401 | 403 => StorageError::Forbidden,
        // The server timed out, or reading the body did.
        408 => StorageError::Unreachable,
        429 => StorageError::Throttled,
        400..=499 => StorageError::InvalidRequest,
        _ => StorageError::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_codes_are_classified_by_name_and_others_by_status() {
        for (code, status, expected) in [
            ("ProvisionedThroughputExceededException", 400, "Throttled"),
            ("ProvisionedThroughputExceeded", 400, "Throttled"),
            ("ThrottlingException", 400, "Throttled"),
            ("ThrottlingError", 400, "Throttled"),
            ("RequestLimitExceeded", 400, "Throttled"),
            ("LimitExceededException", 400, "Throttled"),
            ("TransactionConflict", 400, "Contended"),
            ("TransactionConflictException", 400, "Contended"),
            ("TransactionInProgressException", 400, "Contended"),
            ("ReplicatedWriteConflictException", 400, "Contended"),
            ("AccessDeniedException", 400, "Forbidden"),
            ("ExpiredTokenException", 400, "Unreachable"),
            ("IncompleteSignatureException", 400, "Forbidden"),
            ("InvalidSignatureException", 400, "Forbidden"),
            ("MissingAuthenticationTokenException", 400, "Forbidden"),
            ("UnrecognizedClientException", 400, "Forbidden"),
            ("ValidationException", 400, "InvalidRequest"),
            ("ValidationError", 400, "InvalidRequest"),
            ("ResourceNotFoundException", 400, "InvalidRequest"),
            ("SerializationException", 400, "InvalidRequest"),
            (
                "IdempotentParameterMismatchException",
                400,
                "InvalidRequest",
            ),
            ("ItemCollectionSizeLimitExceeded", 400, "InvalidRequest"),
            (
                "ItemCollectionSizeLimitExceededException",
                400,
                "InvalidRequest",
            ),
            ("InternalServerError", 500, "Unreachable"),
            ("ServiceUnavailable", 503, "Unreachable"),
            ("NewAndUnknown", 400, "InvalidRequest"),
            ("NewAndUnknown", 403, "Forbidden"),
            ("NewAndUnknown", 408, "Unreachable"),
            ("NewAndUnknown", 413, "InvalidRequest"),
            ("NewAndUnknown", 429, "Throttled"),
            ("NewAndUnknown", 500, "Unreachable"),
            ("", 400, "InvalidRequest"),
            ("", 503, "Unreachable"),
        ] {
            let error = of_code(code, status)("the cause".into());
            let kind = format!("{error:?}");
            let kind = kind.split('(').next().unwrap();
            assert_eq!(kind, expected, "{code} with {status}");
        }
    }
}

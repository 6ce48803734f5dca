//! Conditional writes, where a failed condition is an outcome and not an error.

use crate::error::failed;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemError, DeleteItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};

use crate::StorageError;
use crate::attribute::Item;

/// Result of a conditional write. `Applied` holds the attributes that the request asked for with
/// `return_values` (old or new; empty if none). `Refused` holds the stored item; `None` if there is
/// none, or the request did not ask for it.
pub(super) enum Written {
    Applied(Item),
    Refused(Option<Item>),
}

pub(super) fn written(
    result: Result<UpdateItemOutput, SdkError<UpdateItemError>>,
) -> Result<Written, StorageError> {
    match result {
        Ok(output) => Ok(Written::Applied(output.attributes.unwrap_or_default())),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                Ok(Written::Refused(refusal.item().cloned()))
            }
            _ => Err(failed(error)),
        },
    }
}

/// Returns whether a conditional put was applied. If its condition failed, the stored item is kept.
pub(super) fn put_unless_refused(
    result: Result<PutItemOutput, SdkError<PutItemError>>,
) -> Result<bool, StorageError> {
    match result {
        Ok(_) => Ok(true),
        Err(error) => match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
            _ => Err(failed(error)),
        },
    }
}

/// Returns `None` if the item was deleted or did not exist, as after a retry of a deletion whose
/// response was lost. Returns the stored item if it does not meet the condition. The request must
/// set `return_values_on_condition_check_failure(AllOld)`, or a refusal looks like a deletion.
pub(super) fn deleted(
    result: Result<DeleteItemOutput, SdkError<DeleteItemError>>,
) -> Result<Option<Item>, StorageError> {
    match result {
        Ok(_) => Ok(None),
        Err(error) => match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(refusal)) => {
                Ok(refusal.item().cloned())
            }
            _ => Err(failed(error)),
        },
    }
}

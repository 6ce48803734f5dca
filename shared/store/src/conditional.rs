//! Conditional writes, where a failed condition is an outcome and not an error.

use crate::error::failed;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::delete_item::{DeleteItemError, DeleteItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};

use crate::StorageError;
use crate::attribute::Item;

/// Result of a conditional write: the item after the write, or the item, if any, that failed
/// the condition. Empty unless the request asked for the item.
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
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                Ok(Written::Refused(failed.item().cloned()))
            }
            _ => Err(failed(error)),
        },
    }
}

/// Whether a conditional put was applied. A failed condition means that there is nothing to write.
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

/// The item whose condition failed, if the request asks for it; `None` if the item is deleted. A
/// repeated deletion whose first response was lost finds no item, which also counts as deleted.
pub(super) fn deleted(
    result: Result<DeleteItemOutput, SdkError<DeleteItemError>>,
) -> Result<Option<Item>, StorageError> {
    match result {
        Ok(_) => Ok(None),
        Err(error) => match error.as_service_error() {
            Some(DeleteItemError::ConditionalCheckFailedException(failed)) => {
                Ok(failed.item().cloned())
            }
            _ => Err(failed(error)),
        },
    }
}

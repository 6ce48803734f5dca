//! Conditional writes whose refusal is an outcome and not an error.

use crate::error::failed;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};

use crate::StorageError;
use crate::attribute::Item;

/// What a conditional write came to: the item it left behind, or the item, if
/// any, that stood in its way. Each as far as the request asked for it.
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

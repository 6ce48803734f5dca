//! The last step: the profile. A block outlasts it.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;

use super::{AccountDeletion, DELETED_BY};
use crate::attribute::{Item, string};
use crate::conditional::{Written, deleted, written};
use crate::users::{BLOCKED, IS_BLOCKED, IS_NOT_BLOCKED, has_profile, is_blocked, user_key};
use crate::{Database, StorageError, keys};
use upblit_identity::access_token::Principal;

impl Database {
    /// Deletes the profile, as the last step. Keeps the block of a blocked user. Returns `false` if
    /// a sign-in has ended the deletion. One conditional write, or two.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn delete_profile(&self, deletion: &AccountDeletion) -> Result<bool, StorageError> {
        let principal = deletion.principal;
        let request = self
            .client
            .delete_item()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(principal.user_id)))
            .condition_expression(format!("{DELETED_BY} AND {IS_NOT_BLOCKED}"))
            .expression_attribute_values(":session", string(principal.session_id))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match deleted(request.send().await)? {
            None => Ok(true),
            Some(item) if is_blocked(&item) => self.keep_block(principal, &item).await,
            Some(_) => Ok(false),
        }
    }

    /// Removes all but the block of an item.
    async fn keep_block(&self, principal: Principal, item: &Item) -> Result<bool, StorageError> {
        let kept = [keys::USER_ID, BLOCKED];
        let removed = item.keys().filter(|name| !kept.contains(&name.as_str()));
        let mut request = self.client.update_item();
        let mut places = Vec::new();
        for (position, name) in removed.enumerate() {
            let place = format!("#removed{position}");
            request = request.expression_attribute_names(&place, name);
            places.push(place);
        }
        if places.is_empty() {
            return Ok(true);
        }
        let request = request
            .table_name(&self.tables.users)
            .set_key(Some(user_key(principal.user_id)))
            .update_expression(format!("REMOVE {}", places.join(", ")))
            .condition_expression(format!("{DELETED_BY} AND {IS_BLOCKED}"))
            .expression_attribute_values(":session", string(principal.session_id))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(match written(request.send().await)? {
            Written::Applied(_) => true,
            // Without a profile, an earlier write was applied and its response was lost.
            Written::Refused(item) => item.is_none_or(|item| !has_profile(&item)),
        })
    }
}

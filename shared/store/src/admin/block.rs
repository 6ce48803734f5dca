//! Blocks of users. A block is an attribute of the user's item, and a condition of every sign-in. It
//! outlasts the account, so the item of a blocked user whose account is deleted has nothing else.

use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, Update};
use jiff::Timestamp;

use crate::attribute::number;
use crate::conditional::deleted;
use crate::transaction::Transaction;
use crate::users::{HAS_PROFILE, IS_BLOCKED, IS_NOT_BLOCKED, has_profile, user_key};
use crate::{Database, StorageError, audit};
use upblit_base::ids::UserId;
use upblit_identity::audit::{Actor, AuditAction, AuditEntry};

/// Result of blocking a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockOutcome {
    /// The user is blocked from now on.
    Blocked,
    /// The user was blocked before.
    BlockedBefore,
}

/// Result of ending a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnblockOutcome {
    /// The user can sign in again, if the allow list has the account.
    Unblocked,
    /// The user was not blocked.
    NotBlocked,
}

impl Database {
    /// Blocks a user, who need not have signed in yet: no further session can be opened. Open sessions
    /// stay until [`Self::sign_out_user`] ends them. One transaction.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn block_user(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<BlockOutcome, StorageError> {
        let block = Update::builder()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(user_id)))
            .update_expression("SET blocked_ms = :now")
            .condition_expression(IS_NOT_BLOCKED)
            .expression_attribute_values(":now", number(now.as_millisecond()));
        let mut writes = Transaction::default();
        let block = writes.update(block);
        record(
            &mut writes,
            self,
            (user_id, AuditAction::AccountBlocked),
            now,
        );
        let outcome = writes.commit(self).await?;
        if outcome.refused(block) {
            return Ok(BlockOutcome::BlockedBefore);
        }
        outcome.must_commit()?;
        Ok(BlockOutcome::Blocked)
    }

    /// Ends the block of a user. One transaction, or one write for an account that is deleted.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn unblock_user(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<UnblockOutcome, StorageError> {
        let unblock = Update::builder()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(user_id)))
            .update_expression("REMOVE blocked_ms")
            .condition_expression(format!("{IS_BLOCKED} AND {HAS_PROFILE}"))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut writes = Transaction::default();
        let unblock = writes.update(unblock);
        record(
            &mut writes,
            self,
            (user_id, AuditAction::AccountUnblocked),
            now,
        );
        let outcome = writes.commit(self).await?;
        if !outcome.refused(unblock) {
            outcome.must_commit()?;
            return Ok(UnblockOutcome::Unblocked);
        }
        match outcome.item(unblock) {
            Some(item) if !has_profile(item) => self.delete_block(user_id).await,
            _ => Ok(UnblockOutcome::NotBlocked),
        }
    }

    /// Deletes an item that has only a block.
    async fn delete_block(&self, user_id: UserId) -> Result<UnblockOutcome, StorageError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(user_id)))
            .condition_expression(format!("NOT {HAS_PROFILE}"))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        deleted(request.send().await)?;
        Ok(UnblockOutcome::Unblocked)
    }
}

fn record(
    writes: &mut Transaction,
    database: &Database,
    (user_id, action): (UserId, AuditAction),
    now: Timestamp,
) {
    let entry = AuditEntry::of_account(user_id, Actor::Upblit, action, now);
    audit::record(writes, database, &entry);
}

//! Deletion of an account, in steps that can be repeated.
//!
//! The first step ends the sessions of the user and stores in the profile which session asked for it.
//! Until the profile is deleted as the last step, only that session's access token can continue
//! the deletion. A sign-in before that cancels it.

mod profile;
mod steps;

pub use steps::{Progress, SoleOwned};

use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, ReturnValue, Update};
use jiff::Timestamp;
use serde::Deserialize;

use crate::applications::Membership;
use crate::applications_with_keys::{CreatorCount, DeleteOutcome};
use crate::attribute::{self, number, string};
use crate::conditional::{Written, written};
use crate::error::failed;
use crate::refresh_tokens::{self, session_from};
use crate::team::MemberOutcome;
use crate::transaction::Transaction;
use crate::user_transaction::UserTransaction;
use crate::users::{HAS_PROFILE, has_profile, user_key};
use crate::{ChangeError, Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::{SessionId, UserId};
use upblit_base::random;
use upblit_identity::access_token::Principal;
use upblit_identity::audit::{Actor, Subject};
use upblit_identity::session::{MAX_SESSIONS_PER_USER, Session};
use upblit_identity::team::Member;

/// Maximum number of items that one step deletes.
const STEP: i32 = 100;

/// Whether an account is being deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// The account exists, and this session did not ask for its deletion.
    Exists,
    /// This session asked for the deletion, which is not complete.
    Deleting(AccountDeletion),
    /// There is no such account.
    Gone,
}

/// A deletion that has begun and can be continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountDeletion {
    /// The user, and the session that can continue, or a random id for the operator.
    principal: Principal,
    /// Who deletes the account, for audit logs.
    by: Actor,
    /// When the user signed in for the first time.
    account_created_at: Timestamp,
}

/// Result of beginning a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionStart {
    /// The deletion has begun, and the sessions have ended.
    Begun,
    /// The caller signed in too long ago.
    SignInAgain,
}

/// Result of a step that deletes a limited number of items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There were no more items.
    Complete,
    /// There may be more items.
    More,
}

#[derive(Deserialize)]
struct AccountRow {
    created_ms: i64,
    deleted_by: Option<SessionId>,
}

impl Database {
    /// Reads how far the deletion of the caller's account is. One consistent read.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn account_state(&self, principal: Principal) -> Result<AccountState, StorageError> {
        let keys = [user_key(principal.user_id)];
        let items = self.get_all(&self.tables.users, &keys, 1).await?;
        let Some(item) = items.into_iter().find(has_profile) else {
            return Ok(AccountState::Gone);
        };
        let row: AccountRow = attribute::from_item(item)?;
        if row.deleted_by != Some(principal.session_id) {
            return Ok(AccountState::Exists);
        }
        Ok(AccountState::Deleting(AccountDeletion {
            principal,
            by: Actor::User(principal.user_id),
            account_created_at: clock::from_millis(row.created_ms),
        }))
    }

    /// Begins the deletion: ends the caller's session, which must be live and have begun after
    /// `oldest`, and up to 50 others. One transaction.
    ///
    /// # Errors
    /// When the caller's session has ended, or storage fails.
    pub async fn begin_deletion(
        &self,
        principal: Principal,
        sessions: &[Session],
        (oldest, now): (Timestamp, Timestamp),
    ) -> Result<DeletionStart, ChangeError> {
        let mut writes = Transaction::default();
        let delete = |id| {
            let table = Delete::builder().table_name(&self.tables.refresh_tokens);
            table.set_key(Some(refresh_tokens::key(principal.user_id, id)))
        };
        let own = refresh_tokens::live_since(delete(principal.session_id), oldest, now);
        let own = writes.delete(own);
        writes.update(
            Update::builder()
                .table_name(&self.tables.users)
                .set_key(Some(user_key(principal.user_id)))
                .update_expression("SET deleted_by = :session")
                .condition_expression("attribute_exists(user_id)")
                .expression_attribute_values(":session", string(principal.session_id)),
        );
        let others = sessions
            .iter()
            .filter(|session| session.id != principal.session_id);
        for other in others.take(MAX_SESSIONS_PER_USER) {
            writes.delete(delete(other.id));
        }
        let outcome = writes.commit(self).await?;
        if !outcome.refused(own) {
            outcome.must_commit()?;
            return Ok(DeletionStart::Begun);
        }
        let session = outcome.item(own).cloned().map(session_from).transpose()?;
        match session {
            Some(session) if session.is_live(now) => Ok(DeletionStart::SignInAgain),
            _ => Err(ChangeError::SessionOver),
        }
    }

    /// Deletes up to 100 stored sessions of the user, including those that have ended. One query,
    /// and one batch of deletions per 25 sessions.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn delete_sessions(&self, deletion: &AccountDeletion) -> Result<Step, StorageError> {
        let user_id = deletion.principal.user_id;
        let table = &self.tables.refresh_tokens;
        self.delete_partition(table, (keys::USER_ID, keys::SESSION_ID), user_id)
            .await
    }

    /// Deletes up to 100 entries of an account's audit log. One query, and one batch of deletions per
    /// 25 entries.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn delete_account_log(&self, user_id: UserId) -> Result<Step, StorageError> {
        let partition = keys::audit_partition(Subject::Account(user_id));
        let table = &self.tables.applications;
        self.delete_partition(table, (keys::APPLICATION_ID, keys::SK), partition)
            .await
    }

    /// Ends a membership of the user. One transaction.
    ///
    /// # Errors
    /// When a sign-in has ended the deletion, or storage fails.
    pub async fn leave(
        &self,
        deletion: &AccountDeletion,
        membership: &Membership,
        now: Timestamp,
    ) -> Result<MemberOutcome, ChangeError> {
        let principal = deletion.principal;
        let member = Member {
            user_id: principal.user_id,
            role: membership.role,
            joined_at: None,
        };
        let transaction = UserTransaction::deleting(self.check_deletion(principal), deletion.by);
        self.change_member_in(transaction, principal, membership, (&member, None), now)
            .await
    }

    /// Deletes an application that the user owns, as [`Self::delete_application`] does. One
    /// transaction after two queries, all of them repeated if another user created the application
    /// and has deleted the account.
    ///
    /// # Errors
    /// When a sign-in has ended the deletion, or storage fails.
    pub async fn delete_owned(
        &self,
        deletion: &AccountDeletion,
        membership: &Membership,
        now: Timestamp,
    ) -> Result<DeleteOutcome, ChangeError> {
        let principal = deletion.principal;
        let application = &membership.application;
        if application.created_by != principal.user_id {
            let transaction =
                || UserTransaction::deleting(self.check_deletion(principal), deletion.by);
            return self
                .delete_application_with(transaction, principal, membership, now)
                .await;
        }
        // A transaction can write to an item only once, so one update of the profile has the count
        // and the condition.
        let is_counted = deletion.account_created_at <= application.created_at;
        let transaction = if is_counted {
            UserTransaction::deleting_counted(self.count_in_deletion(principal), deletion.by)
        } else {
            UserTransaction::deleting(self.check_deletion(principal), deletion.by)
        };
        let count = CreatorCount::Unchanged;
        let tried = self.try_delete(transaction, principal, membership, count, now);
        Ok(tried.await?.unwrap_or(DeleteOutcome::Overtaken))
    }

    /// Begins the deletion for an operator, who needs no session of the user. Earlier requests for a
    /// deletion can no longer continue. `None` if there is no such account. One conditional write.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn begin_deletion_by_operator(
        &self,
        user_id: UserId,
    ) -> Result<Option<AccountDeletion>, StorageError> {
        let session_id = SessionId::from_bytes(random::bytes(&mut random::rng()));
        let request = self
            .client
            .update_item()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(user_id)))
            .update_expression("SET deleted_by = :session")
            .condition_expression(HAS_PROFILE)
            .expression_attribute_values(":session", string(session_id))
            .return_values(ReturnValue::AllNew);
        let Written::Applied(item) = written(request.send().await)? else {
            return Ok(None);
        };
        let row: AccountRow = attribute::from_item(item)?;
        Ok(Some(AccountDeletion {
            principal: Principal {
                user_id,
                session_id,
            },
            by: Actor::Upblit,
            account_created_at: clock::from_millis(row.created_ms),
        }))
    }

    fn check_deletion(&self, principal: Principal) -> ConditionCheckBuilder {
        ConditionCheck::builder()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(principal.user_id)))
            .condition_expression(DELETED_BY)
            .expression_attribute_values(":session", string(principal.session_id))
    }

    /// Decrements the user's application count, on the condition of [`Self::check_deletion`].
    fn count_in_deletion(&self, principal: Principal) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.tables.users)
            .set_key(Some(user_key(principal.user_id)))
            .update_expression("SET applications = applications - :one")
            .condition_expression(DELETED_BY)
            .expression_attribute_values(":session", string(principal.session_id))
            .expression_attribute_values(":one", number(1))
    }

    async fn delete_partition(
        &self,
        table: &str,
        (partition_key, sort_key): (&str, &str),
        partition: impl ToString,
    ) -> Result<Step, StorageError> {
        let page = self
            .client
            .query()
            .table_name(table)
            .key_condition_expression("#partition = :partition")
            .projection_expression("#partition, #sort")
            .expression_attribute_names("#partition", partition_key)
            .expression_attribute_names("#sort", sort_key)
            .expression_attribute_values(":partition", string(partition))
            .consistent_read(true)
            .limit(STEP)
            .send()
            .await
            .map_err(failed)?;
        self.delete_all(table, page.items.unwrap_or_default())
            .await?;
        Ok(match page.last_evaluated_key {
            Some(_) => Step::More,
            None => Step::Complete,
        })
    }
}

/// Condition that the session `:session` asked for the deletion.
const DELETED_BY: &str = "deleted_by = :session";

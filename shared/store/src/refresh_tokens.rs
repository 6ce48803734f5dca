//! The RefreshTokens table: `user_id`, `session_id` → a session. It holds no secret.

mod end;
mod rotate;
mod row;

use crate::error::failed;

use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, DeleteBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, Update,
};
use jiff::Timestamp;

use crate::attribute::{self, Item, number, string};
use crate::transaction::{Slot, Transaction};
use crate::users::{self, SessionCount};
use crate::{Database, StorageError, audit, keys};
use row::SessionRow;
use upblit_base::ids::{SessionId, UserId};
use upblit_identity::access_token::Principal;
use upblit_identity::audit::{Actor, AuditAction, AuditEntry};
use upblit_identity::session::{MAX_SESSIONS_PER_USER, Session};

pub use rotate::{RedeemOutcome, RefreshOutcome};
pub(crate) use row::session_from;

/// Maximum number of attempts of a sign-in to end the oldest sessions, if they end in other ways
/// meanwhile.
const MAX_REPLACEMENTS: usize = 4;

/// Maximum number of sessions that one sign-in ends. A transaction has at most 100 writes.
const MAX_ENDED_AT_ONCE: usize = 20;

/// Result of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokeOutcome {
    /// The session was ended.
    Revoked,
    /// The session does not exist or was revoked before. Nothing was written.
    NotFound,
}

/// Result of a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInOutcome {
    /// The session is open.
    Opened,
    /// The operator has blocked the user. Nothing was written.
    Blocked,
}

impl Database {
    /// Upserts the user and opens a session. One transaction. If the user's session count has
    /// reached [`MAX_SESSIONS_PER_USER`], also a query and a second transaction, which ends the
    /// oldest sessions.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn sign_in(&self, session: &Session) -> Result<SignInOutcome, StorageError> {
        let (transaction, user) = self.opening(session, SessionCount::OneMore);
        let outcome = transaction.commit(self).await?;
        if outcome.item(user).is_some_and(users::is_blocked) {
            return Ok(SignInOutcome::Blocked);
        }
        if !outcome.refused(user) {
            outcome.must_commit()?;
            return Ok(SignInOutcome::Opened);
        }
        for _ in 0..MAX_REPLACEMENTS {
            if let Some(outcome) = self.sign_in_for_oldest(session).await? {
                return Ok(outcome);
            }
        }
        Err(StorageError::Contended(
            "the user's sessions kept ending".into(),
        ))
    }

    /// Opens a session and ends the oldest ones beyond the limit. Returns `None`, and writes
    /// nothing, if one of them ended meanwhile, by a sign-out or another sign-in.
    async fn sign_in_for_oldest(
        &self,
        session: &Session,
    ) -> Result<Option<SignInOutcome>, StorageError> {
        let user_id = session.profile.user_id;
        let now = session.created_at;
        // The user's count is an upper bound: sessions also end by themselves.
        let live = self.live_sessions(user_id, now).await?;
        let (kept, surplus) = live.split_at(live.len().min(MAX_SESSIONS_PER_USER - 1));
        let count = SessionCount::Exactly(kept.len() + 1);
        let (mut transaction, user) = self.opening(session, count);
        let mut revocations = Vec::new();
        for oldest in surplus.iter().take(MAX_ENDED_AT_ONCE) {
            let why = AuditAction::SessionRevoked;
            let entry = AuditEntry::of_session(user_id, oldest.id, Actor::Upblit, why, now);
            revocations.push(transaction.update(self.revocation(user_id, oldest.id)));
            audit::record(&mut transaction, self, &entry);
        }
        let outcome = transaction.commit(self).await?;
        if outcome.refused(user) {
            return Ok(Some(SignInOutcome::Blocked));
        }
        if revocations.into_iter().any(|slot| outcome.refused(slot)) {
            return Ok(None);
        }
        outcome.must_commit()?;
        Ok(Some(SignInOutcome::Opened))
    }

    /// Returns the writes of every sign-in, and the slot of the write to the user.
    fn opening(&self, session: &Session, sessions: SessionCount) -> (Transaction, Slot) {
        let profile = &session.profile;
        let now = session.created_at;
        let put = Put::builder()
            .table_name(&self.tables.refresh_tokens)
            .condition_expression("attribute_not_exists(session_id)");
        let actor = Actor::User(profile.user_id);
        let action = AuditAction::SessionOpened;
        let entry = AuditEntry::of_session(profile.user_id, session.id, actor, action, now);
        let mut transaction = Transaction::default();
        let user = transaction.update(users::upsert(self, profile, now, sessions));
        transaction.put_row(put, SessionRow::from(session));
        audit::record(&mut transaction, self, &entry);
        (transaction, user)
    }

    /// Ends a session that has not been ended yet, and records why in the audit log. For sessions
    /// that are ended with their refresh token or by the product itself; users end others with
    /// [`Database::end_session`]. One transaction.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn revoke_session(
        &self,
        user_id: UserId,
        session_id: SessionId,
        (actor, why): (Actor, AuditAction),
        now: Timestamp,
    ) -> Result<RevokeOutcome, StorageError> {
        let entry = AuditEntry::of_session(user_id, session_id, actor, why, now);
        let mut transaction = Transaction::default();
        let session = transaction.update(self.revocation(user_id, session_id));
        audit::record(&mut transaction, self, &entry);
        let outcome = transaction.commit(self).await?;
        if outcome.refused(session) {
            return Ok(RevokeOutcome::NotFound);
        }
        outcome.must_commit()?;
        Ok(RevokeOutcome::Revoked)
    }

    pub(crate) fn revocation(&self, user_id: UserId, session_id: SessionId) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.tables.refresh_tokens)
            .set_key(Some(key(user_id, session_id)))
            .update_expression("SET revoked = :yes")
            .condition_expression("revoked = :no")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
    }

    /// Reads a user's live sessions, newest first. One consistent query.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn live_sessions(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Vec<Session>, StorageError> {
        let pages = self
            .client
            .query()
            .table_name(&self.tables.refresh_tokens)
            .key_condition_expression("user_id = :user")
            .expression_attribute_values(":user", string(user_id))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let items = pages.try_collect().await.map_err(failed)?;
        let mut sessions: Vec<Session> = items
            .into_iter()
            .map(session_from)
            .collect::<Result<_, _>>()?;
        sessions.retain(|session| session.is_live(now));
        sessions.sort_by_key(|session| std::cmp::Reverse(session.created_at));
        Ok(sessions)
    }
}

/// Condition that a session exists and is live. Requires the values `:now` and `:no`.
const LIVE: &str = "revoked = :no AND idle_expires_ms > :now AND absolute_expires_ms > :now";

/// Returns the condition check that the caller's session is live, for a transaction.
pub(super) fn check_live(
    database: &Database,
    principal: Principal,
    now: Timestamp,
) -> ConditionCheckBuilder {
    ConditionCheck::builder()
        .table_name(&database.tables.refresh_tokens)
        .set_key(Some(key(principal.user_id, principal.session_id)))
        .condition_expression(LIVE)
        .expression_attribute_values(":no", AttributeValue::Bool(false))
        .expression_attribute_values(":now", number(now.as_millisecond()))
}

/// Adds the condition that the session is live and began after `oldest`. A refusal has the session.
pub(super) fn live_since(
    delete: DeleteBuilder,
    oldest: Timestamp,
    now: Timestamp,
) -> DeleteBuilder {
    delete
        .condition_expression(format!("{LIVE} AND created_ms > :oldest"))
        .expression_attribute_values(":no", AttributeValue::Bool(false))
        .expression_attribute_values(":now", number(now.as_millisecond()))
        .expression_attribute_values(":oldest", number(oldest.as_millisecond()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

pub(super) fn key(user_id: UserId, session_id: SessionId) -> Item {
    attribute::key([(keys::USER_ID, &user_id), (keys::SESSION_ID, &session_id)])
}

//! The RefreshTokens table: `user_id`, `session_id` → a session. It holds no secret.

mod row;

use crate::error::failed;
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, UpdateBuilder};
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, Update,
};
use jiff::Timestamp;

use crate::attribute::{self, Item, number, string};
use crate::conditional::{Written, written};
use crate::transaction::{Slot, Transaction};
use crate::users::{self, SessionCount};
use crate::{Database, StorageError, audit, keys};
use row::{SessionRow, session_from};
use upblit_base::clock;
use upblit_base::ids::{SessionId, UserId};
use upblit_identity::access_token::Principal;
use upblit_identity::audit::{Actor, AuditAction, AuditEntry};
use upblit_identity::handoff::CodeChallenge;
use upblit_identity::refresh_token::{FIRST_COUNTER, RefreshToken};
use upblit_identity::session::{
    Decision, MAX_SESSIONS_PER_USER, Rotation, Session, SessionPolicy, UNREDEEMED_COUNTER, decide,
};

/// How often a lost race is decided again.
const MAX_ROTATIONS: usize = 3;

/// Sessions one sign-in ends at most; a transaction holds 100 writes.
const MAX_ENDED_AT_ONCE: usize = 20;

/// What a presented refresh token gets.
#[derive(Debug)]
pub enum RefreshOutcome {
    /// The token of this session with this counter.
    Granted(Box<Session>, u32, Grant),
    /// Nothing: there is no such session, or it is over.
    Refused,
    /// It was already swapped for a newer one, so someone else may hold it. The
    /// session is still live.
    Reused,
}

/// How a refresh token was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// The newest token was swapped for its successor.
    Rotated,
    /// The previous token was swapped once more, since its answer was lost.
    Recovered,
    /// The successor that another holder of the same token was just given.
    Repeated,
}

/// What became of a one-time code.
#[derive(Debug)]
pub enum RedeemOutcome {
    /// The session has its first token now.
    Redeemed(Box<Session>),
    /// The code has expired, or was not met by the right verifier.
    Refused,
    /// The code was redeemed before.
    Replayed,
}

/// What became of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokeOutcome {
    /// The session has ended now.
    Revoked,
    /// There is no such session, or it was revoked before; nothing was written.
    NotFound,
}

impl Grant {
    fn of(rotation: Rotation) -> Self {
        if rotation.previous == rotation.expected_current {
            Self::Rotated
        } else {
            Self::Recovered
        }
    }
}

impl Database {
    /// Upserts the user and opens a session. One transaction; at most every
    /// fiftieth time also a query and a second one, which end the oldest sessions
    /// so that there are never more than [`MAX_SESSIONS_PER_USER`].
    ///
    /// # Errors
    /// When storage fails; then nothing happened.
    pub async fn sign_in(&self, session: &Session) -> Result<(), StorageError> {
        let (profile, now) = (&session.profile, session.created_at);
        let (transaction, user) = self.opening(session, SessionCount::OneMore);
        let outcome = transaction.commit(self).await?;
        if !outcome.refused(user) {
            return outcome.must_commit();
        }
        // The user's count is an upper bound: sessions also end by themselves.
        let live = self.live_sessions(profile.user_id, now).await?;
        let (kept, surplus) = live.split_at(live.len().min(MAX_SESSIONS_PER_USER - 1));
        let count = SessionCount::Exactly(kept.len() + 1);
        let (mut transaction, _) = self.opening(session, count);
        for oldest in surplus.iter().take(MAX_ENDED_AT_ONCE) {
            let (actor, why) = (Actor::Upblit, AuditAction::SessionRevoked);
            let entry = AuditEntry::of_session(profile.user_id, oldest.id, actor, why, now);
            transaction.update(self.revocation(profile.user_id, oldest.id));
            audit::record(&mut transaction, self, &entry);
        }
        transaction.commit(self).await?.must_commit()
    }

    /// The writes of every sign-in, and the slot of the user's.
    fn opening(&self, session: &Session, sessions: SessionCount) -> (Transaction, Slot) {
        let (profile, now) = (&session.profile, session.created_at);
        let put = Put::builder()
            .table_name(&self.tables.refresh_tokens)
            .condition_expression("attribute_not_exists(session_id)");
        let (actor, action) = (Actor::User(profile.user_id), AuditAction::SessionOpened);
        let entry = AuditEntry::of_session(profile.user_id, session.id, actor, action, now);
        let mut transaction = Transaction::default();
        let user = transaction.update(users::upsert(self, profile, now, sessions));
        transaction.put_row(put, SessionRow::from(session));
        audit::record(&mut transaction, self, &entry);
        (transaction, user)
    }

    /// Swaps a refresh token for its successor, if [`decide`] allows it.
    ///
    /// The usual rotation is tried first, without reading: one conditional write.
    /// A refused write returns the session to decide on. One that was applied but
    /// whose answer was lost comes back as refused through the SDK's own retry: the
    /// session then shows this very rotation, and is served again.
    ///
    /// # Errors
    /// When storage fails, or others kept rotating the session.
    pub async fn refresh(
        &self,
        presented: &RefreshToken,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> Result<RefreshOutcome, StorageError> {
        let Some(mut rotation) = Rotation::of_newest(presented.counter()) else {
            return Ok(RefreshOutcome::Refused);
        };
        for _ in 0..MAX_ROTATIONS {
            let written = self.rotate(presented, rotation, policy.idle_ttl, now);
            let session = match written.await? {
                Written::Applied(item) => {
                    let session = Box::new(session_from(item)?);
                    let grant = Grant::of(rotation);
                    return Ok(RefreshOutcome::Granted(session, rotation.next, grant));
                }
                Written::Refused(None) => return Ok(RefreshOutcome::Refused),
                Written::Refused(Some(item)) => Box::new(session_from(item)?),
            };
            match decide(&session, presented.counter(), policy, now) {
                Decision::Rotate(other) => rotation = other,
                Decision::ServeAgain(counter) => {
                    return Ok(RefreshOutcome::Granted(session, counter, Grant::Repeated));
                }
                Decision::Refuse => return Ok(RefreshOutcome::Refused),
                Decision::RevokeFamily => return Ok(RefreshOutcome::Reused),
            }
        }
        Err(StorageError::Contended("the session kept rotating".into()))
    }

    /// Applies a rotation, if the session is live and still at the expected counter.
    async fn rotate(
        &self,
        presented: &RefreshToken,
        rotation: Rotation,
        idle_ttl: Duration,
        now: Timestamp,
    ) -> Result<Written, StorageError> {
        let (user_id, session_id) = (presented.user_id(), presented.session_id());
        let (set, condition) = (
            "current_counter = :next, previous_counter = :previous, rotated_ms = :now",
            "current_counter = :expected",
        );
        let result = self
            .session_use(user_id, session_id, (set, condition), idle_ttl, now)
            .expression_attribute_values(":expected", number(rotation.expected_current))
            .expression_attribute_values(":previous", number(rotation.previous))
            .expression_attribute_values(":next", number(rotation.next))
            .send()
            .await;
        written(result)
    }

    /// Gives a session its first token, if its one-time code was not redeemed
    /// yet, the challenge is met, and the session is live. One conditional write.
    ///
    /// `request` tells this call from every other: a write that was applied but
    /// whose answer was lost must not be taken for a replay.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn redeem(
        &self,
        user_id: UserId,
        session_id: SessionId,
        challenge: &CodeChallenge,
        request: &str,
        idle_ttl: Duration,
        now: Timestamp,
    ) -> Result<RedeemOutcome, StorageError> {
        let (set, condition) = (
            "current_counter = :first, redeemed_by = :request REMOVE code_challenge",
            "current_counter = :unredeemed AND code_challenge = :challenge",
        );
        let result = self
            .session_use(user_id, session_id, (set, condition), idle_ttl, now)
            .expression_attribute_values(":first", number(FIRST_COUNTER))
            .expression_attribute_values(":unredeemed", number(UNREDEEMED_COUNTER))
            .expression_attribute_values(":challenge", string(challenge))
            .expression_attribute_values(":request", string(request))
            .send()
            .await;
        match written(result)? {
            Written::Applied(item) => Ok(RedeemOutcome::Redeemed(Box::new(session_from(item)?))),
            Written::Refused(None) => Ok(RedeemOutcome::Refused),
            Written::Refused(Some(item)) => {
                let ours = item.get("redeemed_by") == Some(&string(request));
                let session = session_from(item)?;
                Ok(match session {
                    session if ours => RedeemOutcome::Redeemed(Box::new(session)),
                    session if session.current == UNREDEEMED_COUNTER => RedeemOutcome::Refused,
                    _ => RedeemOutcome::Replayed,
                })
            }
        }
    }

    /// Ends a session that has not been ended yet, and notes why. One transaction.
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

    fn revocation(&self, user_id: UserId, session_id: SessionId) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.tables.refresh_tokens)
            .set_key(Some(key(user_id, session_id)))
            .update_expression("SET revoked = :yes")
            .condition_expression("revoked = :no")
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
    }

    /// A user's live sessions, newest first. One consistent query.
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

    /// An update that counts as a use of the session, if it is live: its idle
    /// time begins anew. Brings the item back either way.
    fn session_use(
        &self,
        user_id: UserId,
        session_id: SessionId,
        (set, condition): (&str, &str),
        idle_ttl: Duration,
        now: Timestamp,
    ) -> UpdateItemFluentBuilder {
        let idle_expires_at = clock::after(now, idle_ttl);
        self.client
            .update_item()
            .table_name(&self.tables.refresh_tokens)
            .set_key(Some(key(user_id, session_id)))
            .update_expression(format!(
                "SET last_used_ms = :now, idle_expires_ms = :idle, expires_at = :ttl, {set}"
            ))
            .condition_expression(format!("{condition} AND {LIVE}"))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":idle", number(idle_expires_at.as_millisecond()))
            .expression_attribute_values(":ttl", number(idle_expires_at.as_second()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

/// A session that can be used; also false where there is none. Needs `:now` and `:no`.
const LIVE: &str = "revoked = :no AND idle_expires_ms > :now AND absolute_expires_ms > :now";

/// A transaction's condition that the caller's session is live.
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

fn key(user_id: UserId, session_id: SessionId) -> Item {
    attribute::key([(keys::USER_ID, &user_id), (keys::SESSION_ID, &session_id)])
}

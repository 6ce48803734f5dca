//! Refreshes, and redemptions of authorization codes. Each is one conditional write, which
//! returns the session whether or not the condition holds.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use upblit_base::clock;
use upblit_base::ids::{SessionId, UserId};
use upblit_identity::authorization_code::CodeChallenge;
use upblit_identity::refresh_token::{FIRST_COUNTER, RefreshToken};
use upblit_identity::session::rotation::{MAX_RECOVERIES, grace_began};
use upblit_identity::session::{
    ClientMark, Counters, Decision, Move, ReusePolicy, Session, SessionPolicy, UNREDEEMED,
};

use super::row::session_from;
use super::{LIVE, key};
use crate::attribute::{number, string};
use crate::conditional::{Written, written};
use crate::{Database, StorageError};

/// Condition that holds when [`Counters::decide`] returns [`Decision::Move`]. Under `strict`, a
/// previous token never moves a session.
const MOVES: &str = "moved_ms < :grace_began AND current_counter < :max AND current_counter = :n";
const MOVES_OR_RECOVERS: &str = "moved_ms < :grace_began AND current_counter < :max \
     AND (current_counter = :n OR (previous_counter = :n \
     AND (attribute_not_exists(code_challenge) OR current_counter <= :last_recovery)))";

/// Result of presenting a refresh token.
#[derive(Debug)]
pub enum RefreshOutcome {
    /// The session was moved, and the token gets its successor.
    Moved {
        /// The session after the move.
        session: Box<Session>,
        /// Counters of the session before the move.
        before: Counters,
        /// Why the session moved.
        why: Move,
    },
    /// The session stays, and the token gets the current one.
    ServedAgain(Box<Session>),
    /// The session does not exist or has ended.
    Refused,
    /// The session cannot have issued this token. The session is unchanged.
    Impossible,
    /// No honest client still holds this token. The session is unchanged; the caller ends it.
    Reused,
}

/// Result of redeeming an authorization code.
#[derive(Debug)]
pub enum RedeemOutcome {
    /// The first token of its session.
    Redeemed(Box<Session>),
    /// The current token of its session: the code was redeemed before.
    ServedAgain(Box<Session>),
    /// The code is not valid for this request; no token is returned.
    Refused,
}

impl Database {
    /// Moves the session of a refresh token, or serves its current token, as
    /// [`Session::decide`] determines. One conditional write; none for a token that no session
    /// can have.
    ///
    /// If the condition fails, DynamoDB returns the session, which is then decided on. If the
    /// response of an applied write is lost, the SDK's retry fails the condition: the session
    /// was moved a moment ago, and its current token is served.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn refresh(
        &self,
        presented: &RefreshToken,
        by: ClientMark,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> Result<RefreshOutcome, StorageError> {
        let counter = presented.counter();
        if counter == UNREDEEMED {
            return Ok(RefreshOutcome::Refused);
        }
        let item = match self.rotate(presented, by, policy, now).await? {
            Written::Applied(item) => {
                return Ok(moved(session_from(item)?, counter, by, policy, now));
            }
            Written::Refused(None) => return Ok(RefreshOutcome::Refused),
            Written::Refused(Some(item)) => item,
        };
        let session = session_from(item)?;
        match session.decide(counter, policy, now) {
            None => Ok(RefreshOutcome::Refused),
            Some(Decision::ServeAgain) => Ok(RefreshOutcome::ServedAgain(Box::new(session))),
            Some(Decision::Impossible) => Ok(RefreshOutcome::Impossible),
            Some(Decision::End) => Ok(RefreshOutcome::Reused),
            Some(Decision::Move(_)) => Err(StorageError::BrokenCondition(
                "the write of a rotation was refused for a token that moves the session".to_owned(),
            )),
        }
    }

    /// Moves a session if the token may do so. Returns the session before the move.
    async fn rotate(
        &self,
        presented: &RefreshToken,
        by: ClientMark,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> Result<Written, StorageError> {
        let counter = presented.counter();
        let set = "retired_counter = previous_counter, previous_counter = :n, \
             current_counter = current_counter + :one";
        let condition = match policy.reuse {
            ReusePolicy::Recover => MOVES_OR_RECOVERS,
            ReusePolicy::Strict => MOVES,
        };
        let grace_began = grace_began(policy, now).as_millisecond();
        let user_id = presented.user_id();
        let session_id = presented.session_id();
        let request = self
            .session_move(user_id, session_id, (set, condition), by, policy, now)
            .expression_attribute_values(":n", number(counter))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":max", number(u32::MAX))
            .expression_attribute_values(":grace_began", number(grace_began))
            .return_values(ReturnValue::AllOld);
        let request = match policy.reuse {
            ReusePolicy::Recover => {
                let last_recovery = u64::from(counter) + u64::from(MAX_RECOVERIES);
                request.expression_attribute_values(":last_recovery", number(last_recovery))
            }
            ReusePolicy::Strict => request,
        };
        written(request.send().await)
    }

    /// Redeems an authorization code: the live session with this challenge gets its first
    /// token. A code that was redeemed before is served again if
    /// [`Session::serves_code_again`] returns true. One
    /// conditional write.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn redeem(
        &self,
        (user_id, session_id): (UserId, SessionId),
        challenge: &CodeChallenge,
        by: ClientMark,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> Result<RedeemOutcome, StorageError> {
        let set = "current_counter = :first";
        let condition = "current_counter = :unredeemed AND code_challenge = :challenge";
        let result = self
            .session_move(user_id, session_id, (set, condition), by, policy, now)
            .expression_attribute_values(":first", number(FIRST_COUNTER))
            .expression_attribute_values(":unredeemed", number(UNREDEEMED))
            .expression_attribute_values(":challenge", string(challenge))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        match written(result)? {
            Written::Applied(item) => {
                let session = session_from(item)?;
                Ok(RedeemOutcome::Redeemed(Box::new(session)))
            }
            Written::Refused(None) => Ok(RedeemOutcome::Refused),
            Written::Refused(Some(item)) => {
                let session = Box::new(session_from(item)?);
                Ok(if session.serves_code_again(challenge, now) {
                    RedeemOutcome::ServedAgain(session)
                } else {
                    RedeemOutcome::Refused
                })
            }
        }
    }

    /// Update that moves a live session. Its grace and its idle time start again.
    fn session_move(
        &self,
        user_id: UserId,
        session_id: SessionId,
        (set, condition): (&str, &str),
        by: ClientMark,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> UpdateItemFluentBuilder {
        let idle_expires_at = clock::after(now, policy.idle_ttl);
        self.client
            .update_item()
            .table_name(&self.tables.refresh_tokens)
            .set_key(Some(key(user_id, session_id)))
            .update_expression(format!(
                "SET moved_ms = :now, moved_by = :by, last_used_ms = :now, \
                 idle_expires_ms = :idle, expires_at = :ttl, {set}"
            ))
            .condition_expression(format!("{LIVE} AND {condition}"))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":by", AttributeValue::B(Blob::new(*by.as_bytes())))
            .expression_attribute_values(":no", AttributeValue::Bool(false))
            .expression_attribute_values(":idle", number(idle_expires_at.as_millisecond()))
            .expression_attribute_values(":ttl", number(idle_expires_at.as_second()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

/// The outcome of a write that was applied to the session `old`.
fn moved(
    old: Session,
    counter: u32,
    by: ClientMark,
    policy: &SessionPolicy,
    now: Timestamp,
) -> RefreshOutcome {
    let before = old.counters;
    RefreshOutcome::Moved {
        why: if counter == before.current {
            Move::Rotation
        } else {
            Move::Recovery
        },
        session: Box::new(old.moved(counter, by, policy, now)),
        before,
    }
}

//! Ends sessions on the request of their user, from one of the user's live sessions.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use jiff::Timestamp;

use super::{LIVE, RevokeOutcome};
use crate::attribute::number;
use crate::transaction::{MAX_TRANSACTION_WRITES, Slot, Transaction};
use crate::user_transaction::UserTransaction;
use crate::{ChangeError, Database, StorageError, audit};
use upblit_base::ids::SessionId;
use upblit_identity::access_token::Principal;
use upblit_identity::audit::{Actor, AuditAction, AuditEntry};

/// Maximum number of sessions that one transaction ends: two writes each, and the check of the
/// caller's session.
const MAX_ENDED_AT_ONCE: usize = (MAX_TRANSACTION_WRITES - 1) / 2;

/// Maximum number of attempts when sessions end concurrently.
const MAX_ATTEMPTS: usize = 4;

impl Database {
    /// Ends one session of the caller, which may be the caller's own. One transaction.
    ///
    /// # Errors
    /// When the caller's session has ended, or storage fails.
    pub async fn end_session(
        &self,
        principal: Principal,
        session_id: SessionId,
        now: Timestamp,
    ) -> Result<RevokeOutcome, ChangeError> {
        let ended = self.end(principal, &[session_id], now).await?;
        Ok(if ended {
            RevokeOutcome::Revoked
        } else {
            RevokeOutcome::NotFound
        })
    }

    /// Ends all sessions of the caller, or all but one. One consistent query, and one transaction
    /// for each 49 sessions.
    ///
    /// # Errors
    /// When the caller's session has ended, or storage fails.
    pub async fn end_sessions(
        &self,
        principal: Principal,
        kept: Option<SessionId>,
        now: Timestamp,
    ) -> Result<(), ChangeError> {
        for _ in 0..MAX_ATTEMPTS {
            if self.end_live_sessions(principal, kept, now).await? {
                return Ok(());
            }
        }
        let cause = "the user's sessions kept ending";
        Err(StorageError::Contended(cause.into()).into())
    }

    /// Ends the live sessions of the caller, except `kept`. Returns `false` if one of them ended
    /// between the query and its transaction.
    async fn end_live_sessions(
        &self,
        principal: Principal,
        kept: Option<SessionId>,
        now: Timestamp,
    ) -> Result<bool, ChangeError> {
        let live = self.live_sessions(principal.user_id, now).await?;
        let ids = live.into_iter().map(|session| session.id);
        let mut ids: Vec<SessionId> = ids.filter(|id| Some(*id) != kept).collect();
        // The caller's own session is ended last, because each transaction requires it to be live.
        ids.sort_by_key(|id| *id == principal.session_id);
        // The first transaction also checks the caller's session if there are no sessions to end.
        let first = ids.len().min(MAX_ENDED_AT_ONCE);
        let (first, others) = ids.split_at(first);
        for some in std::iter::once(first).chain(others.chunks(MAX_ENDED_AT_ONCE)) {
            if !self.end(principal, some, now).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ends these sessions in one transaction. Returns `false`, and writes nothing, if one of them
    /// does not exist or ended before.
    async fn end(
        &self,
        principal: Principal,
        ids: &[SessionId],
        now: Timestamp,
    ) -> Result<bool, ChangeError> {
        let (transaction, others) = self.ending(principal, ids, now);
        let outcome = transaction.commit(self).await?;
        if others.into_iter().any(|slot| outcome.refused(slot)) {
            return Ok(false);
        }
        outcome.must_commit()?;
        Ok(true)
    }

    /// Returns the transaction that ends these sessions, and the slots of those other than the
    /// caller's own.
    fn ending(
        &self,
        principal: Principal,
        ids: &[SessionId],
        now: Timestamp,
    ) -> (UserTransaction, Vec<Slot>) {
        let user_id = principal.user_id;
        let mut transaction = if ids.contains(&principal.session_id) {
            let mut writes = Transaction::default();
            let own = writes.update(self.revocation_of_own(principal, now));
            UserTransaction::with_session(writes, own, Actor::User(user_id))
        } else {
            UserTransaction::new(self, principal, now)
        };
        let writes = &mut transaction.writes;
        let mut others = Vec::new();
        for id in ids.iter().copied() {
            if id != principal.session_id {
                others.push(writes.update(self.revocation(user_id, id)));
            }
            let actor = Actor::User(user_id);
            let action = AuditAction::SessionRevoked;
            let entry = AuditEntry::of_session(user_id, id, actor, action, now);
            audit::record(writes, self, &entry);
        }
        (transaction, others)
    }

    fn revocation_of_own(&self, own: Principal, now: Timestamp) -> UpdateBuilder {
        self.revocation(own.user_id, own.session_id)
            .condition_expression(LIVE)
            .expression_attribute_values(":now", number(now.as_millisecond()))
    }
}

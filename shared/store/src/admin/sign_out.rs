//! Ends the sessions of a user for an operator.

use jiff::Timestamp;

use crate::transaction::{MAX_TRANSACTION_WRITES, Transaction};
use crate::{Database, StorageError, audit};
use upblit_base::ids::{SessionId, UserId};
use upblit_identity::audit::{Actor, AuditAction, AuditEntry};

/// Maximum number of sessions that one transaction ends, with two writes each.
const MAX_ENDED_AT_ONCE: usize = MAX_TRANSACTION_WRITES / 2;

/// Maximum number of attempts when sessions end or begin concurrently.
const MAX_ATTEMPTS: usize = 4;

impl Database {
    /// Ends all sessions of a user, and returns how many. Their access tokens can read until they
    /// expire. Two queries, and a transaction per 50 sessions.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn sign_out_user(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<usize, StorageError> {
        let mut ended = 0;
        for _ in 0..MAX_ATTEMPTS {
            let live = self.live_sessions(user_id, now).await?;
            let ids: Vec<SessionId> = live.into_iter().map(|session| session.id).collect();
            if ids.is_empty() {
                return Ok(ended);
            }
            for some in ids.chunks(MAX_ENDED_AT_ONCE) {
                if self.end_by_operator(user_id, some, now).await? {
                    ended += some.len();
                }
            }
        }
        let cause = "the user's sessions kept changing";
        Err(StorageError::Contended(cause.into()))
    }

    /// Ends these sessions. Returns `false`, and writes nothing, if one of them ended meanwhile.
    async fn end_by_operator(
        &self,
        user_id: UserId,
        ids: &[SessionId],
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let mut writes = Transaction::default();
        let mut sessions = Vec::new();
        for id in ids.iter().copied() {
            sessions.push(writes.update(self.revocation(user_id, id)));
            let why = AuditAction::SessionRevoked;
            let entry = AuditEntry::of_session(user_id, id, Actor::Upblit, why, now);
            audit::record(&mut writes, self, &entry);
        }
        let outcome = writes.commit(self).await?;
        if sessions.into_iter().any(|slot| outcome.refused(slot)) {
            return Ok(false);
        }
        outcome.must_commit()?;
        Ok(true)
    }
}

//! Revokes a key that was found in public, without a member's session.

use jiff::Timestamp;

use super::change::revoke;
use crate::transaction::Transaction;
use crate::{Database, StorageError};
use upblit_base::ids::PublicKeyId;
use upblit_identity::audit::{Actor, AuditAction, AuditEntry};

/// Result of revoking a leaked key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeakOutcome {
    /// The key is now revoked.
    Revoked,
    /// The key is already revoked or does not exist. Nothing was written.
    Ended,
}

impl Database {
    /// Revokes a leaked key permanently, on behalf of the service that reported it. One
    /// transaction.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn revoke_leaked_key(
        &self,
        id: PublicKeyId,
        finder: Actor,
        now: Timestamp,
    ) -> Result<LeakOutcome, StorageError> {
        let entry = AuditEntry::of_key(id, finder, AuditAction::KeyRevoked, now);
        let mut transaction = Transaction::default();
        let key = revoke(&mut transaction, self, id, &entry);
        let outcome = transaction.commit(self).await?;
        if outcome.refused(key) {
            return Ok(LeakOutcome::Ended);
        }
        outcome.must_commit()?;
        Ok(LeakOutcome::Revoked)
    }
}

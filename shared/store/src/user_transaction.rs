//! Changes by signed-in users. An access token stays valid until it expires, but can change nothing
//! after its session has ended, because each transaction checks that the session is live.

use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, UpdateBuilder};
use jiff::Timestamp;

use crate::transaction::{Outcome, Slot, Transaction};
use crate::{ChangeError, Database, applications, refresh_tokens};
use upblit_base::ids::ApplicationId;
use upblit_identity::access_token::Principal;
use upblit_identity::audit::Actor;
use upblit_identity::team::Right;

/// A transaction that is applied only while the caller's session is live.
#[derive(Debug)]
pub(crate) struct UserTransaction {
    /// The writes, with the check of the session.
    pub(crate) writes: Transaction,
    session: Slot,
    /// The check of the caller's role, if an application is changed.
    member: Option<Slot>,
    /// Who makes the change, for the audit log.
    pub(crate) actor: Actor,
}

impl UserTransaction {
    /// Starts a transaction with the check of the caller's session.
    pub(crate) fn new(database: &Database, principal: Principal, now: Timestamp) -> Self {
        let mut writes = Transaction::default();
        let session = writes.check(refresh_tokens::check_live(database, principal, now));
        Self::with_session(writes, session, Actor::User(principal.user_id))
    }

    /// Returns a transaction in which the write at `session` has the condition that the caller's
    /// session is live. A transaction can write to an item only once, so a write to the session is
    /// also its check.
    pub(crate) fn with_session(writes: Transaction, session: Slot, actor: Actor) -> Self {
        Self {
            writes,
            session,
            member: None,
            actor,
        }
    }

    /// Starts a transaction for the deletion of an account, which has ended the session: it is applied
    /// only while this condition on the account holds.
    pub(crate) fn deleting(account: ConditionCheckBuilder, actor: Actor) -> Self {
        let mut writes = Transaction::default();
        let account = writes.check(account);
        Self::with_session(writes, account, actor)
    }

    /// Like [`Self::deleting`], with a condition that also changes the account.
    pub(crate) fn deleting_counted(account: UpdateBuilder, actor: Actor) -> Self {
        let mut writes = Transaction::default();
        let account = writes.update(account);
        Self::with_session(writes, account, actor)
    }

    /// Adds the condition that the caller is a member of the application and has a right. The slot
    /// is refused for users who are not members; [`Self::commit`] returns the error for other roles.
    pub(crate) fn require(
        &mut self,
        database: &Database,
        (principal, application_id): (Principal, ApplicationId),
        right: Right,
    ) -> Slot {
        let check = applications::check_member(database, application_id, principal.user_id, right);
        let slot = self.writes.check(check);
        self.member = Some(slot);
        slot
    }

    /// Sends the writes, as [`Transaction::commit`] does.
    ///
    /// # Errors
    /// When the caller's session has ended, the caller's role does not allow the change, or storage
    /// fails.
    pub(crate) async fn commit(self, database: &Database) -> Result<Outcome, ChangeError> {
        let outcome = self.writes.commit(database).await?;
        if outcome.refused(self.session) {
            return Err(ChangeError::SessionOver);
        }
        if self.member.is_some_and(|slot| outcome.item(slot).is_some()) {
            return Err(ChangeError::NotAllowed);
        }
        Ok(outcome)
    }
}

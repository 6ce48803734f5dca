//! The steps of a deletion in their order, after the one that begins it. Each can be repeated.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use super::{AccountDeletion, Step};
use crate::applications::Membership;
use crate::applications_with_keys::DeleteOutcome;
use crate::team::MemberOutcome;
use crate::{ChangeError, Database, StorageError};
use upblit_base::clock::Clock;
use upblit_base::ids::UserId;
use upblit_identity::team::{Role, has_owner_after};

/// Number of applications whose members are read concurrently.
const CONCURRENCY: usize = 16;

/// Maximum number of attempts of a change that conflicts with others.
const MAX_ATTEMPTS: usize = 5;

/// What happens to applications whose only owner is the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SoleOwned {
    /// They are kept, so the user has to stay.
    Keep,
    /// They are deleted.
    Delete,
}

/// Result of continuing a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Nothing of the account is left, except for a block.
    Complete,
    /// The user is the only owner of these applications, which are kept.
    SoleOwner(Vec<Membership>),
    /// The time limit was reached. The same call continues the deletion.
    OutOfTime,
    /// The user signed in meanwhile, and keeps the account.
    SignedIn,
}

impl Database {
    /// Continues a deletion: sessions, memberships, audit log, and finally the profile. Returns soon
    /// after `end`.
    ///
    /// # Errors
    /// When a sign-in has ended the deletion, an application keeps changing, or storage fails. What is
    /// deleted stays deleted.
    pub async fn continue_deletion(
        &self,
        deletion: &AccountDeletion,
        sole_owned: SoleOwned,
        (clock, end): (&Clock, Timestamp),
    ) -> Result<Progress, ChangeError> {
        let user_id = deletion.principal.user_id;
        while self.delete_sessions(deletion).await? == Step::More {
            if clock.now() >= end {
                return Ok(Progress::OutOfTime);
            }
        }
        let mut kept = Vec::new();
        for membership in self.applications_of(user_id).await? {
            if clock.now() >= end {
                return Ok(Progress::OutOfTime);
            }
            let left = self.end_membership(deletion, membership, sole_owned, clock);
            kept.extend(left.await?);
        }
        if !kept.is_empty() {
            // Another owner left after the deletion began.
            return Ok(Progress::SoleOwner(kept));
        }
        if self.delete_log(user_id, (clock, end)).await? == Step::More {
            return Ok(Progress::OutOfTime);
        }
        if !self.delete_profile(deletion).await? {
            return Ok(Progress::SignedIn);
        }
        // Notices about sessions that were written meanwhile.
        Ok(match self.delete_log(user_id, (clock, end)).await? {
            Step::Complete => Progress::Complete,
            Step::More => Progress::OutOfTime,
        })
    }

    /// Deletes the audit log of an account. Returns [`Step::More`] if entries may be left at `end`.
    /// One query per 100 entries.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn delete_log(
        &self,
        user_id: UserId,
        (clock, end): (&Clock, Timestamp),
    ) -> Result<Step, StorageError> {
        while self.delete_account_log(user_id).await? == Step::More {
            if clock.now() >= end {
                return Ok(Step::More);
            }
        }
        Ok(Step::Complete)
    }

    /// Reads the applications of which the user is the only owner. A read and a query, and a query for
    /// each application that the user owns.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn solely_owned(&self, user_id: UserId) -> Result<Vec<Membership>, StorageError> {
        let memberships = self.applications_of(user_id).await?;
        let owned: Vec<Option<Membership>> = stream::iter(memberships)
            .map(|membership| async {
                let is_sole = self.is_sole_owner(user_id, &membership).await?;
                Ok::<_, StorageError>(is_sole.then_some(membership))
            })
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        Ok(owned.into_iter().flatten().collect())
    }

    async fn is_sole_owner(
        &self,
        user_id: UserId,
        membership: &Membership,
    ) -> Result<bool, StorageError> {
        if membership.role != Role::Owner {
            return Ok(false);
        }
        let members = self.members(membership.application.id).await?;
        Ok(!has_owner_after(&members, user_id, None))
    }

    /// Ends one membership. Returns it if the application would have no owner, and is kept.
    async fn end_membership(
        &self,
        deletion: &AccountDeletion,
        membership: Membership,
        sole_owned: SoleOwned,
        clock: &Clock,
    ) -> Result<Option<Membership>, ChangeError> {
        let user_id = deletion.principal.user_id;
        let id = membership.application.id;
        let mut current = Some(membership);
        for _ in 0..MAX_ATTEMPTS {
            let Some(membership) = current else {
                return Ok(None);
            };
            let now = clock.now();
            let is_done = if self.is_sole_owner(user_id, &membership).await? {
                if sole_owned == SoleOwned::Keep {
                    return Ok(Some(membership));
                }
                let deleted = self.delete_owned(deletion, &membership, now);
                deleted.await? == DeleteOutcome::Deleted
            } else {
                let left = self.leave(deletion, &membership, now);
                left.await? == MemberOutcome::Changed
            };
            if is_done {
                return Ok(None);
            }
            current = self.application_of(user_id, id).await?;
        }
        let problem = "the application keeps changing";
        Err(StorageError::Contended(problem.into()).into())
    }
}

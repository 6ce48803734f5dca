//! Invites: made and withdrawn by owners, accepted once.

use aws_sdk_dynamodb::types::builders::DeleteBuilder;
use aws_sdk_dynamodb::types::{Delete, Put};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::MemberRow;
use super::members::team_entry;
use crate::applications::{Membership, MetaRow, key};
use crate::attribute::{self, number};
use crate::batch_get::MAX_ITEMS;
use crate::user_transaction::UserTransaction;
use crate::{ChangeError, Database, StorageError, audit, keys};
use upblit_base::clock;
use upblit_base::ids::{ApplicationId, InviteId, UserId};
use upblit_identity::access_token::Principal;
use upblit_identity::application::Application;
use upblit_identity::audit::{AuditAction, TeamChange};
use upblit_identity::invite::{Invite, Invitee};
use upblit_identity::team::{MAX_OPEN_INVITES, Right, Role};

/// Result of creating an invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InviteOutcome {
    /// The invite is stored.
    Created,
    /// The application has the maximum number of open invites.
    LimitReached,
    /// The application changed since the membership was read: try again.
    Overtaken,
}

/// Result of withdrawing an invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithdrawOutcome {
    /// The invite is deleted.
    Withdrawn,
    /// The caller is not a member of the application.
    NotAMember,
    /// There was no such invite.
    NotFound,
}

/// Result of accepting an invite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptOutcome {
    /// The caller is a member now.
    Joined,
    /// The caller is already a member. The invite can still be accepted by others.
    AlreadyAMember,
    /// The application has the maximum number of members.
    MemberLimit,
    /// The invite was used or withdrawn, or has expired.
    NotFound,
}

/// An invite that can be accepted, with its application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenInvite {
    /// Role that it gives, who can accept it, and until when.
    pub invite: Invite,
    /// Application of which its holder becomes a member.
    pub application: Application,
}

/// An invite, as an item.
#[derive(Serialize, Deserialize)]
pub(crate) struct InviteRow {
    pub(crate) application_id: ApplicationId,
    sk: String,
    id: InviteId,
    role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    only_for: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    only_for_login: Option<String>,
    invited_by: UserId,
    created_ms: i64,
    expires_ms: i64,
    expires_at: i64,
}

impl From<&Invite> for InviteRow {
    fn from(invite: &Invite) -> Self {
        Self {
            application_id: invite.application_id,
            sk: keys::invite(invite.id),
            id: invite.id,
            role: invite.role,
            only_for: invite.only_for.as_ref().map(|invitee| invitee.user_id),
            only_for_login: invite
                .only_for
                .as_ref()
                .map(|invitee| invitee.login.clone()),
            invited_by: invite.invited_by,
            created_ms: invite.created_at.as_millisecond(),
            expires_ms: invite.expires_at.as_millisecond(),
            expires_at: invite.expires_at.as_second(),
        }
    }
}

impl From<InviteRow> for Invite {
    fn from(row: InviteRow) -> Self {
        Self {
            application_id: row.application_id,
            id: row.id,
            role: row.role,
            only_for: row.only_for.map(|user_id| Invitee {
                user_id,
                login: row.only_for_login.unwrap_or_default(),
            }),
            invited_by: row.invited_by,
            created_at: clock::from_millis(row.created_ms),
            expires_at: clock::from_millis(row.expires_ms),
        }
    }
}

impl Database {
    /// Reads the invites of an application, including those that have expired. One consistent query.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn stored_invites(&self, id: ApplicationId) -> Result<Vec<Invite>, StorageError> {
        let rows: Vec<InviteRow> = self.team_rows(id, keys::INVITE_PREFIX).await?;
        Ok(rows.into_iter().map(Invite::from).collect())
    }

    /// Stores an invite, and removes those that have expired. One query and one transaction.
    ///
    /// # Errors
    /// When the caller's session has ended, the caller is not an owner, or storage fails.
    pub async fn invite(
        &self,
        principal: Principal,
        membership: &Membership,
        invite: &Invite,
    ) -> Result<InviteOutcome, ChangeError> {
        let id = invite.application_id;
        let now = invite.created_at;
        let stored = self.stored_invites(id).await?;
        let (open, expired): (Vec<_>, Vec<_>) =
            stored.into_iter().partition(|stored| stored.is_open(now));
        if open.len() >= MAX_OPEN_INVITES {
            return Ok(InviteOutcome::LimitReached);
        }
        let mut transaction = UserTransaction::new(self, principal, now);
        let caller = transaction.require(self, (principal, id), Right::Manage);
        let writes = &mut transaction.writes;
        let meta = writes.update(
            self.revise(id, "")
                .condition_expression("revision = :seen")
                .expression_attribute_values(":seen", number(membership.revision)),
        );
        let put = Put::builder().table_name(&self.tables.applications);
        writes.put_row(put, InviteRow::from(invite));
        for old in expired.into_iter().take(MAX_OPEN_INVITES) {
            writes.delete(self.delete_invite(id, old.id));
        }
        let entry = team_entry(principal.user_id, id, AuditAction::InviteCreated, now);
        audit::record(writes, self, &entry.about(change(invite)));
        let outcome = transaction.commit(self).await?;
        if outcome.refused(caller) || outcome.refused(meta) {
            return Ok(InviteOutcome::Overtaken);
        }
        outcome.must_commit()?;
        Ok(InviteOutcome::Created)
    }

    /// Deletes an invite. One transaction.
    ///
    /// # Errors
    /// When the caller's session has ended, the caller is not an owner, or storage fails.
    pub async fn withdraw_invite(
        &self,
        principal: Principal,
        (application_id, id): (ApplicationId, InviteId),
        now: Timestamp,
    ) -> Result<WithdrawOutcome, ChangeError> {
        let mut transaction = UserTransaction::new(self, principal, now);
        let caller = transaction.require(self, (principal, application_id), Right::Manage);
        let writes = &mut transaction.writes;
        let delete = self.delete_invite(application_id, id);
        let delete = writes.delete(delete.condition_expression("attribute_exists(sk)"));
        let action = AuditAction::InviteWithdrawn;
        let entry = team_entry(principal.user_id, application_id, action, now);
        audit::record(writes, self, &entry);
        let outcome = transaction.commit(self).await?;
        if outcome.refused(caller) {
            return Ok(WithdrawOutcome::NotAMember);
        }
        if outcome.refused(delete) {
            return Ok(WithdrawOutcome::NotFound);
        }
        outcome.must_commit()?;
        Ok(WithdrawOutcome::Withdrawn)
    }

    /// Reads an invite that this user can accept, and its application. One consistent read.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn open_invite(
        &self,
        (application_id, id): (ApplicationId, InviteId),
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Option<OpenInvite>, StorageError> {
        let keys = [keys::META.to_owned(), keys::invite(id)];
        let keys = keys.map(|sk| key(application_id, &sk));
        let mut application = None;
        let mut invite = None;
        let items = self.get_all(&self.tables.applications, &keys, MAX_ITEMS);
        for item in items.await? {
            if item.contains_key("invited_by") {
                invite = Some(Invite::from(attribute::from_item::<InviteRow>(item)?));
            } else {
                let meta: MetaRow = attribute::from_item(item)?;
                application = Some(meta.seen_as(Role::Viewer).application);
            }
        }
        let invite = invite.filter(|invite| invite.is_open_for(user_id, now));
        Ok(application
            .zip(invite)
            .map(|(application, invite)| OpenInvite {
                invite,
                application,
            }))
    }

    /// Accepts an invite that [`Self::open_invite`] returned: makes the caller a member, and deletes
    /// the invite. One transaction.
    ///
    /// # Errors
    /// When the caller's session has ended, or storage fails.
    pub async fn accept_invite(
        &self,
        principal: Principal,
        invite: &Invite,
        now: Timestamp,
    ) -> Result<AcceptOutcome, ChangeError> {
        let id = invite.application_id;
        let user_id = principal.user_id;
        let member = MemberRow {
            application_id: id,
            sk: keys::member(user_id),
            user_id,
            role: invite.role,
            joined_ms: Some(now.as_millisecond()),
        };
        let mut transaction = UserTransaction::new(self, principal, now);
        let writes = &mut transaction.writes;
        let used = self.delete_invite(id, invite.id);
        let used = writes.delete(
            used.condition_expression("expires_ms > :now")
                .expression_attribute_values(":now", number(now.as_millisecond())),
        );
        let room = writes.update(self.count_member(id));
        let put = Put::builder()
            .table_name(&self.tables.applications)
            .condition_expression("attribute_not_exists(sk)");
        let put = writes.put_row(put, member);
        let entry = team_entry(user_id, id, AuditAction::MemberJoined, now);
        let change = TeamChange {
            member: Some(user_id),
            ..change(invite)
        };
        audit::record(writes, self, &entry.about(change));
        let outcome = transaction.commit(self).await?;
        // Members and others get the same outcome for a used invite.
        if outcome.refused(used) {
            return Ok(AcceptOutcome::NotFound);
        }
        if outcome.refused(put) {
            return Ok(AcceptOutcome::AlreadyAMember);
        }
        if outcome.refused(room) {
            return Ok(AcceptOutcome::MemberLimit);
        }
        outcome.must_commit()?;
        Ok(AcceptOutcome::Joined)
    }

    fn delete_invite(&self, application_id: ApplicationId, id: InviteId) -> DeleteBuilder {
        Delete::builder()
            .table_name(&self.tables.applications)
            .set_key(Some(key(application_id, &keys::invite(id))))
    }
}

/// Returns the role that an invite gives, and to whom.
fn change(invite: &Invite) -> TeamChange {
    TeamChange {
        member: invite.only_for.as_ref().map(|invitee| invitee.user_id),
        to: Some(invite.role),
        ..TeamChange::default()
    }
}

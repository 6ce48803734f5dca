//! Changes of roles, removals and leaving.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{Delete, Update};
use jiff::Timestamp;

use crate::applications::{Membership, key};
use crate::attribute::{self, number};
use crate::user_transaction::UserTransaction;
use crate::{ChangeError, Database, audit, keys};
use upblit_base::ids::{ApplicationId, UserId};
use upblit_identity::access_token::Principal;
use upblit_identity::audit::{Actor, AuditAction, AuditEntry, TeamChange};
use upblit_identity::team::{MAX_MEMBERS, Member, Right, Role};

/// Result of changing or removing a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberOutcome {
    /// The change is stored.
    Changed,
    /// The application or its members changed since the membership was read: try again.
    Overtaken,
}

impl Database {
    /// Gives a member another role, or ends the membership (`None`). The caller is an owner, or the
    /// member who leaves. `member` was read after `membership`. One transaction.
    ///
    /// # Errors
    /// When the caller's session has ended, the caller's role does not allow it, or storage fails.
    pub async fn change_member(
        &self,
        principal: Principal,
        membership: &Membership,
        (member, role): (&Member, Option<Role>),
        now: Timestamp,
    ) -> Result<MemberOutcome, ChangeError> {
        let transaction = UserTransaction::new(self, principal, now);
        self.change_member_in(transaction, principal, membership, (member, role), now)
            .await
    }

    /// Like [`Self::change_member`], in a transaction that already has writes.
    pub(crate) async fn change_member_in(
        &self,
        mut transaction: UserTransaction,
        principal: Principal,
        membership: &Membership,
        (member, role): (&Member, Option<Role>),
        now: Timestamp,
    ) -> Result<MemberOutcome, ChangeError> {
        let id = membership.application.id;
        let is_own = member.user_id == principal.user_id;
        // A transaction can write to an item only once, so a write to the caller's own membership
        // has the condition itself.
        let caller = (!is_own).then(|| transaction.require(self, (principal, id), Right::Manage));
        let entry = entry(transaction.actor, id, (member, role), now);
        let writes = &mut transaction.writes;
        let slot = match role {
            Some(role) => writes.update(self.set_role(id, member, role)?),
            None => writes.delete(
                Delete::builder()
                    .table_name(&self.tables.applications)
                    .set_key(Some(key(id, &keys::member(member.user_id))))
                    .condition_expression("#role = :role")
                    .expression_attribute_names("#role", "role")
                    .expression_attribute_values(
                        ":role",
                        attribute::to_attribute_value(member.role)?,
                    ),
            ),
        };
        let change = match role {
            Some(_) => "",
            None => "members = if_not_exists(members, :one) - :one, ",
        };
        let meta = self.revise(id, change);
        let meta = writes.update(
            meta.condition_expression("revision = :seen")
                .expression_attribute_values(":seen", number(membership.revision)),
        );
        audit::record(writes, self, &entry);
        let outcome = transaction.commit(self).await?;
        let caller = caller.is_some_and(|caller| outcome.refused(caller));
        if caller || outcome.refused(slot) || outcome.refused(meta) {
            return Ok(MemberOutcome::Overtaken);
        }
        outcome.must_commit()?;
        Ok(MemberOutcome::Changed)
    }

    fn set_role(
        &self,
        id: ApplicationId,
        member: &Member,
        role: Role,
    ) -> Result<UpdateBuilder, ChangeError> {
        Ok(Update::builder()
            .table_name(&self.tables.applications)
            .set_key(Some(key(id, &keys::member(member.user_id))))
            .update_expression("SET #role = :role")
            .condition_expression("#role = :before")
            .expression_attribute_names("#role", "role")
            .expression_attribute_values(":role", attribute::to_attribute_value(role)?)
            .expression_attribute_values(":before", attribute::to_attribute_value(member.role)?))
    }

    /// Begins an update of the application that raises its revision. `change` has further
    /// assignments, each followed by a comma.
    pub(super) fn revise(&self, id: ApplicationId, change: &str) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.tables.applications)
            .set_key(Some(key(id, keys::META)))
            .update_expression(format!("SET {change}revision = revision + :one"))
            .expression_attribute_values(":one", number(1))
    }

    /// Returns the update of the application that counts one more member. Refused at the limit.
    pub(super) fn count_member(&self, id: ApplicationId) -> UpdateBuilder {
        self.revise(id, "members = if_not_exists(members, :one) + :one, ")
            .condition_expression(
                "attribute_exists(application_id) AND \
                 (attribute_not_exists(members) OR members < :most)",
            )
            .expression_attribute_values(":most", number(MAX_MEMBERS))
    }
}

fn entry(
    actor: Actor,
    id: ApplicationId,
    (member, role): (&Member, Option<Role>),
    now: Timestamp,
) -> AuditEntry {
    let action = match role {
        Some(_) => AuditAction::MemberRoleChanged,
        None if actor == Actor::User(member.user_id) => AuditAction::MemberLeft,
        None => AuditAction::MemberRemoved,
    };
    AuditEntry::of_application(id, actor, action, now).about(TeamChange {
        member: Some(member.user_id),
        from: Some(member.role),
        to: role,
    })
}

/// Creates an entry by a user in the audit log of an application.
pub(super) fn team_entry(
    by: UserId,
    id: ApplicationId,
    action: AuditAction,
    at: Timestamp,
) -> AuditEntry {
    AuditEntry::of_application(id, Actor::User(by), action, at)
}

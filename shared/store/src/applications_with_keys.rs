//! Changes to an application together with its keys: telemetry settings, which each key has
//! a copy of, and deletion.
//!
//! Both require that the keys have not changed since the application was read, which its
//! `revision` shows.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{Delete, Update};
use jiff::Timestamp;

use crate::applications::{Membership, key};
use crate::attribute::{number, string};
use crate::transaction::Transaction;
use crate::user_transaction::UserTransaction;
use crate::{
    ChangeError, Database, StorageError, api_keys, audit, deleted_applications, keys,
    telemetry_settings, users,
};
use upblit_base::ids::{ApplicationId, PublicKeyId};
use upblit_identity::access_token::Principal;
use upblit_identity::api_key::KeyState;
use upblit_identity::application::{Name, TelemetrySettings};
use upblit_identity::audit::{Actor, AuditAction, AuditEntry};
use upblit_identity::team::Right;

/// Result of changing telemetry settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsOutcome {
    /// The settings are stored with the application and its keys.
    Changed,
    /// The application or its keys changed since the membership was read: try again.
    Overtaken,
}

/// Result of deleting an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// The application is deleted and its keys are revoked.
    Deleted,
    /// The application or its keys changed since the membership was read: try again.
    Overtaken,
}

/// How the deletion of an application changes the number that its creator's account counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CreatorCount {
    /// One less: the creator's account counts the application.
    OneLess,
    /// The creator's account is gone, or was made after the application.
    Unchanged,
}

impl Database {
    /// Deletes an application with its members and invites, and revokes its keys. One transaction
    /// after two queries, all of them repeated if its creator has deleted the account.
    ///
    /// # Errors
    /// When the caller's session has ended, or storage fails.
    pub async fn delete_application(
        &self,
        principal: Principal,
        membership: &Membership,
        now: Timestamp,
    ) -> Result<DeleteOutcome, ChangeError> {
        let transaction = || UserTransaction::new(self, principal, now);
        self.delete_application_with(transaction, principal, membership, now)
            .await
    }

    /// Like [`Self::delete_application`], in a transaction that already has writes. Tries a second
    /// time if the creator's account does not count the application.
    pub(crate) async fn delete_application_with(
        &self,
        transaction: impl Fn() -> UserTransaction,
        principal: Principal,
        membership: &Membership,
        now: Timestamp,
    ) -> Result<DeleteOutcome, ChangeError> {
        for count in [CreatorCount::OneLess, CreatorCount::Unchanged] {
            let tried = self.try_delete(transaction(), principal, membership, count, now);
            if let Some(outcome) = tried.await? {
                return Ok(outcome);
            }
        }
        Ok(DeleteOutcome::Overtaken)
    }

    /// Deletes an application in one transaction after two queries. `None` if its creator does not
    /// count it.
    pub(crate) async fn try_delete(
        &self,
        mut transaction: UserTransaction,
        principal: Principal,
        membership: &Membership,
        count: CreatorCount,
        now: Timestamp,
    ) -> Result<Option<DeleteOutcome>, ChangeError> {
        let user_id = principal.user_id;
        let application = &membership.application;
        let meta = Delete::builder()
            .table_name(&self.tables.applications)
            .set_key(Some(key(application.id, keys::META)))
            .condition_expression("revision = :seen")
            .expression_attribute_values(":seen", number(membership.revision));
        let by = transaction.actor;
        let entry = entry(application.id, by, AuditAction::ApplicationDeleted, now);
        let writes = &mut transaction.writes;
        let meta = writes.delete(meta);
        for delete in self.team_deletions(application.id, user_id).await? {
            writes.delete(delete);
        }
        let creator = (count == CreatorCount::OneLess).then(|| {
            let (by, at) = (application.created_by, application.created_at);
            writes.update(users::remove_application(self, by, at))
        });
        audit::record(writes, self, &entry);
        deleted_applications::record(writes, self, application, now);
        for id in self.keys_not_revoked(application.id).await? {
            writes.update(api_keys::revocation(self, id, now));
        }
        let outcome = transaction.commit(self).await?;
        if outcome.refused(meta) {
            return Ok(Some(DeleteOutcome::Overtaken));
        }
        if let Some(creator) = creator
            && outcome.refused(creator)
            && !users::counts(outcome.item(creator), application.created_at)?
        {
            return Ok(None);
        }
        outcome.must_commit()?;
        Ok(Some(DeleteOutcome::Deleted))
    }

    /// Changes the telemetry settings of an application and each of its keys, and its name if
    /// one is given. One transaction after a query.
    ///
    /// # Errors
    /// When the caller's session has ended, or storage fails.
    pub async fn change_telemetry_settings(
        &self,
        principal: Principal,
        membership: &Membership,
        settings: TelemetrySettings,
        name: Option<&Name>,
        now: Timestamp,
    ) -> Result<SettingsOutcome, ChangeError> {
        let user_id = principal.user_id;
        let application = &membership.application;
        let mut transaction = UserTransaction::new(self, principal, now);
        let member = transaction.require(self, (principal, application.id), Right::Change);
        let writes = &mut transaction.writes;
        let seen = (application.id, membership.revision);
        let meta = writes.update(settings_update(self, seen, settings, name));
        for id in self.keys_not_revoked(application.id).await? {
            writes.update(api_keys::settings_copy(self, id, settings));
        }
        for action in actions(application.telemetry, settings, name) {
            let by = Actor::User(user_id);
            audit::record(writes, self, &entry(application.id, by, action, now));
        }
        let outcome = transaction.commit(self).await?;
        if outcome.refused(member) || outcome.refused(meta) {
            return Ok(SettingsOutcome::Overtaken);
        }
        outcome.must_commit()?;
        Ok(SettingsOutcome::Changed)
    }

    /// Repairs the telemetry settings of an application and each of its keys, for an operator.
    /// `seen` is the application's id, revision and settings, as they were read. One transaction
    /// after a query.
    ///
    /// # Errors
    /// When storage fails.
    pub(crate) async fn repair_telemetry_settings(
        &self,
        seen: (ApplicationId, u64, TelemetrySettings),
        settings: TelemetrySettings,
        now: Timestamp,
    ) -> Result<SettingsOutcome, StorageError> {
        let (id, revision, before) = seen;
        let mut writes = Transaction::default();
        let meta = writes.update(settings_update(self, (id, revision), settings, None));
        for key in self.keys_not_revoked(id).await? {
            writes.update(api_keys::settings_copy(self, key, settings));
        }
        for action in actions(before, settings, None) {
            audit::record(&mut writes, self, &entry(id, Actor::Upblit, action, now));
        }
        let outcome = writes.commit(self).await?;
        if outcome.refused(meta) {
            return Ok(SettingsOutcome::Overtaken);
        }
        outcome.must_commit()?;
        Ok(SettingsOutcome::Changed)
    }

    async fn keys_not_revoked(
        &self,
        application_id: ApplicationId,
    ) -> Result<impl Iterator<Item = PublicKeyId>, StorageError> {
        let stored = self.api_keys(application_id).await?.into_iter();
        Ok(stored
            .filter(|stored| stored.key.state != KeyState::Revoked)
            .map(|stored| stored.key.id))
    }
}

/// Returns the update of the application, on the condition that its revision is the one that was
/// read.
fn settings_update(
    database: &Database,
    (id, revision): (ApplicationId, u64),
    settings: TelemetrySettings,
    name: Option<&Name>,
) -> UpdateBuilder {
    let mut expression = format!(
        "SET revision = revision + :one, {}",
        telemetry_settings::assignments(settings)
    );
    let mut update = Update::builder()
        .table_name(&database.tables.applications)
        .set_key(Some(key(id, keys::META)))
        .condition_expression("revision = :seen")
        .expression_attribute_values(":seen", number(revision))
        .expression_attribute_values(":one", number(1));
    if let Some(name) = name {
        expression.push_str(", #name = :name");
        update = update
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", string(name.as_str()));
    }
    for (name, value) in telemetry_settings::values(settings) {
        update = update.expression_attribute_values(name, value);
    }
    update.update_expression(expression)
}

fn actions(
    before: TelemetrySettings,
    after: TelemetrySettings,
    name: Option<&Name>,
) -> impl Iterator<Item = AuditAction> {
    let renamed = name.map(|_| AuditAction::ApplicationRenamed);
    let kept = (before.retention != after.retention).then_some(AuditAction::RetentionChanged);
    let raised = (before.shards != after.shards).then_some(AuditAction::ShardsRaised);
    let is_scrubbed_otherwise = before.is_scrubbed() != after.is_scrubbed();
    let scrubbed = is_scrubbed_otherwise.then_some(AuditAction::ScrubbingChanged);
    [renamed, kept, raised, scrubbed].into_iter().flatten()
}

fn entry(
    application_id: ApplicationId,
    by: Actor,
    action: AuditAction,
    at: Timestamp,
) -> AuditEntry {
    AuditEntry::of_application(application_id, by, action, at)
}

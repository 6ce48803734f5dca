//! Changing an application: its name, and the settings that its keys have a copy of.

use crate::error::unbuildable;
use aws_sdk_dynamodb::types::Update;
use jiff::Timestamp;

use super::{Membership, check_member, key};
use crate::attribute::{number, string};
use crate::transaction::Transaction;
use crate::{Database, StorageError, api_keys, audit, keys, telemetry_settings};
use upblit_base::ids::{ApplicationId, UserId};
use upblit_identity::api_key::KeyState;
use upblit_identity::application::{Name, TelemetrySettings};
use upblit_identity::audit::{Actor, AuditAction, AuditEntry};

impl Database {
    /// Gives an application another name. One transaction; `false` when this
    /// user has no such application.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn rename_application(
        &self,
        user_id: UserId,
        application_id: ApplicationId,
        name: &Name,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let rename = Update::builder()
            .table_name(&self.tables.applications)
            .set_key(Some(key(application_id, keys::META)))
            .update_expression("SET #name = :name")
            .condition_expression("attribute_exists(application_id)")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", string(name.as_str()));
        let entry = entry(
            application_id,
            user_id,
            AuditAction::ApplicationRenamed,
            now,
        );
        let outcome = Transaction::default()
            .check(check_member(self, application_id, user_id)?)
            .update(rename.build().map_err(unbuildable)?)
            .put(audit::put(self, &entry)?)
            .commit(self)
            .await?;
        Ok(!outcome.refused_at(0) && !outcome.refused_at(1))
    }

    /// Changes how an application's telemetry is kept, on the application and on
    /// each of its keys, and its name too if there is one. One transaction after
    /// a query; `false` when the application or its keys changed since the
    /// membership was read: try again.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn change_telemetry_settings(
        &self,
        user_id: UserId,
        membership: &Membership,
        settings: TelemetrySettings,
        name: Option<&Name>,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let application = &membership.application;
        let mut transaction = Transaction::default()
            .check(check_member(self, application.id, user_id)?)
            .update(settings_update(self, membership, settings, name)?);
        for stored in self.api_keys(application.id).await? {
            if stored.key.state != KeyState::Revoked {
                let copy = api_keys::settings_copy(self, stored.key.id, settings)?;
                transaction = transaction.update(copy);
            }
        }
        for action in actions(application.telemetry, settings, name) {
            let entry = entry(application.id, user_id, action, now);
            transaction = transaction.put(audit::put(self, &entry)?);
        }
        let outcome = transaction.commit(self).await?;
        if outcome.refused_at(0) || outcome.refused_at(1) {
            return Ok(false);
        }
        outcome.must_commit().map(|()| true)
    }
}

/// The write of the application itself, while its keys are those that were read.
fn settings_update(
    database: &Database,
    membership: &Membership,
    settings: TelemetrySettings,
    name: Option<&Name>,
) -> Result<Update, StorageError> {
    let mut expression = format!(
        "SET revision = revision + :one, {}",
        telemetry_settings::assignments(settings)
    );
    let mut update = Update::builder()
        .table_name(&database.tables.applications)
        .set_key(Some(key(membership.application.id, keys::META)))
        .condition_expression("revision = :seen")
        .expression_attribute_values(":seen", number(membership.revision))
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
    update
        .update_expression(expression)
        .build()
        .map_err(unbuildable)
}

fn actions(
    before: TelemetrySettings,
    after: TelemetrySettings,
    name: Option<&Name>,
) -> impl Iterator<Item = AuditAction> {
    let renamed = name.map(|_| AuditAction::ApplicationRenamed);
    let kept = (before.retention != after.retention).then_some(AuditAction::RetentionChanged);
    let raised = (before.shards != after.shards).then_some(AuditAction::ShardsRaised);
    [renamed, kept, raised].into_iter().flatten()
}

fn entry(
    application_id: ApplicationId,
    by: UserId,
    action: AuditAction,
    at: Timestamp,
) -> AuditEntry {
    AuditEntry::of_application(application_id, Actor::User(by), action, at)
}

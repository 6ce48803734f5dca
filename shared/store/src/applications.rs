//! The Applications table: `application_id`, `sk` → the application itself
//! (`meta`), its members (`member#…`) and its audit trail (`audit#…`).
//!
//! The application counts its keys, and its `revision` moves with every change
//! to them: so a key cannot slip in between reading the keys and deleting the
//! application, or changing the settings that each of them has a copy of.

use crate::error::{failed, unbuildable};
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, Update,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attribute::{self, Item, number, string};
use crate::telemetry_settings::{self, SettingsRow};
use crate::transaction::Transaction;
use crate::{Database, StorageError, api_keys, audit, keys, users};
use upblit_base::clock;
use upblit_base::ids::{ApplicationId, UserId};
use upblit_identity::api_key::{KeyState, MAX_KEYS_PER_APPLICATION};
use upblit_identity::application::{Application, Name, Role, TelemetrySettings};
use upblit_identity::audit::{Actor, AuditAction, AuditEntry};

mod change;

/// An application as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The application.
    pub application: Application,
    /// What the member may do.
    pub role: Role,
    revision: u64,
}

impl Database {
    /// Creates an application owned by its creator. One transaction; `false`
    /// when the user owns as many as one may, or is gone.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn create_application(
        &self,
        application: &Application,
    ) -> Result<bool, StorageError> {
        let meta = MetaRow {
            application_id: application.id,
            sk: keys::META.to_owned(),
            name: application.name.clone(),
            created_by: application.created_by,
            created_ms: application.created_at.as_millisecond(),
            keys: 0,
            revision: 0,
            telemetry: application.telemetry.into(),
        };
        let member = MemberRow {
            application_id: application.id,
            sk: keys::member(application.created_by),
            user_id: application.created_by,
            role: Role::Owner,
        };
        let entry = AuditEntry::of_application(
            application.id,
            Actor::User(application.created_by),
            AuditAction::ApplicationCreated,
            application.created_at,
        );
        let outcome = Transaction::default()
            .update(users::add_application(self, application.created_by)?)
            .put(self.put_new(attribute::to_item(meta)?)?)
            .put(self.put_new(attribute::to_item(member)?)?)
            .put(audit::put(self, &entry)?)
            .commit(self)
            .await?;
        if outcome.refused_at(0) {
            return Ok(false);
        }
        outcome.must_commit().map(|()| true)
    }

    /// An application, if this user is a member. One consistent read of two items.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn application_of(
        &self,
        user_id: UserId,
        application_id: ApplicationId,
    ) -> Result<Option<Membership>, StorageError> {
        let keys = [keys::META.to_owned(), keys::member(user_id)];
        let keys = keys.map(|sk| key(application_id, &sk)).to_vec();
        let items = self.get_all(&self.tables.applications, keys).await?;
        let (mut meta, mut role) = (None, None);
        for item in items {
            if item.contains_key(keys::USER_ID) {
                role = Some(attribute::from_item::<MemberRow>(item)?.role);
            } else {
                meta = Some(attribute::from_item::<MetaRow>(item)?);
            }
        }
        Ok(meta.zip(role).map(|(meta, role)| meta.seen_as(role)))
    }

    /// The applications a user is a member of, oldest first. A query of an
    /// index, which may lag by a moment, and a consistent read.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn applications_of(&self, user_id: UserId) -> Result<Vec<Membership>, StorageError> {
        let ids = self.application_ids_of(user_id).await?;
        let mut memberships = Vec::with_capacity(ids.len());
        let keys = ids.into_iter().map(|id| key(id, keys::META)).collect();
        for item in self.get_all(&self.tables.applications, keys).await? {
            let meta: MetaRow = attribute::from_item(item)?;
            memberships.push(meta.seen_as(Role::Owner));
        }
        memberships.sort_by_key(|m| (m.application.created_at, m.application.id));
        Ok(memberships)
    }

    /// Deletes an application and revokes its keys, in one transaction after two
    /// reads. `false` when a key was minted or revoked in between: try again.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn delete_application(
        &self,
        user_id: UserId,
        membership: &Membership,
        now: Timestamp,
    ) -> Result<bool, StorageError> {
        let application = &membership.application;
        let meta = Delete::builder()
            .table_name(&self.tables.applications)
            .set_key(Some(key(application.id, keys::META)))
            .condition_expression("revision = :seen")
            .expression_attribute_values(":seen", number(membership.revision));
        let member = Delete::builder()
            .table_name(&self.tables.applications)
            .set_key(Some(key(application.id, &keys::member(user_id))))
            .condition_expression("attribute_exists(application_id)");
        let (actor, action) = (Actor::User(user_id), AuditAction::ApplicationDeleted);
        let entry = AuditEntry::of_application(application.id, actor, action, now);
        let mut transaction = Transaction::default()
            .delete(meta.build().map_err(unbuildable)?)
            .delete(member.build().map_err(unbuildable)?)
            .update(users::remove_application(self, application.created_by)?)
            .put(audit::put(self, &entry)?);
        for record in self.api_keys(application.id).await? {
            if record.key.state != KeyState::Revoked {
                transaction = transaction.update(api_keys::revocation(self, record.key.id, now)?);
            }
        }
        let outcome = transaction.commit(self).await?;
        if outcome.refused_at(0) {
            return Ok(false);
        }
        outcome.must_commit().map(|()| true)
    }

    async fn application_ids_of(
        &self,
        user_id: UserId,
    ) -> Result<Vec<ApplicationId>, StorageError> {
        let items = self
            .client
            .query()
            .table_name(&self.tables.applications)
            .index_name(keys::APPLICATIONS_BY_USER)
            .key_condition_expression("user_id = :user")
            .expression_attribute_values(":user", string(user_id))
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(failed)?;
        #[derive(Deserialize)]
        struct IndexRow {
            application_id: ApplicationId,
        }
        let rows: Vec<IndexRow> = attribute::from_items(items)?;
        Ok(rows.into_iter().map(|row| row.application_id).collect())
    }

    fn put_new(&self, item: Item) -> Result<Put, StorageError> {
        let put = Put::builder()
            .table_name(&self.tables.applications)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(application_id)");
        put.build().map_err(unbuildable)
    }
}

/// A transaction's condition that the user is a member.
pub(super) fn check_member(
    database: &Database,
    application_id: ApplicationId,
    user_id: UserId,
) -> Result<ConditionCheck, StorageError> {
    let check = ConditionCheck::builder()
        .table_name(&database.tables.applications)
        .set_key(Some(key(application_id, &keys::member(user_id))))
        .condition_expression("attribute_exists(application_id)");
    check.build().map_err(unbuildable)
}

/// Why a key was not counted in.
pub(super) enum KeyNotAdded {
    /// The application is gone.
    Gone,
    /// It has as many keys as it may.
    Full,
    /// It has other settings than the key was to be written with.
    OtherSettings(TelemetrySettings),
}

/// Counts one more key, which is written with a copy of these settings. Refused
/// for a reason that [`KeyNotAdded`] reads from the item.
pub(super) fn add_key(
    database: &Database,
    application_id: ApplicationId,
    settings: TelemetrySettings,
) -> Result<Update, StorageError> {
    let condition = telemetry_settings::condition(settings);
    let mut update = count_keys(database, application_id, "+")
        .condition_expression(format!("#keys < :max AND {condition}"))
        .expression_attribute_values(":max", number(MAX_KEYS_PER_APPLICATION))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    for (name, value) in telemetry_settings::values(settings) {
        update = update.expression_attribute_values(name, value);
    }
    update.build().map_err(unbuildable)
}

impl KeyNotAdded {
    /// From the item that [`add_key`] was refused with.
    pub(super) fn read(item: &Item) -> Result<Self, StorageError> {
        if item.is_empty() {
            return Ok(Self::Gone);
        }
        let meta: MetaRow = attribute::from_item(item.clone())?;
        if meta.keys >= MAX_KEYS_PER_APPLICATION {
            Ok(Self::Full)
        } else {
            Ok(Self::OtherSettings(meta.telemetry.into()))
        }
    }
}

/// Counts one key less.
pub(super) fn remove_key(
    database: &Database,
    application_id: ApplicationId,
) -> Result<Update, StorageError> {
    let update = count_keys(database, application_id, "-")
        .condition_expression("#keys > :zero")
        .expression_attribute_values(":zero", number(0));
    update.build().map_err(unbuildable)
}

fn count_keys(database: &Database, application_id: ApplicationId, sign: &str) -> UpdateBuilder {
    Update::builder()
        .table_name(&database.tables.applications)
        .set_key(Some(key(application_id, keys::META)))
        .update_expression(format!(
            "SET #keys = #keys {sign} :one, revision = revision + :one"
        ))
        .expression_attribute_names("#keys", "keys")
        .expression_attribute_values(":one", number(1))
}

fn key(application_id: ApplicationId, sk: &str) -> Item {
    attribute::key([(keys::APPLICATION_ID, &application_id), (keys::SK, &sk)])
}

#[derive(Serialize, Deserialize)]
struct MetaRow {
    application_id: ApplicationId,
    sk: String,
    name: Name,
    created_by: UserId,
    created_ms: i64,
    keys: u32,
    revision: u64,
    #[serde(flatten)]
    telemetry: SettingsRow,
}

impl MetaRow {
    fn seen_as(self, role: Role) -> Membership {
        let application = Application {
            id: self.application_id,
            name: self.name,
            created_by: self.created_by,
            created_at: clock::from_millis(self.created_ms),
            telemetry: self.telemetry.into(),
        };
        Membership {
            application,
            role,
            revision: self.revision,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct MemberRow {
    application_id: ApplicationId,
    sk: String,
    user_id: UserId,
    role: Role,
}

//! The Applications table: `application_id`, `sk` → the application itself
//! (`meta`), its members (`member#…`), invites (`invite#…`) and audit log (`audit#…`).
//!
//! The application counts its keys and members, and its `revision` changes with each change to them.
//! This detects a key that is added between reading the keys and deleting the application,
//! or changing the settings that each key has a copy of.

pub(crate) mod key_count;

use std::collections::HashMap;

use crate::error::{corrupt, failed};
use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, PutBuilder};
use aws_sdk_dynamodb::types::{ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, Update};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attribute::{self, Item, string};
use crate::batch_get::MAX_ITEMS;
use crate::idempotency;
use crate::team::MemberRow;
use crate::telemetry_settings::SettingsRow;
use crate::user_transaction::UserTransaction;
use crate::{ChangeError, Database, StorageError, audit, keys, users};
use upblit_base::clock;
use upblit_base::ids::{ApplicationId, UserId};
use upblit_identity::access_token::Principal;
use upblit_identity::application::{Application, Name, TelemetrySettings};
use upblit_identity::audit::{Actor, AuditAction, AuditEntry};
use upblit_identity::idempotency::RepeatableCreation;
use upblit_identity::team::{Right, Role};

/// An application as one of its members sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Application the user is a member of.
    pub application: Application,
    /// Role of the member.
    pub role: Role,
    /// Changes with each change to the application's keys and settings.
    pub(crate) revision: u64,
}

/// Result of creating an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateOutcome {
    /// The application is stored.
    Created,
    /// The same request with the same idempotency key created this application before.
    CreatedBefore(ApplicationId),
    /// Another request has used the idempotency key.
    KeyReused,
    /// The user has created the maximum number of applications.
    LimitReached,
    /// The user no longer exists.
    UserGone,
}

/// Result of renaming an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenameOutcome {
    /// The new name is stored.
    Renamed,
    /// The user is not a member, or the application does not exist.
    NotAMember,
}

impl Database {
    /// Creates an application that the caller owns, unless the caller has created `most`, or the same
    /// request with the same idempotency key has done so before. One transaction.
    ///
    /// # Errors
    /// When the caller's session has ended, or storage fails.
    pub async fn create_application(
        &self,
        application: &Application,
        principal: Principal,
        creation: Option<&RepeatableCreation>,
        most: u32,
    ) -> Result<CreateOutcome, ChangeError> {
        let now = application.created_at;
        let member = MemberRow {
            application_id: application.id,
            sk: keys::member(application.created_by),
            user_id: application.created_by,
            role: Role::Owner,
            joined_ms: Some(now.as_millisecond()),
        };
        let entry = AuditEntry::of_application(
            application.id,
            Actor::User(application.created_by),
            AuditAction::ApplicationCreated,
            now,
        );
        let mut transaction = UserTransaction::new(self, principal, now);
        let writes = &mut transaction.writes;
        let user = writes.update(users::add_application(self, application.created_by, most));
        writes.put_row(self.put_new(), MetaRow::new(application));
        writes.put_row(self.put_new(), member);
        audit::record(writes, self, &entry);
        let record = creation.map(|creation| {
            let used = (principal.user_id, creation);
            let slot = idempotency::record(writes, self, used, application.id, None, now);
            (creation, slot)
        });
        let outcome = transaction.commit(self).await?;
        if let Some((creation, slot)) = record
            && outcome.refused(slot)
        {
            return Ok(created_before(outcome.item(slot), creation)?);
        }
        if outcome.refused(user) {
            return Ok(match outcome.item(user) {
                None => CreateOutcome::UserGone,
                Some(_) => CreateOutcome::LimitReached,
            });
        }
        outcome.must_commit()?;
        Ok(CreateOutcome::Created)
    }

    /// Reads an application if the user is a member. One consistent read of two items.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn application_of(
        &self,
        user_id: UserId,
        application_id: ApplicationId,
    ) -> Result<Option<Membership>, StorageError> {
        let keys = [keys::META.to_owned(), keys::member(user_id)];
        let keys = keys.map(|sk| key(application_id, &sk));
        let table = &self.tables.applications;
        let items = self.get_all(table, &keys, MAX_ITEMS).await?;
        let mut meta = None;
        let mut role = None;
        for item in items {
            if item.contains_key(keys::USER_ID) {
                role = Some(attribute::from_item::<MemberRow>(item)?.role);
            } else {
                meta = Some(attribute::from_item::<MetaRow>(item)?);
            }
        }
        Ok(meta.zip(role).map(|(meta, role)| meta.seen_as(role)))
    }

    /// Reads the applications that a user is a member of, oldest first. One query of an
    /// index, which is eventually consistent, and one consistent read of each 50 applications.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn applications_of(&self, user_id: UserId) -> Result<Vec<Membership>, StorageError> {
        let ids = self.application_ids_of(user_id).await?;
        let sk = keys::member(user_id);
        let both: Vec<Item> = ids
            .into_iter()
            .flat_map(|id| [key(id, keys::META), key(id, &sk)])
            .collect();
        let table = &self.tables.applications;
        let items = self.get_all(table, &both, MAX_ITEMS);
        let mut metas = Vec::new();
        let mut roles = HashMap::new();
        for item in items.await? {
            if item.contains_key(keys::USER_ID) {
                let member: MemberRow = attribute::from_item(item)?;
                roles.insert(member.application_id, member.role);
            } else {
                metas.push(attribute::from_item::<MetaRow>(item)?);
            }
        }
        // The index may still have an application that the user has just left.
        let mut memberships: Vec<Membership> = metas
            .into_iter()
            .filter_map(|meta| Some((roles.get(&meta.application_id)?, meta)))
            .map(|(role, meta)| meta.seen_as(*role))
            .collect();
        memberships.sort_by_key(|m| (m.application.created_at, m.application.id));
        Ok(memberships)
    }

    /// Renames an application. One transaction.
    ///
    /// # Errors
    /// When the caller's session has ended, or storage fails.
    pub async fn rename_application(
        &self,
        principal: Principal,
        application_id: ApplicationId,
        name: &Name,
        now: Timestamp,
    ) -> Result<RenameOutcome, ChangeError> {
        let rename = Update::builder()
            .table_name(&self.tables.applications)
            .set_key(Some(key(application_id, keys::META)))
            .update_expression("SET #name = :name")
            .condition_expression("attribute_exists(application_id)")
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", string(name.as_str()));
        let user_id = principal.user_id;
        let actor = Actor::User(user_id);
        let action = AuditAction::ApplicationRenamed;
        let entry = AuditEntry::of_application(application_id, actor, action, now);
        let mut transaction = UserTransaction::new(self, principal, now);
        let member = transaction.require(self, (principal, application_id), Right::Change);
        let writes = &mut transaction.writes;
        let application = writes.update(rename);
        audit::record(writes, self, &entry);
        let outcome = transaction.commit(self).await?;
        if outcome.refused(member) || outcome.refused(application) {
            return Ok(RenameOutcome::NotAMember);
        }
        outcome.must_commit()?;
        Ok(RenameOutcome::Renamed)
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

    fn put_new(&self) -> PutBuilder {
        Put::builder()
            .table_name(&self.tables.applications)
            .condition_expression("attribute_not_exists(application_id)")
    }
}

/// Returns the outcome of a creation whose idempotency key was used before.
fn created_before(
    item: Option<&Item>,
    creation: &RepeatableCreation,
) -> Result<CreateOutcome, StorageError> {
    Ok(match idempotency::created_before(item, creation)? {
        Some(id) => CreateOutcome::CreatedBefore(id.parse().map_err(corrupt)?),
        None => CreateOutcome::KeyReused,
    })
}

/// Returns the condition check that the user is a member whose role has a right, for a transaction.
/// A refusal has the item of the member, if there is one.
pub(crate) fn check_member(
    database: &Database,
    application_id: ApplicationId,
    user_id: UserId,
    right: Right,
) -> ConditionCheckBuilder {
    let roles = roles_with(right);
    let names: Vec<_> = roles.iter().map(|(name, _)| *name).collect();
    let check = ConditionCheck::builder()
        .table_name(&database.tables.applications)
        .set_key(Some(key(application_id, &keys::member(user_id))))
        .condition_expression(format!("#role IN ({})", names.join(", ")))
        .expression_attribute_names("#role", "role")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    roles.into_iter().fold(check, |check, (name, role)| {
        check.expression_attribute_values(name, string(role))
    })
}

/// Returns the roles that have a right: a placeholder and the stored name of each.
fn roles_with(right: Right) -> Vec<(&'static str, &'static str)> {
    let stored = |role: Role| match role {
        Role::Owner => (":owner", "owner"),
        Role::Member => (":member", "member"),
        Role::Viewer => (":viewer", "viewer"),
    };
    let may = Role::ALL.into_iter().filter(|role| role.may(right));
    may.map(stored).collect()
}

pub(crate) fn key(application_id: ApplicationId, sk: &str) -> Item {
    attribute::key([(keys::APPLICATION_ID, &application_id), (keys::SK, &sk)])
}

/// The application itself, as an item.
#[derive(Serialize, Deserialize)]
pub(crate) struct MetaRow {
    pub(crate) application_id: ApplicationId,
    sk: String,
    name: Name,
    pub(crate) created_by: UserId,
    pub(crate) created_ms: i64,
    /// Number of keys that are not revoked.
    pub(crate) keys: u32,
    /// Number of members. Absent if nobody has joined the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) members: Option<u32>,
    pub(crate) revision: u64,
    #[serde(flatten)]
    pub(crate) telemetry: SettingsRow,
}

impl MetaRow {
    /// Creates the row of a new application, without keys.
    fn new(application: &Application) -> Self {
        Self {
            application_id: application.id,
            sk: keys::META.to_owned(),
            name: application.name.clone(),
            created_by: application.created_by,
            created_ms: application.created_at.as_millisecond(),
            keys: 0,
            members: None,
            revision: 0,
            telemetry: application.telemetry.into(),
        }
    }

    /// Returns the number of partitions that the application's telemetry is spread over.
    pub(crate) fn shards(&self) -> u8 {
        TelemetrySettings::from(self.telemetry).shards.get()
    }

    pub(crate) fn seen_as(self, role: Role) -> Membership {
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

//! The ApiKeys table: `application_id`, `key_id` → hash and settings of a key.

use crate::error::{failed, unbuildable};
use std::time::Duration;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Update};
use jiff::Timestamp;

use crate::attribute::{self, Item, number, string};
use crate::conditional::written;
use crate::transaction::{Outcome, Transaction};
use crate::{
    Database, StorageError, applications, audit, keys, refresh_tokens, telemetry_settings,
};
use upblit_base::clock;
use upblit_base::ids::{ApplicationId, PublicKeyId};
use upblit_identity::access_token::Principal;
use upblit_identity::api_key::{ApiKey, KeyRecord, KeyState, SecretSlot};
use upblit_identity::application::{Name, TelemetrySettings};
use upblit_identity::audit::{Actor, AuditAction, AuditEntry};

mod leaked;
mod mint;
mod row;

pub use leaked::LeakOutcome;
pub use mint::MintOutcome;
use row::KeyRow;

/// How long a revoked key can still be told from an unknown one.
const REVOKED_RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How often a key's last use is written, at most.
pub const LAST_USED_PRECISION: Duration = Duration::from_secs(5 * 60);

/// A key, when it was last used, and how what it sends is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The key.
    pub key: KeyRecord,
    /// When the current secret was last used, within [`LAST_USED_PRECISION`].
    pub last_used_at: Option<Timestamp>,
    /// When the secret before the last rotation was last used.
    pub previous_last_used_at: Option<Timestamp>,
    /// The copy of its application's settings.
    pub telemetry: TelemetrySettings,
}

/// How a change to a key ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// Done.
    Changed,
    /// The caller's session has ended since the access token was issued.
    SessionOver,
    /// The caller is not a member of the application.
    NotAMember,
    /// There is no such key, or its state forbids the change.
    Refused,
}

/// A change to a key by its owner: what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// Another name.
    pub name: Option<Name>,
    /// Switched off (`Disabled`) or on (`Active`).
    pub state: Option<KeyState>,
}

impl StoredKey {
    /// When one of its secrets was last used.
    pub fn last_used_at(&self, secret: SecretSlot) -> Option<Timestamp> {
        match secret {
            SecretSlot::Current => self.last_used_at,
            SecretSlot::Previous => self.previous_last_used_at,
        }
    }

    /// Notes a use.
    pub fn note_use(&mut self, secret: SecretSlot, at: Timestamp) {
        match secret {
            SecretSlot::Current => self.last_used_at = Some(at),
            SecretSlot::Previous => self.previous_last_used_at = Some(at),
        }
    }
}

impl Database {
    /// A key. One consistent read.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn api_key(&self, id: PublicKeyId) -> Result<Option<StoredKey>, StorageError> {
        let request = self.client.get_item().table_name(&self.tables.api_keys);
        let item = request
            .set_key(Some(key(id)))
            .consistent_read(true)
            .send()
            .await
            .map_err(failed)?
            .item;
        Ok(item
            .map(attribute::from_item::<KeyRow>)
            .transpose()?
            .map(StoredKey::from))
    }

    /// An application's keys, oldest first. One consistent query.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn api_keys(
        &self,
        application_id: ApplicationId,
    ) -> Result<Vec<StoredKey>, StorageError> {
        let items = self
            .client
            .query()
            .table_name(&self.tables.api_keys)
            .key_condition_expression("application_id = :application")
            .expression_attribute_values(":application", string(application_id))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send()
            .try_collect()
            .await
            .map_err(failed)?;
        let rows: Vec<KeyRow> = attribute::from_items(items)?;
        let mut stored: Vec<StoredKey> = rows.into_iter().map(StoredKey::from).collect();
        stored.sort_by_key(|stored| (stored.key.created_at, stored.key.id.key_id));
        Ok(stored)
    }

    /// Renames a key, or switches it off or on, unless it is revoked. One transaction.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn change_key(
        &self,
        id: PublicKeyId,
        change: &KeyChange,
        principal: Principal,
        now: Timestamp,
    ) -> Result<ChangeOutcome, StorageError> {
        let member = applications::check_member(self, id.application_id, principal.user_id)?;
        let mut transaction = Transaction::default().check(member).update(
            apply(update(self, id), change)?
                .build()
                .map_err(unbuildable)?,
        );
        for action in actions(change) {
            transaction = transaction.put(audit::put(self, &entry(id, principal, action, now))?);
        }
        Ok(change_outcome(&transaction.commit(self).await?, 0, 1))
    }

    /// Gives a key a new secret; the old one stays valid for `overlap`. Refused
    /// while an earlier overlap runs. One transaction, which also checks the
    /// caller's session: a new secret is a new key.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn rotate_key(
        &self,
        new: &ApiKey,
        overlap: Duration,
        principal: Principal,
        now: Timestamp,
    ) -> Result<ChangeOutcome, StorageError> {
        let rotation = update(self, new.id())
            .update_expression(
                "SET previous_hash = #hash, previous_hint = hint, previous_until_ms = :until, \
                 previous_last_used_ms = if_not_exists(last_used_ms, :never), \
                 #hash = :hash, hint = :hint REMOVE last_used_ms",
            )
            .condition_expression(format!(
                "{NOT_REVOKED} AND \
                 (attribute_not_exists(previous_until_ms) OR previous_until_ms <= :now)"
            ))
            .expression_attribute_names("#hash", "hash")
            .expression_attribute_values(
                ":hash",
                AttributeValue::B(new.hash().as_bytes().to_vec().into()),
            )
            .expression_attribute_values(":hint", string(new.hint()))
            .expression_attribute_values(":never", number(0))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(
                ":until",
                number(clock::after(now, overlap).as_millisecond()),
            );
        let audited = entry(new.id(), principal, AuditAction::KeyRotated, now);
        let member = applications::check_member(self, new.id().application_id, principal.user_id)?;
        let outcome = Transaction::default()
            .check(member)
            .update(rotation.build().map_err(unbuildable)?)
            .check(refresh_tokens::check_live(self, principal, now)?)
            .put(audit::put(self, &audited)?)
            .commit(self)
            .await?;
        if outcome.refused_at(2) {
            return Ok(ChangeOutcome::SessionOver);
        }
        Ok(change_outcome(&outcome, 0, 1))
    }

    /// Ends a key for good. One transaction; refused when it has ended already.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn revoke_key(
        &self,
        id: PublicKeyId,
        principal: Principal,
        now: Timestamp,
    ) -> Result<ChangeOutcome, StorageError> {
        let member = applications::check_member(self, id.application_id, principal.user_id)?;
        let entry = entry(id, principal, AuditAction::KeyRevoked, now);
        let outcome = revoking(self, id, &entry)?
            .check(member)
            .commit(self)
            .await?;
        Ok(change_outcome(&outcome, 3, 0))
    }

    /// Notes that a secret of a key was used, unless someone just did. One write.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn touch_key(
        &self,
        id: PublicKeyId,
        secret: SecretSlot,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let last_used = match secret {
            SecretSlot::Current => "last_used_ms",
            SecretSlot::Previous => "previous_last_used_ms",
        };
        let fresh = clock::before(now, LAST_USED_PRECISION);
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.api_keys)
            .set_key(Some(key(id)))
            .update_expression("SET #used = :now")
            .expression_attribute_names("#used", last_used)
            .condition_expression(
                "attribute_exists(key_id) AND \
                 (attribute_not_exists(#used) OR #used <= :fresh)",
            )
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":fresh", number(fresh.as_millisecond()))
            .send()
            .await;
        written(result).map(|_| ())
    }
}

/// The three writes that end a key: its own is the first.
fn revoking(
    database: &Database,
    id: PublicKeyId,
    entry: &AuditEntry,
) -> Result<Transaction, StorageError> {
    Ok(Transaction::default()
        .update(revocation(database, id, entry.at)?)
        .update(applications::remove_key(database, id.application_id)?)
        .put(audit::put(database, entry)?))
}

/// The write that ends a key, for a transaction.
pub(super) fn revocation(
    database: &Database,
    id: PublicKeyId,
    now: Timestamp,
) -> Result<Update, StorageError> {
    let revocation = update(database, id)
        .update_expression("SET #state = :revoked, expires_at = :ttl")
        .condition_expression(NOT_REVOKED)
        .expression_attribute_values(
            ":ttl",
            number(clock::after(now, REVOKED_RETENTION).as_second()),
        );
    revocation.build().map_err(unbuildable)
}

/// The write that gives a key its application's settings, for a transaction.
pub(super) fn settings_copy(
    database: &Database,
    id: PublicKeyId,
    settings: TelemetrySettings,
) -> Result<Update, StorageError> {
    let assignments = telemetry_settings::assignments(settings);
    let mut copy = update(database, id)
        .update_expression(format!("SET {assignments}"))
        .condition_expression(NOT_REVOKED);
    for (name, value) in telemetry_settings::values(settings) {
        copy = copy.expression_attribute_values(name, value);
    }
    copy.build().map_err(unbuildable)
}

/// A key that exists and has not ended; `<>` alone is true where there is no item.
const NOT_REVOKED: &str = "attribute_exists(key_id) AND #state <> :revoked";

/// An update of a key under [`NOT_REVOKED`].
fn update(database: &Database, id: PublicKeyId) -> UpdateBuilder {
    Update::builder()
        .table_name(&database.tables.api_keys)
        .set_key(Some(key(id)))
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":revoked", string("revoked"))
}

fn apply(update: UpdateBuilder, change: &KeyChange) -> Result<UpdateBuilder, StorageError> {
    let mut assignments = Vec::new();
    let mut update = update.condition_expression(NOT_REVOKED);
    if let Some(name) = &change.name {
        assignments.push("#name = :name");
        update = update
            .expression_attribute_names("#name", "name")
            .expression_attribute_values(":name", string(name.as_str()));
    }
    if let Some(state) = change.state {
        assignments.push("#state = :state");
        let state = attribute::to_attribute_value(state)?;
        update = update.expression_attribute_values(":state", state);
    }
    Ok(update.update_expression(format!("SET {}", assignments.join(", "))))
}

fn actions(change: &KeyChange) -> impl Iterator<Item = AuditAction> {
    let renamed = change.name.as_ref().map(|_| AuditAction::KeyRenamed);
    let switched = change.state.map(|state| match state {
        KeyState::Active => AuditAction::KeyEnabled,
        KeyState::Disabled | KeyState::Revoked => AuditAction::KeyDisabled,
    });
    renamed.into_iter().chain(switched)
}

fn change_outcome(outcome: &Outcome, member: usize, change: usize) -> ChangeOutcome {
    if outcome.refused_at(member) {
        ChangeOutcome::NotAMember
    } else if outcome.refused_at(change) {
        ChangeOutcome::Refused
    } else {
        ChangeOutcome::Changed
    }
}

fn entry(key: PublicKeyId, by: Principal, action: AuditAction, at: Timestamp) -> AuditEntry {
    AuditEntry::of_key(key, Actor::User(by.user_id), action, at)
}

fn key(id: PublicKeyId) -> Item {
    attribute::key([
        (keys::APPLICATION_ID, &id.application_id),
        (keys::KEY_ID, &id.key_id),
    ])
}

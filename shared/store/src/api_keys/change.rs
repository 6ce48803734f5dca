//! Changes to a key by a member of its application: rename, enable, disable, rotate,
//! revoke.

use std::time::Duration;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, Update};
use jiff::Timestamp;

use super::{KeyRow, StoredKey, entry, key};
use crate::applications::key_count;
use crate::attribute::{self, Item, number, string};
use crate::transaction::{Slot, Transaction};
use crate::user_transaction::UserTransaction;
use crate::{ChangeError, Database, StorageError, audit, telemetry_settings};
use upblit_base::clock;
use upblit_base::ids::PublicKeyId;
use upblit_identity::access_token::Principal;
use upblit_identity::api_key::{ApiKey, KeyState};
use upblit_identity::application::{Name, TelemetrySettings};
use upblit_identity::audit::{AuditAction, AuditEntry};
use upblit_identity::team::Right;

/// How long a revoked key is kept, so that its use can be reported as such.
const REVOKED_RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Result of changing a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeOutcome {
    /// The change is stored.
    Changed,
    /// The caller is not a member of the application.
    NotAMember,
    /// The application has no such key.
    NotFound,
    /// The key is revoked, which is final.
    Revoked,
}

/// Result of rotating a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotateOutcome {
    /// The new secret is stored.
    Rotated,
    /// The caller is not a member of the application.
    NotAMember,
    /// The application has no such key.
    NotFound,
    /// The key is revoked, which is final.
    Revoked,
    /// The overlap of the last rotation has not ended.
    Overlapping,
}

/// Result of revoking a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevokeOutcome {
    /// The key is now revoked.
    Revoked,
    /// The caller is not a member of the application.
    NotAMember,
    /// The application has no such key.
    NotFound,
    /// The key was already revoked; nothing was written.
    AlreadyRevoked,
}

/// A change to a key. `None` leaves a field unchanged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyChange {
    /// New name of the key.
    pub name: Option<Name>,
    /// New state of the key: `Disabled` or `Active`, never `Revoked`.
    pub state: Option<KeyState>,
}

impl Database {
    /// Renames, enables or disables a key unless it is revoked. One transaction.
    ///
    /// # Errors
    /// When the caller's session has ended, or storage fails.
    pub async fn change_key(
        &self,
        id: PublicKeyId,
        change: &KeyChange,
        principal: Principal,
        now: Timestamp,
    ) -> Result<ChangeOutcome, ChangeError> {
        let mut transaction = UserTransaction::new(self, principal, now);
        let caller = (principal, id.application_id);
        let member = transaction.require(self, caller, Right::Change);
        let writes = &mut transaction.writes;
        let key = writes.update(apply(update(self, id), change)?);
        for action in actions(change) {
            audit::record(writes, self, &entry(id, principal, action, now));
        }
        let outcome = transaction.commit(self).await?;
        if outcome.refused(member) {
            return Ok(ChangeOutcome::NotAMember);
        }
        if outcome.refused(key) {
            return Ok(match kept(outcome.item(key), now)? {
                None => ChangeOutcome::NotFound,
                Some(_) => ChangeOutcome::Revoked,
            });
        }
        outcome.must_commit()?;
        Ok(ChangeOutcome::Changed)
    }

    /// Gives a key a new secret; the old one stays valid for `overlap`. Refused during the
    /// overlap of an earlier rotation. One transaction.
    ///
    /// # Errors
    /// When the caller's session has ended, or storage fails.
    pub async fn rotate_key(
        &self,
        new: &ApiKey,
        overlap: Duration,
        principal: Principal,
        now: Timestamp,
    ) -> Result<RotateOutcome, ChangeError> {
        let entry = entry(new.id(), principal, AuditAction::KeyRotated, now);
        let mut transaction = UserTransaction::new(self, principal, now);
        let caller = (principal, new.id().application_id);
        let member = transaction.require(self, caller, Right::Change);
        let writes = &mut transaction.writes;
        let key = writes.update(rotation(self, new, overlap, now));
        audit::record(writes, self, &entry);
        let outcome = transaction.commit(self).await?;
        if outcome.refused(member) {
            return Ok(RotateOutcome::NotAMember);
        }
        if outcome.refused(key) {
            return Ok(not_rotated(kept(outcome.item(key), now)?));
        }
        outcome.must_commit()?;
        Ok(RotateOutcome::Rotated)
    }

    /// Revokes a key permanently. One transaction, refused if the key is already revoked.
    ///
    /// # Errors
    /// When the caller's session has ended, or storage fails.
    pub async fn revoke_key(
        &self,
        id: PublicKeyId,
        principal: Principal,
        now: Timestamp,
    ) -> Result<RevokeOutcome, ChangeError> {
        let entry = entry(id, principal, AuditAction::KeyRevoked, now);
        let mut transaction = UserTransaction::new(self, principal, now);
        let caller = (principal, id.application_id);
        let member = transaction.require(self, caller, Right::Change);
        let key = revoke(&mut transaction.writes, self, id, &entry);
        let outcome = transaction.commit(self).await?;
        if outcome.refused(member) {
            return Ok(RevokeOutcome::NotAMember);
        }
        if outcome.refused(key) {
            return Ok(match kept(outcome.item(key), now)? {
                None => RevokeOutcome::NotFound,
                Some(_) => RevokeOutcome::AlreadyRevoked,
            });
        }
        outcome.must_commit()?;
        Ok(RevokeOutcome::Revoked)
    }
}

/// Adds the writes that revoke a key, and returns the slot of the key's update.
pub(super) fn revoke(
    transaction: &mut Transaction,
    database: &Database,
    id: PublicKeyId,
    entry: &AuditEntry,
) -> Slot {
    let key = transaction.update(revocation(database, id, entry.at));
    transaction.update(key_count::remove_key(database, id.application_id));
    audit::record(transaction, database, entry);
    key
}

/// Returns the update that revokes a key, for a transaction.
pub(crate) fn revocation(database: &Database, id: PublicKeyId, now: Timestamp) -> UpdateBuilder {
    update(database, id)
        .update_expression("SET #state = :revoked, expires_at = :ttl")
        .condition_expression(NOT_REVOKED)
        .expression_attribute_values(
            ":ttl",
            number(clock::after(now, REVOKED_RETENTION).as_second()),
        )
}

/// Returns the update that copies telemetry settings to a key, for a transaction.
pub(crate) fn settings_copy(
    database: &Database,
    id: PublicKeyId,
    settings: TelemetrySettings,
) -> UpdateBuilder {
    let assignments = telemetry_settings::assignments(settings);
    let copy = update(database, id)
        .update_expression(format!("SET {assignments}"))
        .condition_expression(NOT_REVOKED);
    telemetry_settings::values(settings)
        .into_iter()
        .fold(copy, |copy, (name, value)| {
            copy.expression_attribute_values(name, value)
        })
}

/// Returns the update that stores a key's new secret.
fn rotation(database: &Database, new: &ApiKey, overlap: Duration, now: Timestamp) -> UpdateBuilder {
    let until = clock::after(now, overlap).as_millisecond();
    let hash = AttributeValue::B(new.hash().as_bytes().to_vec().into());
    update(database, new.id())
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
        .expression_attribute_values(":hash", hash)
        .expression_attribute_values(":hint", string(new.hint()))
        .expression_attribute_values(":never", number(0))
        .expression_attribute_values(":now", number(now.as_millisecond()))
        .expression_attribute_values(":until", number(until))
}

/// Reads a key from the item that failed a condition. Returns `None` if there is no item, or the
/// key was revoked too long ago.
fn kept(item: Option<&Item>, now: Timestamp) -> Result<Option<StoredKey>, StorageError> {
    let row = item.cloned().map(attribute::from_item::<KeyRow>);
    let stored = row.transpose()?.map(StoredKey::from);
    Ok(stored.filter(|stored| stored.is_kept(now)))
}

/// Returns why a rotation was refused, from the key that failed the condition.
fn not_rotated(stored: Option<StoredKey>) -> RotateOutcome {
    match stored.map(|stored| stored.key.state) {
        None => RotateOutcome::NotFound,
        Some(KeyState::Revoked) => RotateOutcome::Revoked,
        Some(KeyState::Active | KeyState::Disabled) => RotateOutcome::Overlapping,
    }
}

/// Condition that the key exists and is not revoked; `<>` alone is true without an item.
const NOT_REVOKED: &str = "attribute_exists(key_id) AND #state <> :revoked";

/// Begins an update of a key that returns the item if it is refused, with the values that
/// [`NOT_REVOKED`] needs.
fn update(database: &Database, id: PublicKeyId) -> UpdateBuilder {
    Update::builder()
        .table_name(&database.tables.api_keys)
        .set_key(Some(key(id)))
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":revoked", string("revoked"))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
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

//! The ApiKeys table: `application_id`, `key_id` → hash and settings of a key.

use crate::error::failed;
use std::time::Duration;

use jiff::Timestamp;

use crate::attribute::{self, Item, number, string};
use crate::conditional::{Written, written};
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::{ApplicationId, PublicKeyId, UserId};
use upblit_identity::access_token::Principal;
use upblit_identity::api_key::{KeyHash, KeyRecord, SecretSlot};
use upblit_identity::application::TelemetrySettings;
use upblit_identity::audit::{Actor, AuditAction, AuditEntry};

mod change;
mod leaked;
mod mint;
mod row;

pub use change::{ChangeOutcome, KeyChange, RevokeOutcome, RotateOutcome};
pub(crate) use change::{revocation, settings_copy};
pub use leaked::LeakOutcome;
pub use mint::MintOutcome;
pub(crate) use row::KeyRow;

/// Minimum time between two writes of the last use of a secret.
pub const LAST_USED_PRECISION: Duration = Duration::from_secs(5 * 60);

/// A key with the times of its last use and the telemetry settings of its application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Record of the key, without the times of its use.
    pub key: KeyRecord,
    /// When the current secret was last used, within [`LAST_USED_PRECISION`].
    pub last_used_at: Option<Timestamp>,
    /// When the secret before the last rotation was last used.
    pub previous_last_used_at: Option<Timestamp>,
    /// The copy of its application's settings.
    pub telemetry: TelemetrySettings,
    /// Who created its application, and is charged for its telemetry.
    pub application_by: UserId,
    /// When the key was or will be forgotten, if it is revoked. DynamoDB may delete it days later.
    pub kept_until: Option<Timestamp>,
}

/// Result of recording that a key was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TouchOutcome {
    /// The time of the use was stored.
    Recorded,
    /// A use within [`LAST_USED_PRECISION`] was already stored, or the key no longer exists.
    NotNeeded,
}

impl StoredKey {
    /// Returns whether the key still exists for its users: a revoked key is forgotten after 30 days.
    pub fn is_kept(&self, now: Timestamp) -> bool {
        self.kept_until.is_none_or(|until| now < until)
    }

    /// Returns whether the key still exists for its users, and this is one of its valid secrets.
    pub fn has_secret(&self, presented: &KeyHash, now: Timestamp) -> bool {
        self.is_kept(now) && self.key.has_secret(presented, now)
    }

    /// Returns when one of its secrets was last used.
    pub fn last_used_at(&self, secret: SecretSlot) -> Option<Timestamp> {
        match secret {
            SecretSlot::Current => self.last_used_at,
            SecretSlot::Previous => self.previous_last_used_at,
        }
    }

    /// Sets the time at which one of the secrets was last used.
    pub fn record_use(&mut self, secret: SecretSlot, at: Timestamp) {
        match secret {
            SecretSlot::Current => self.last_used_at = Some(at),
            SecretSlot::Previous => self.previous_last_used_at = Some(at),
        }
    }
}

impl Database {
    /// Reads a key, even if it is no longer [kept](StoredKey::is_kept). One consistent read.
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

    /// Reads an application's keys, oldest first, including those that are no longer
    /// [kept](StoredKey::is_kept). One consistent query.
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

    /// Records that a secret of a key was used, unless a use within [`LAST_USED_PRECISION`] is
    /// stored. One conditional write.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn touch_key(
        &self,
        id: PublicKeyId,
        secret: SecretSlot,
        now: Timestamp,
    ) -> Result<TouchOutcome, StorageError> {
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
        Ok(match written(result)? {
            Written::Applied(_) => TouchOutcome::Recorded,
            Written::Refused(_) => TouchOutcome::NotNeeded,
        })
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

//! A key as an item of the table.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_bytes::ByteArray;

use super::StoredKey;
use crate::telemetry_settings::SettingsRow;
use upblit_base::clock;
use upblit_base::ids::{ApplicationId, KeyId, PublicKeyId, UserId};
use upblit_identity::api_key::{KeyHash, KeyRecord, KeyState, PreviousSecret, Scope};
use upblit_identity::application::{Name, TelemetrySettings};

/// A key, as an item.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeyRow {
    application_id: ApplicationId,
    key_id: KeyId,
    name: Name,
    hint: String,
    hash: ByteArray<32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_hash: Option<ByteArray<32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_hint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_until_ms: Option<i64>,
    #[serde(deserialize_with = "known_scopes")]
    scopes: Vec<Scope>,
    state: KeyState,
    created_by: UserId,
    /// Who created the application. Absent if that is who created the key, and from keys of releases
    /// that did not store it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    application_by: Option<UserId>,
    created_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_expires_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_used_ms: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous_last_used_ms: Option<i64>,
    /// When DynamoDB may delete the key (TTL), in seconds. Set when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    #[serde(flatten)]
    telemetry: SettingsRow,
}

impl KeyRow {
    /// Creates the row of a new key, for an application with these settings and this creator.
    pub(super) fn new(record: &KeyRecord, telemetry: TelemetrySettings, creator: UserId) -> Self {
        let previous = record.previous.as_ref();
        Self {
            application_id: record.id.application_id,
            key_id: record.id.key_id,
            name: record.name.clone(),
            hint: record.hint.clone(),
            hash: ByteArray::new(*record.hash.as_bytes()),
            previous_hash: previous.map(|previous| ByteArray::new(*previous.hash.as_bytes())),
            previous_hint: previous.map(|previous| previous.hint.clone()),
            previous_until_ms: previous.map(|previous| previous.valid_until.as_millisecond()),
            scopes: record.scopes.clone(),
            state: record.state,
            created_by: record.created_by,
            application_by: Some(creator).filter(|creator| *creator != record.created_by),
            created_ms: record.created_at.as_millisecond(),
            key_expires_ms: record.expires_at.map(Timestamp::as_millisecond),
            last_used_ms: None,
            previous_last_used_ms: None,
            expires_at: None,
            telemetry: telemetry.into(),
        }
    }
}

/// Reads the scopes of a row. Skips those that a newer release has added: this release ignores them,
/// and the key keeps its other scopes.
fn known_scopes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Scope>, D::Error> {
    let stored = Vec::<String>::deserialize(deserializer)?;
    let known = |name: &String| Scope::ALL.into_iter().find(|scope| scope.as_str() == name);
    Ok(stored.iter().filter_map(known).collect())
}

impl From<KeyRow> for StoredKey {
    fn from(row: KeyRow) -> Self {
        // Never used is written as 0: a rotation copies in one expression.
        let previous_last_used = row
            .previous_last_used_ms
            .filter(|millis| *millis > 0)
            .map(clock::from_millis);
        let previous = row
            .previous_hash
            .zip(row.previous_hint)
            .zip(row.previous_until_ms);
        let key = KeyRecord {
            id: PublicKeyId {
                application_id: row.application_id,
                key_id: row.key_id,
            },
            name: row.name,
            hint: row.hint,
            hash: KeyHash::from_bytes(row.hash.into_array()),
            previous: previous.map(|((hash, hint), until)| PreviousSecret {
                hash: KeyHash::from_bytes(hash.into_array()),
                hint,
                valid_until: clock::from_millis(until),
            }),
            scopes: row.scopes,
            state: row.state,
            created_by: row.created_by,
            created_at: clock::from_millis(row.created_ms),
            expires_at: row.key_expires_ms.map(clock::from_millis),
        };
        Self {
            application_by: row.application_by.unwrap_or(key.created_by),
            key,
            last_used_at: row.last_used_ms.map(clock::from_millis),
            previous_last_used_at: previous_last_used,
            kept_until: row
                .expires_at
                .map(|seconds| clock::from_millis(seconds.saturating_mul(1000))),
            telemetry: row.telemetry.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, SeqDeserializer};

    use super::*;

    #[test]
    fn a_scope_of_a_newer_release_allows_nothing_and_leaves_the_others() {
        for (stored, read) in [
            (
                vec!["ingest:logs", "telemetry:delete"],
                vec![Scope::IngestLogs],
            ),
            (vec!["telemetry:delete"], vec![]),
            (Scope::ALL.map(Scope::as_str).to_vec(), Scope::ALL.to_vec()),
        ] {
            let stored: SeqDeserializer<_, Error> = stored.into_deserializer();
            assert_eq!(known_scopes(stored).unwrap(), read);
        }
    }
}

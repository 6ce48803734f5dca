//! API keys: `upblit_live_` or `upblit_test_` + 57 base62 characters:
//! application id 11 ‖ key id 8 ‖ secret 32 ‖ CRC-32 6 (GitHub's token format).
//!
//! The checksum rejects mistyped and random keys without a database call. The key contains
//! its id, so verification is one read. Only a SHA-256 hash of the whole key is stored: a slow
//! hash adds no protection to 190 random bits.

use std::time::Duration;

use aws_lc_rs::constant_time;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::application::Name;
use upblit_base::ids::{Environment, PublicKeyId, UserId};
use upblit_base::random::{self, CryptoRng};
use utoipa::ToSchema;

/// Prefix of the keys of production applications.
pub(crate) const LIVE_PREFIX: &str = "upblit_live_";

/// Prefix of the keys of all other applications.
pub(crate) const TEST_PREFIX: &str = "upblit_test_";

/// Returns whether a text begins as an API key does.
pub fn has_key_prefix(text: &str) -> bool {
    [LIVE_PREFIX, TEST_PREFIX]
        .iter()
        .any(|prefix| text.starts_with(prefix))
}

/// Maximum number of keys per application, without revoked keys.
pub const MAX_KEYS_PER_APPLICATION: u32 = 20;

/// Maximum overlap: the time that the old secret of a rotated key stays valid (30 days).
pub const MAX_OVERLAP: Duration = Duration::from_secs(2_592_000);

/// Maximum time that an instance caches a key. A revoked key is rejected within this time.
/// `KEY_CACHE_TTL` can make it shorter.
pub const MAX_KEY_CACHE_TTL: Duration = Duration::from_secs(10);

const SECRET_CHARS: usize = 32;
const CHECKSUM_CHARS: usize = 6;
const BODY_CHARS: usize = PublicKeyId::LENGTH + SECRET_CHARS;

/// A well-formed key: a known prefix, an id and a matching checksum. Only its [`KeyRecord`]
/// can determine whether the key is valid.
pub struct ApiKey {
    id: PublicKeyId,
    text: SecretString,
}

impl ApiKey {
    /// Length of every key, in bytes.
    pub const LENGTH: usize = LIVE_PREFIX.len() + BODY_CHARS + CHECKSUM_CHARS;

    /// Generates a new secret for a key id.
    pub fn generate(id: PublicKeyId, rng: &mut impl CryptoRng) -> Self {
        let prefix = prefix_of(id.application_id.environment());
        let mut text = format!("{prefix}{id}{}", random::base62(rng, SECRET_CHARS));
        text.push_str(&checksum_of(&text));
        Self {
            id,
            text: SecretString::from(text),
        }
    }

    /// Parses a key. Returns `None` if the format or the checksum is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text
            .strip_prefix(LIVE_PREFIX)
            .or_else(|| text.strip_prefix(TEST_PREFIX))?;
        if rest.len() != BODY_CHARS + CHECKSUM_CHARS
            || !rest.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            return None;
        }
        let (unsigned, checksum) = text.split_at(text.len() - CHECKSUM_CHARS);
        let id: PublicKeyId = rest[..PublicKeyId::LENGTH].parse().ok()?;
        let right_prefix = text.starts_with(prefix_of(id.application_id.environment()));
        (right_prefix && checksum_of(unsigned) == checksum).then(|| Self {
            id,
            text: SecretString::from(text),
        })
    }

    /// Returns the public id, which determines the key's record.
    pub fn id(&self) -> PublicKeyId {
        self.id
    }

    /// Returns the hash of the key, the only form that is stored or compared.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.text.expose_secret().as_bytes()).into())
    }

    /// Returns the part of the key that may be displayed: the prefix and the last four
    /// characters.
    pub fn hint(&self) -> String {
        let text = self.text.expose_secret();
        let prefix = prefix_of(self.id.application_id.environment());
        format!("{prefix}…{}", &text[text.len() - 4..])
    }

    /// Returns the text of the key, for the only response that contains it.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

fn prefix_of(environment: Environment) -> &'static str {
    match environment {
        Environment::Production => LIVE_PREFIX,
        Environment::Staging | Environment::Development | Environment::Test => TEST_PREFIX,
    }
}

/// Returns the CRC-32 (IEEE) of `text` in base62, padded to six characters.
fn checksum_of(text: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = crc32fast::hash(text.as_bytes()) as usize;
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[rest % DIGITS.len()];
        rest /= DIGITS.len();
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// SHA-256 hash of a whole key. `Debug` does not print it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Creates a hash from stored bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes to store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn matches(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl std::fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

/// Permission of an API key.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[schema(as = KeyScope)]
pub enum Scope {
    /// May send spans to `POST /ingest/traces`.
    #[serde(rename = "ingest:traces")]
    IngestTraces,
    /// May send log records to `POST /ingest/logs`.
    #[serde(rename = "ingest:logs")]
    IngestLogs,
    /// May read the telemetry of its application with `GET /telemetry/…`. A key has it only if its
    /// creation lists it.
    #[serde(rename = "telemetry:read")]
    TelemetryRead,
}

impl Scope {
    /// The scopes that a key has unless its creation lists some.
    pub const DEFAULT: [Self; 2] = [Self::IngestTraces, Self::IngestLogs];

    /// Every scope.
    pub const ALL: [Self; 3] = [Self::IngestTraces, Self::IngestLogs, Self::TelemetryRead];

    /// Returns the name of the scope in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IngestTraces => "ingest:traces",
            Self::IngestLogs => "ingest:logs",
            Self::TelemetryRead => "telemetry:read",
        }
    }
}

/// Stored state of a key. [`KeyRecord::status`] also considers expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// The key is accepted until it expires.
    Active,
    /// The key is rejected until it is enabled again.
    Disabled,
    /// The key is rejected permanently.
    Revoked,
}

/// Stored record of a key. Contains the hash of the key, not the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Public id of the key.
    pub id: PublicKeyId,
    /// Display name, chosen by the user.
    pub name: Name,
    /// Displayable part of the key: prefix and last four characters.
    pub hint: String,
    /// Hash of the key with the current secret.
    pub hash: KeyHash,
    /// Secret before the last rotation, which is valid until its overlap ends.
    pub previous: Option<PreviousSecret>,
    /// Permissions of the key.
    pub scopes: Vec<Scope>,
    /// State set by a member of the application, or by a leak report.
    pub state: KeyState,
    /// User who created the key.
    pub created_by: UserId,
    /// Time when the key was created.
    pub created_at: Timestamp,
    /// Time from which the key is rejected, if it has an expiry.
    pub expires_at: Option<Timestamp>,
}

/// The secret that a rotation replaced, which is valid until the overlap ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousSecret {
    /// Hash of the key with the old secret.
    pub hash: KeyHash,
    /// Displayable part of the key with the old secret.
    pub hint: String,
    /// Time from which the old secret is rejected.
    pub valid_until: Timestamp,
}

/// One of the two secrets that a key can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretSlot {
    /// The secret of the last rotation, or the first secret.
    Current,
    /// The secret before the last rotation.
    Previous,
}

/// Status of a key at a moment, as displayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// The key is accepted.
    Active,
    /// Disabled by a member. Can be enabled again.
    Disabled,
    /// Revoked by a member, after a leak, or with its application. Cannot be enabled again.
    Revoked,
    /// The expiry has passed.
    Expired,
}

/// Reason why a key is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyRefusal {
    /// Unknown, mistyped or guessed key.
    #[error("the API key is not valid")]
    Invalid,
    /// Correct secret of a revoked key.
    #[error("the API key was revoked")]
    Revoked,
    /// Correct secret of a disabled key.
    #[error("the API key is disabled")]
    Disabled,
    /// Correct secret of an expired key.
    #[error("the API key has expired")]
    Expired,
    /// Valid key without the required scope.
    #[error("the API key lacks the scope {}", .0.as_str())]
    MissingScope(Scope),
    /// Valid key that was used for another application than its own.
    #[error("the API key is of another application")]
    OtherApplication,
}

impl KeyRecord {
    /// Returns the status of the key at `now`.
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        match self.state {
            KeyState::Revoked => KeyStatus::Revoked,
            _ if self.expires_at.is_some_and(|at| at <= now) => KeyStatus::Expired,
            KeyState::Disabled => KeyStatus::Disabled,
            KeyState::Active => KeyStatus::Active,
        }
    }

    /// Returns whether the old secret of a rotation is still valid.
    pub fn overlaps(&self, now: Timestamp) -> bool {
        self.previous
            .as_ref()
            .is_some_and(|previous| previous.valid_until > now)
    }

    /// Returns which of the key's valid secrets was presented, or `None` if none of them.
    /// Compares in constant time.
    pub fn secret(&self, presented: &KeyHash, now: Timestamp) -> Option<SecretSlot> {
        let old = self.previous.as_ref().filter(|old| old.valid_until > now);
        // Both comparisons always run, so that timing does not show which one failed.
        let is_current = self.hash.matches(presented);
        let is_old = old.is_some_and(|old| old.hash.matches(presented));
        let previous = is_old.then_some(SecretSlot::Previous);
        is_current.then_some(SecretSlot::Current).or(previous)
    }

    /// Returns whether the presented secret is one of the key's valid secrets.
    pub fn has_secret(&self, presented: &KeyHash, now: Timestamp) -> bool {
        self.secret(presented, now).is_some()
    }

    /// Checks a presented secret, the status of the key, and whether it has `scope`.
    ///
    /// # Errors
    /// [`KeyRefusal::Invalid`] if the secret is wrong. The other refusals are returned only
    /// for a correct secret, so they disclose nothing to others.
    pub fn authorize(
        &self,
        presented: &KeyHash,
        scope: Scope,
        now: Timestamp,
    ) -> Result<(), KeyRefusal> {
        if !self.has_secret(presented, now) {
            return Err(KeyRefusal::Invalid);
        }
        match self.status(now) {
            KeyStatus::Revoked => Err(KeyRefusal::Revoked),
            KeyStatus::Expired => Err(KeyRefusal::Expired),
            KeyStatus::Disabled => Err(KeyRefusal::Disabled),
            KeyStatus::Active if !self.scopes.contains(&scope) => {
                Err(KeyRefusal::MissingScope(scope))
            }
            KeyStatus::Active => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;

//! API keys: `upblit_live_` or `upblit_test_` + 57 base62 characters:
//! application id 11 ‖ key id 8 ‖ secret 32 ‖ CRC-32 6 (GitHub's token format).
//!
//! The checksum turns a typo, or noise, away with no database call. The key
//! names its own item, so verifying is one read. Only a SHA-256 of the whole
//! key is stored: a slow hash adds nothing to 190 random bits.

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

/// What keys of production applications start with.
pub const LIVE_PREFIX: &str = "upblit_live_";

/// What keys of all other applications start with.
pub const TEST_PREFIX: &str = "upblit_test_";

/// Most keys one application may have that are not revoked.
pub const MAX_KEYS_PER_APPLICATION: u32 = 20;

/// Longest time an old secret may stay valid beside the new one.
pub const MAX_OVERLAP: Duration = Duration::from_secs(2_592_000);

/// The longest that ingest believes a key it has read: a revoked key is refused
/// within this time (`KEY_CACHE_TTL` makes it shorter).
pub const MAX_KEY_CACHE_TTL: Duration = Duration::from_secs(10);

const SECRET_CHARS: usize = 32;
const CHECKSUM_CHARS: usize = 6;
const BODY_CHARS: usize = PublicKeyId::LENGTH + SECRET_CHARS;

/// A well-formed key: a known prefix, an id and a matching checksum. Whether it
/// is *valid* only its [`KeyRecord`] tells.
pub struct ApiKey {
    id: PublicKeyId,
    text: SecretString,
}

impl ApiKey {
    /// A new secret for this key id.
    pub fn generate(id: PublicKeyId, rng: &mut impl CryptoRng) -> Self {
        let prefix = prefix_of(id.application_id.environment());
        let mut text = format!("{prefix}{id}{}", random::base62(rng, SECRET_CHARS));
        text.push_str(&checksum_of(&text));
        Self {
            id,
            text: SecretString::from(text),
        }
    }

    /// Reads a key. `None` when the form or the checksum is wrong.
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

    /// The public id, which names the key's record.
    pub fn id(&self) -> PublicKeyId {
        self.id
    }

    /// The only form in which a key is stored or compared.
    pub fn hash(&self) -> KeyHash {
        KeyHash(Sha256::digest(self.text.expose_secret().as_bytes()).into())
    }

    /// What a list may show to recognise the key by: prefix and last four characters.
    pub fn hint(&self) -> String {
        let text = self.text.expose_secret();
        let prefix = prefix_of(self.id.application_id.environment());
        format!("{prefix}…{}", &text[text.len() - 4..])
    }

    /// The key itself, for the one answer that shows it.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

fn prefix_of(environment: Environment) -> &'static str {
    match environment {
        Environment::Production => LIVE_PREFIX,
        Environment::Test => TEST_PREFIX,
    }
}

/// CRC-32 (IEEE) of everything before it, in base62, padded to six characters.
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

/// SHA-256 of a whole key. Its `Debug` is silent: a dump of hashes helps nobody, but shows nothing either.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// A hash read from the table.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
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

/// What a key may be used for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[schema(as = KeyScope)]
pub enum Scope {
    /// `POST /ingest/traces`
    #[serde(rename = "ingest:traces")]
    IngestTraces,
    /// `POST /ingest/logs`
    #[serde(rename = "ingest:logs")]
    IngestLogs,
}

impl Scope {
    /// Every scope; what a key gets that names none.
    pub const ALL: [Self; 2] = [Self::IngestTraces, Self::IngestLogs];

    /// The scope's name in the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IngestTraces => "ingest:traces",
            Self::IngestLogs => "ingest:logs",
        }
    }
}

/// What the owner has decided about a key. Expiry is apart: see [`KeyRecord::status`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// In use.
    Active,
    /// Switched off; can be switched on again.
    Disabled,
    /// Ended for good.
    Revoked,
}

/// A key as stored: everything but the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Public id.
    pub id: PublicKeyId,
    /// Chosen by the user.
    pub name: Name,
    /// What to recognise the key by.
    pub hint: String,
    /// Hash of the current secret.
    pub hash: KeyHash,
    /// The secret before the last rotation, while it is still accepted.
    pub previous: Option<PreviousSecret>,
    /// What the key may be used for.
    pub scopes: Vec<Scope>,
    /// What the owner decided.
    pub state: KeyState,
    /// Who minted it.
    pub created_by: UserId,
    /// When it was minted.
    pub created_at: Timestamp,
    /// When it stops being accepted, if ever.
    pub expires_at: Option<Timestamp>,
}

/// A secret that a rotation replaced and that is accepted until the overlap ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousSecret {
    /// Hash of the old secret.
    pub hash: KeyHash,
    /// What to recognise it by.
    pub hint: String,
    /// When it stops being accepted.
    pub valid_until: Timestamp,
}

/// Which of a key's two secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretSlot {
    /// The newest.
    Current,
    /// The one before the last rotation.
    Previous,
}

/// What a list shows of a key's condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// Accepted.
    Active,
    /// Switched off by its owner.
    Disabled,
    /// Ended by its owner.
    Revoked,
    /// Past its expiry.
    Expired,
}

/// Why a key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyRefusal {
    /// No such key. Unknown, mistyped and guessed keys all get this.
    #[error("the API key is not valid")]
    Invalid,
    /// The right secret of a key that was revoked.
    #[error("the API key was revoked")]
    Revoked,
    /// The right secret of a key that is switched off.
    #[error("the API key is disabled")]
    Disabled,
    /// The right secret of a key that has expired.
    #[error("the API key has expired")]
    Expired,
    /// A good key that may not do this.
    #[error("the API key lacks the scope {}", .0.as_str())]
    MissingScope(Scope),
}

impl KeyRecord {
    /// The key's condition at this moment.
    pub fn status(&self, now: Timestamp) -> KeyStatus {
        match self.state {
            KeyState::Revoked => KeyStatus::Revoked,
            _ if self.expires_at.is_some_and(|at| at <= now) => KeyStatus::Expired,
            KeyState::Disabled => KeyStatus::Disabled,
            KeyState::Active => KeyStatus::Active,
        }
    }

    /// Whether a rotation's overlap is still running.
    pub fn overlaps(&self, now: Timestamp) -> bool {
        self.previous
            .as_ref()
            .is_some_and(|previous| previous.valid_until > now)
    }

    /// Which of the key's secrets this is: the current one, or the one before
    /// while the overlap runs.
    pub fn secret(&self, presented: &KeyHash, now: Timestamp) -> Option<SecretSlot> {
        let old = self.previous.as_ref().filter(|old| old.valid_until > now);
        // Both comparisons always run: timing must not tell which one failed.
        let is_current = self.hash.matches(presented);
        let is_old = old.is_some_and(|old| old.hash.matches(presented));
        match (is_current, is_old) {
            (true, _) => Some(SecretSlot::Current),
            (false, true) => Some(SecretSlot::Previous),
            (false, false) => None,
        }
    }

    /// Whether it is one of the key's secrets.
    pub fn has_secret(&self, presented: &KeyHash, now: Timestamp) -> bool {
        self.secret(presented, now).is_some()
    }

    /// Checks a presented secret and its right to do `scope`.
    ///
    /// # Errors
    /// [`KeyRefusal::Invalid`] without the right secret; the other refusals are
    /// told only to someone who holds it.
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

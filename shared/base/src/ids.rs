//! Identifiers. Each parses only its own exact form, so that an id which
//! exists in the program can be used in a key without another check.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::random::{self, CryptoRng};

/// The text is not an id of this kind.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not an id of this kind")]
pub struct InvalidId;

/// What an application is for. Written into its id, so that a key's prefix
/// (`upblit_live_`, `upblit_test_`) is known without reading the application.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Keys start `upblit_live_`.
    #[default]
    Production,
    /// Staging, development, CI. Keys start `upblit_test_`.
    Test,
}

impl Environment {
    fn marker(self) -> u8 {
        match self {
            Self::Production => b'L',
            Self::Test => b'T',
        }
    }

    fn from_marker(marker: u8) -> Option<Self> {
        [Self::Production, Self::Test]
            .into_iter()
            .find(|e| e.marker() == marker)
    }
}

/// An application: 11 base62 characters, the first telling its [`Environment`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, pattern = "^[LT][A-Za-z0-9]{10}$", example = "L6H9O5sHpHY")]
pub struct ApplicationId([u8; Self::LENGTH]);

impl ApplicationId {
    /// Characters of an application id.
    pub const LENGTH: usize = 11;

    /// A new random id for an application of this environment.
    pub fn generate(environment: Environment, rng: &mut impl CryptoRng) -> Self {
        let mut id = [environment.marker(); Self::LENGTH];
        id[1..].copy_from_slice(random::base62(rng, Self::LENGTH - 1).as_bytes());
        Self(id)
    }

    /// The environment the application was created for.
    pub fn environment(&self) -> Environment {
        Environment::from_marker(self.0[0]).unwrap_or_default()
    }
}

impl FromStr for ApplicationId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let id = base62_array(text)?;
        Environment::from_marker(id[0])
            .map(|_| Self(id))
            .ok_or(InvalidId)
    }
}

/// A key within its application: 8 base62 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; Self::LENGTH]);

impl KeyId {
    /// Characters of a key id.
    pub const LENGTH: usize = 8;

    /// A new random id.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut id = [0; Self::LENGTH];
        id.copy_from_slice(random::base62(rng, Self::LENGTH).as_bytes());
        Self(id)
    }
}

impl FromStr for KeyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        base62_array(text).map(Self)
    }
}

/// The public id of a key, `/apikey/{id}`: application id and key id in one,
/// so that it names its item without a look-up. The key starts with it, after the prefix.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKeyId {
    /// The application the key belongs to.
    pub application_id: ApplicationId,
    /// The key within the application.
    pub key_id: KeyId,
}

impl PartialSchema for PublicKeyId {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[LT][A-Za-z0-9]{18}$"))
            .examples([serde_json::json!("L6H9O5sHpHYx0yNPyZ8")])
            .description(Some("The public id of a key: its characters 13 to 31."))
            .into()
    }
}

impl ToSchema for PublicKeyId {}

impl PublicKeyId {
    /// Characters of a public key id.
    pub const LENGTH: usize = ApplicationId::LENGTH + KeyId::LENGTH;
}

impl fmt::Display for PublicKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.application_id, self.key_id)
    }
}

impl FromStr for PublicKeyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (application_id, key_id) = text
            .split_at_checked(ApplicationId::LENGTH)
            .ok_or(InvalidId)?;
        Ok(Self {
            application_id: application_id.parse()?,
            key_id: key_id.parse()?,
        })
    }
}

/// A user: GitHub's numeric account id, which survives renames.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, pattern = "^[1-9][0-9]{0,15}$", example = "583231")]
pub struct UserId(u64);

impl UserId {
    /// The largest id that every JSON reader holds exactly (2^53 - 1).
    pub const MAX: u64 = (1 << 53) - 1;

    /// A user id from GitHub's number; zero and numbers beyond [`Self::MAX`] are none.
    pub fn new(id: u64) -> Option<Self> {
        (1..=Self::MAX).contains(&id).then_some(Self(id))
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for UserId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        let id = text.parse().ok().filter(|_| canonical).ok_or(InvalidId)?;
        Self::new(id).ok_or(InvalidId)
    }
}

/// A session (a family of refresh tokens): truncated hash of the family's secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ToSchema)]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{22}$", example = "l1Iq3lWq1bq0y4VVf0mRcA")]
pub struct SessionId([u8; Self::BYTES]);

impl SessionId {
    /// Bytes of a session id; 22 characters in base64url.
    pub const BYTES: usize = 16;

    /// A session id from its bytes.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidId)?;
        bytes.try_into().map(Self).map_err(|_| InvalidId)
    }
}

fn base62_array<const N: usize>(text: &str) -> Result<[u8; N], InvalidId> {
    let id: [u8; N] = text.as_bytes().try_into().map_err(|_| InvalidId)?;
    id.iter()
        .all(u8::is_ascii_alphanumeric)
        .then_some(id)
        .ok_or(InvalidId)
}

macro_rules! display_base62 {
    ($($id:ident),*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{}", char::from(*b)))
            }
        }
    )*};
}
display_base62!(ApplicationId, KeyId);

/// Ids are public: they are shown as they are, and are strings in JSON and in the tables.
macro_rules! string_in_serde {
    ($($id:ident),*) => {$(
        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($id), "({})"), self)
            }
        }
        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
string_in_serde!(ApplicationId, KeyId, PublicKeyId, UserId, SessionId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_id_tells_its_environment_and_survives_a_round_trip() {
        for environment in [Environment::Production, Environment::Test] {
            let id = ApplicationId::generate(environment, &mut random::rng());
            let parsed: ApplicationId = id.to_string().parse().unwrap();
            assert_eq!((parsed, parsed.environment()), (id, environment));
        }
    }

    #[test]
    fn near_misses_are_not_ids() {
        for text in [
            "",
            "L",
            "Labcdefghi",
            "Labcdefghijk",
            "Xabcdefghij",
            "Labcdefghi#",
            "Labcdéghi",
        ] {
            assert_eq!(text.parse::<ApplicationId>(), Err(InvalidId), "{text}");
        }
        for text in [
            "",
            "0",
            "01",
            "+1",
            "-1",
            "1.0",
            "9007199254740992",
            "99999999999999999999",
            "１",
        ] {
            assert_eq!(text.parse::<UserId>(), Err(InvalidId), "{text}");
        }
        for text in [
            "",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "AAAAAAAAAAAAAAAAAAAAAB",
            "é",
        ] {
            assert_eq!(text.parse::<SessionId>(), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn a_public_key_id_is_application_and_key_in_one() {
        let text = "LabcdefghijK1234567";
        let id: PublicKeyId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.application_id.to_string(), "Labcdefghij");
        assert!("LabcdefghijK123456".parse::<PublicKeyId>().is_err());
        assert!("Labcdefghi\u{e9}K123456".parse::<PublicKeyId>().is_err());
    }
}

//! Identifiers. Each type parses only its exact format, so an id can be part of a
//! DynamoDB key without further checks.

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

/// The text does not have the format of the id.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not an id of this kind")]
pub struct InvalidId;

/// Environment of an application. Part of the application's id, so that the prefix of
/// its keys (`upblit_live_`, `upblit_test_`) follows from the id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Production. Keys start with `upblit_live_`.
    #[default]
    Production,
    /// Staging. Keys start with `upblit_test_`.
    Staging,
    /// Development. Keys start with `upblit_test_`.
    Development,
    /// Tests and everything else that is not production. Keys start with `upblit_test_`.
    Test,
}

impl Environment {
    /// Every environment.
    pub const ALL: [Self; 4] = [
        Self::Production,
        Self::Staging,
        Self::Development,
        Self::Test,
    ];

    fn marker(self) -> u8 {
        match self {
            Self::Production => b'L',
            Self::Staging => b'S',
            Self::Development => b'D',
            Self::Test => b'T',
        }
    }

    fn from_marker(marker: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.marker() == marker)
    }
}

/// Id of an application: 11 base62 characters. The first is `L`, `S`, `D` or `T`, for its
/// [`Environment`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, pattern = "^[LSDT][A-Za-z0-9]{10}$", example = "L6H9O5sHpHY")]
pub struct ApplicationId([u8; Self::LENGTH]);

impl ApplicationId {
    /// Length of an application id, in characters.
    pub const LENGTH: usize = 11;

    /// Generates a random id for an application in this environment.
    pub fn generate(environment: Environment, rng: &mut impl CryptoRng) -> Self {
        let mut id = [environment.marker(); Self::LENGTH];
        id[1..].copy_from_slice(random::base62(rng, Self::LENGTH - 1).as_bytes());
        Self(id)
    }

    /// Returns the environment of the application, from the first character.
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

/// Id of a key within its application: 8 base62 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId([u8; Self::LENGTH]);

impl KeyId {
    /// Length of a key id, in characters.
    pub const LENGTH: usize = 8;

    /// Generates a random key id.
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

/// Public id of a key, as in `/apikey/{id}`: the application id followed by the key id.
/// It determines the key's DynamoDB item, and follows the prefix in the text of the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKeyId {
    /// Application that the key belongs to.
    pub application_id: ApplicationId,
    /// Id of the key within the application.
    pub key_id: KeyId,
}

impl PartialSchema for PublicKeyId {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[LSDT][A-Za-z0-9]{18}$"))
            .examples([serde_json::json!("L6H9O5sHpHYx0yNPyZ8")])
            .description(Some(
                "Public id of an API key: characters 13 to 31 of the key.",
            ))
            .into()
    }
}

impl ToSchema for PublicKeyId {}

impl PublicKeyId {
    /// Length of a public key id, in characters.
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

/// Id of a user: GitHub's numeric account id, which does not change if the account is renamed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, pattern = "^[1-9][0-9]{0,15}$", example = "583231")]
pub struct UserId(u64);

impl UserId {
    /// Largest id that all JSON parsers represent exactly (2^53 - 1).
    pub const MAX: u64 = (1 << 53) - 1;

    /// The largest id. It belongs to nobody: GitHub assigns ids in sequence and is far from this one.
    pub const NOBODY: Self = Self(Self::MAX);

    /// Creates a user id. Returns `None` for zero and numbers above [`Self::MAX`].
    pub fn new(id: u64) -> Option<Self> {
        (1..=Self::MAX).contains(&id).then_some(Self(id))
    }

    /// Returns GitHub's account id as a number.
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

/// Id of a session: the truncated SHA-256 hash of the secret of its token family.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ToSchema)]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{22}$", example = "l1Iq3lWq1bq0y4VVf0mRcA")]
pub struct SessionId([u8; Self::BYTES]);

impl SessionId {
    /// Length of a session id, in bytes. Displayed as 22 base64url characters.
    pub const BYTES: usize = 16;

    /// Creates a session id from the truncated hash.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, for tokens that contain the id.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
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

/// Id of an invite: the truncated SHA-256 hash of its token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ToSchema)]
#[schema(value_type = String, pattern = "^[A-Za-z0-9_-]{22}$", example = "l1Iq3lWq1bq0y4VVf0mRcA")]
pub struct InviteId([u8; Self::BYTES]);

impl InviteId {
    /// Length of an invite id, in bytes. Displayed as 22 base64url characters.
    pub const BYTES: usize = 16;

    /// Creates an invite id from the truncated hash.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for InviteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for InviteId {
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

/// Implements `Debug` with the text of the id, which is not secret, and serde as a string.
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
string_in_serde!(
    ApplicationId,
    KeyId,
    PublicKeyId,
    UserId,
    SessionId,
    InviteId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_id_keeps_its_environment_when_formatted_and_parsed() {
        for environment in Environment::ALL {
            let id = ApplicationId::generate(environment, &mut random::rng());
            let parsed: ApplicationId = id.to_string().parse().unwrap();
            assert_eq!((parsed, parsed.environment()), (id, environment));
        }
    }

    #[test]
    fn texts_that_differ_slightly_from_an_id_do_not_parse() {
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
    fn a_public_key_id_is_the_application_id_followed_by_the_key_id() {
        let text = "LabcdefghijK1234567";
        let id: PublicKeyId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.application_id.to_string(), "Labcdefghij");
        assert!("LabcdefghijK123456".parse::<PublicKeyId>().is_err());
        assert!("Labcdefghi\u{e9}K123456".parse::<PublicKeyId>().is_err());
    }
}

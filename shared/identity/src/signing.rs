//! The signing secret, which signs JWTs, and the keys derived from it: for refresh-token tags, client
//! marks, the sign-in cookie and the authorization code. The previous secret still verifies, so that
//! a rotation signs nobody out.

use aws_lc_rs::{hkdf, hmac};
use jsonwebtoken::{DecodingKey, EncodingKey};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::sealing::SealingKey;
use upblit_base::environment::{ConfigError, Env};

/// Minimum length of a signing secret, in bytes: HS256 requires 256 bits (RFC 7518 §3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// The secret cannot be used for signing.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum SigningKeyError {
    /// The secret is shorter than [`MIN_SECRET_BYTES`].
    #[error("must be at least {MIN_SECRET_BYTES} bytes (256 bits)")]
    TooShort,
    /// The cryptographic library refused to derive a key.
    #[error("could not be used to derive keys")]
    Derivation,
}

/// Keys derived from the current signing secret and, during a rotation, from the previous one.
///
/// New tokens are always signed with the current keys; both verify.
pub struct SigningKeys {
    current: DerivedKeys,
    previous: Option<DerivedKeys>,
}

impl SigningKeys {
    /// Derives the keys from `JWT_SECRET`, and from `JWT_SECRET_PREVIOUS` during a rotation.
    ///
    /// # Errors
    /// When `JWT_SECRET` is missing, or either is shorter than 256 bits.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let current = env.secret("JWT_SECRET")?;
        let previous = env.optional("JWT_SECRET_PREVIOUS").map(SecretString::from);
        Self::new(&current, None).map_err(|error| ConfigError::new("JWT_SECRET", error))?;
        Self::new(&current, previous.as_ref())
            .map_err(|error| ConfigError::new("JWT_SECRET_PREVIOUS", error))
    }

    /// Derives the keys from the current secret and, if there is one, the previous.
    ///
    /// # Errors
    /// When a secret is shorter than [`MIN_SECRET_BYTES`].
    pub fn new(
        current: &SecretString,
        previous: Option<&SecretString>,
    ) -> Result<Self, SigningKeyError> {
        Ok(Self {
            current: DerivedKeys::derive(current)?,
            previous: previous.map(DerivedKeys::derive).transpose()?,
        })
    }

    pub(crate) fn current(&self) -> &DerivedKeys {
        &self.current
    }

    /// Returns the current keys and then the previous ones: the order in which to try a verification.
    pub(crate) fn for_verification(&self) -> impl Iterator<Item = &DerivedKeys> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

pub(crate) struct DerivedKeys {
    pub(crate) jwt_encoding: EncodingKey,
    pub(crate) jwt_decoding: DecodingKey,
    pub(crate) refresh_tag: hmac::Key,
    pub(crate) client_mark: hmac::Key,
    pub(crate) login_cookie: SealingKey,
    pub(crate) authorization_code: SealingKey,
}

impl DerivedKeys {
    fn derive(secret: &SecretString) -> Result<Self, SigningKeyError> {
        let secret = secret.expose_secret().as_bytes();
        if secret.len() < MIN_SECRET_BYTES {
            return Err(SigningKeyError::TooShort);
        }
        let refresh_tag = expand(secret, b"refresh token tag")?;
        let client_mark = expand(secret, b"client mark")?;
        Ok(Self {
            jwt_encoding: EncodingKey::from_secret(secret),
            jwt_decoding: DecodingKey::from_secret(secret),
            refresh_tag: hmac::Key::new(hmac::HMAC_SHA256, &refresh_tag),
            client_mark: hmac::Key::new(hmac::HMAC_SHA256, &client_mark),
            login_cookie: sealing_key(secret, b"login cookie")?,
            authorization_code: sealing_key(secret, b"handoff code")?,
        })
    }
}

fn sealing_key(secret: &[u8], purpose: &[u8]) -> Result<SealingKey, SigningKeyError> {
    let key = expand(secret, purpose)?;
    SealingKey::new(&key).map_err(|_| SigningKeyError::Derivation)
}

/// Derives the key for one purpose, with HKDF-SHA-256 (RFC 5869).
fn expand(secret: &[u8], purpose: &[u8]) -> Result<[u8; 32], SigningKeyError> {
    let mut key = [0; 32];
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"upblit")
        .extract(secret)
        .expand(&[purpose], hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .map_err(|_| SigningKeyError::Derivation)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        Env::from_pairs(pairs.iter().copied())
    }

    #[test]
    fn a_missing_or_short_secret_is_refused_without_showing_it() {
        assert_eq!(
            SigningKeys::from_env(&env(&[])).err().unwrap().to_string(),
            "setting JWT_SECRET is not set"
        );
        for (pairs, name) in [
            (vec![("JWT_SECRET", "")], "JWT_SECRET "),
            (vec![("JWT_SECRET", "hunter2")], "JWT_SECRET "),
            (
                vec![
                    ("JWT_SECRET", &*"x".repeat(32)),
                    ("JWT_SECRET_PREVIOUS", "hunter2"),
                ],
                "JWT_SECRET_PREVIOUS ",
            ),
        ] {
            let message = SigningKeys::from_env(&env(&pairs))
                .err()
                .unwrap()
                .to_string();
            assert!(
                message.contains(name) && !message.contains("hunter2"),
                "{message}"
            );
        }
    }

    #[test]
    fn a_short_current_or_previous_secret_is_refused() {
        let (short, long) = (
            SecretString::from("x".repeat(31)),
            SecretString::from("x".repeat(32)),
        );
        assert_eq!(
            SigningKeys::new(&short, None).err(),
            Some(SigningKeyError::TooShort)
        );
        assert_eq!(
            SigningKeys::new(&long, Some(&short)).err(),
            Some(SigningKeyError::TooShort)
        );
        assert!(SigningKeys::new(&long, None).is_ok());
        assert!(SigningKeys::new(&SecretString::from(""), None).is_err());
    }

    #[test]
    fn each_purpose_has_its_own_key() {
        let purposes: [&[u8]; 4] = [
            b"refresh token tag",
            b"client mark",
            b"login cookie",
            b"handoff code",
        ];
        let keys = purposes.map(|purpose| expand(&[7; 32], purpose).unwrap());
        assert_eq!(HashSet::from(keys).len(), purposes.len());
    }
}

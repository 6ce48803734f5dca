//! The signing secret and what is derived from it: one JWT key, one key for
//! refresh-token tags, one each for the sign-in cookie and the authorization code. Current and
//! previous, so that a rotation logs nobody out.

use aws_lc_rs::{hkdf, hmac};
use jsonwebtoken::{DecodingKey, EncodingKey};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use crate::sealing::SealingKey;
use upblit_base::environment::{ConfigError, Env};

/// Fewest bytes a signing secret may have: HS256 asks for 256 bits (RFC 7518 §3.2).
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
/// New tokens are always signed with the current; both verify.
pub struct SigningKeys {
    current: DerivedKeys,
    previous: Option<DerivedKeys>,
}

impl SigningKeys {
    /// The keys of `JWT_SECRET`, and of `JWT_SECRET_PREVIOUS` during a rotation.
    ///
    /// # Errors
    /// When a secret is missing or shorter than 256 bits.
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
    /// When a secret is too short to be safe.
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

    /// Current first, then previous: the order in which to try a verification.
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

/// HKDF-SHA-256 (RFC 5869): one independent key per purpose.
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
    fn a_short_secret_is_refused_in_either_place() {
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
        assert_ne!(
            expand(&[7; 32], b"refresh token tag"),
            expand(&[7; 32], b"login cookie")
        );
    }
}

//! Leak reports from GitHub's secret scanning: verification of signatures, and parsing.
//! Format: [Secret scanning partner
//! program](https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partnership-program/secret-scanning-partner-program).

use std::collections::BTreeMap;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;
use utoipa::ToSchema;

/// GitHub's current public keys for reports, by identifier.
#[derive(Debug, Default)]
pub struct PublicKeys(BTreeMap<String, ParsedPublicKey>);

impl PublicKeys {
    /// Parses the list of keys that GitHub publishes. Skips retired keys and keys that are not
    /// on the curve P-256. Returns `None` if no key is left.
    pub fn parse(json: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Published {
            public_keys: Vec<Key>,
        }
        #[derive(Deserialize)]
        struct Key {
            key_identifier: String,
            key: String,
            is_current: bool,
        }
        let published: Published = serde_json::from_slice(json).ok()?;
        let current = published
            .public_keys
            .into_iter()
            .filter(|key| key.is_current);
        let keys: BTreeMap<_, _> = current
            .filter_map(|key| Some((key.key_identifier, public_key(&key.key)?)))
            .collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// Returns whether a key has this identifier.
    pub fn contains(&self, identifier: &str) -> bool {
        self.0.contains_key(identifier)
    }

    /// Returns whether the key that the signature names signed this body. `false` if there is no
    /// such key.
    pub fn verify(&self, signature: &Signature, body: &[u8]) -> bool {
        self.0
            .get(&signature.key_identifier)
            .is_some_and(|key| key.verify_sig(body, &signature.der).is_ok())
    }
}

/// Parses a PEM-encoded `SubjectPublicKeyInfo` of a P-256 key.
fn public_key(pem: &str) -> Option<ParsedPublicKey> {
    let spki = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok()?;
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, spki.as_ref()).ok()
}

/// Signature of a report, from its headers. Not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    key_identifier: String,
    der: Vec<u8>,
}

impl Signature {
    /// Parses the headers `Github-Public-Key-Identifier` and `Github-Public-Key-Signature` (an
    /// ECDSA signature, DER in base64). Returns `None` if the signature is not base64.
    pub fn parse(key_identifier: &str, signature: &str) -> Option<Self> {
        Some(Self {
            key_identifier: key_identifier.to_owned(),
            der: STANDARD.decode(signature).ok()?,
        })
    }

    /// Returns the identifier of the key that the report claims to be signed with.
    pub fn key_identifier(&self) -> &str {
        &self.key_identifier
    }
}

/// A token that GitHub found in a public place.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = LeakedKey)]
pub struct Finding {
    /// Text that GitHub found: an API key, or something that looks like one.
    #[schema(value_type = String, example = "upblit_live_…")]
    pub token: SecretString,
    /// GitHub's name of the pattern that matched.
    #[serde(rename = "type")]
    #[schema(example = "upblit_api_key")]
    pub token_type: String,
}

/// The body of a report is not a JSON array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the body must be a JSON array")]
pub struct NotAnArray;

/// Parses a report. Skips malformed elements, so that the other keys are still revoked.
///
/// # Errors
/// If the body is not an array.
pub fn findings(report: &[u8]) -> Result<Vec<Finding>, NotAnArray> {
    let elements: Vec<&RawValue> = serde_json::from_slice(report).map_err(|_| NotAnArray)?;
    let findings = elements
        .iter()
        .filter_map(|element| serde_json::from_str(element.get()).ok());
    Ok(findings.collect())
}

/// Feedback for GitHub about a token that it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// The token is an API key of this deployment.
    TruePositive,
    /// The token only looks like an API key.
    FalsePositive,
}

#[cfg(test)]
mod tests;

//! Reports from GitHub's secret scanning: whose signature one bears, and which
//! tokens it names. Formats: [Secret scanning partner
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

/// Most tokens one report may name.
pub const MAX_FINDINGS: usize = 1_000;

/// The keys that GitHub signs reports with now, by their identifiers.
#[derive(Debug, Default)]
pub struct PublicKeys(BTreeMap<String, ParsedPublicKey>);

impl PublicKeys {
    /// Reads what GitHub publishes. Keys that are retired, or not of the curve
    /// P-256, are left out; `None` when no key is left.
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

    /// Whether a key of this identifier is among them.
    pub fn contains(&self, identifier: &str) -> bool {
        self.0.contains_key(identifier)
    }

    /// Whether the signature is that of this body, by a key among these.
    pub fn verify(&self, signature: &Signature, body: &[u8]) -> bool {
        self.0
            .get(&signature.key_identifier)
            .is_some_and(|key| key.verify_sig(body, &signature.der).is_ok())
    }
}

/// A PEM-encoded `SubjectPublicKeyInfo` of a P-256 key.
fn public_key(pem: &str) -> Option<ParsedPublicKey> {
    let spki = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok()?;
    ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, spki.as_ref()).ok()
}

/// What the headers of a report say about its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    key_identifier: String,
    der: Vec<u8>,
}

impl Signature {
    /// From `Github-Public-Key-Identifier` and `Github-Public-Key-Signature`:
    /// a name, and an ECDSA signature in DER, in base64.
    pub fn parse(key_identifier: &str, signature: &str) -> Option<Self> {
        Some(Self {
            key_identifier: key_identifier.to_owned(),
            der: STANDARD.decode(signature).ok()?,
        })
    }

    /// The identifier of the key that is said to have signed.
    pub fn key_identifier(&self) -> &str {
        &self.key_identifier
    }
}

/// A token that GitHub found in public.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = LeakedKey)]
pub struct Finding {
    /// Its text: one of our keys, or something that looks like one.
    #[schema(value_type = String, example = "upblit_live_…")]
    pub token: SecretString,
    /// GitHub's name for the pattern that matched.
    #[serde(rename = "type")]
    #[schema(example = "upblit_api_key")]
    pub token_type: String,
}

/// Why a report cannot be read. The text holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReportError {
    /// It is no JSON array.
    #[error("the body must be a JSON array")]
    NotAnArray,
    /// It names more than [`MAX_FINDINGS`] tokens.
    #[error("the report names more than {MAX_FINDINGS} tokens")]
    TooLong,
}

/// Reads a report. An element that is not as documented is left out: it must
/// not save the keys beside it from being revoked.
///
/// # Errors
/// When it is no array, or too long a one.
pub fn findings(report: &[u8]) -> Result<Vec<Finding>, ReportError> {
    let elements: Vec<&RawValue> =
        serde_json::from_slice(report).map_err(|_| ReportError::NotAnArray)?;
    if elements.len() > MAX_FINDINGS {
        return Err(ReportError::TooLong);
    }
    let findings = elements
        .iter()
        .filter_map(|element| serde_json::from_str(element.get()).ok());
    Ok(findings.collect())
}

/// What we tell GitHub about a token it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// It is a key of ours.
    TruePositive,
    /// It only looks like one.
    FalsePositive,
}

#[cfg(test)]
mod tests;

//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a client that got no response
//! sends a creation again, and nothing is created twice.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Time for which an idempotency key is remembered, from the last creation with it.
pub const IDEMPOTENCY_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// Maximum length of a key, in characters.
pub const MAX_KEY_CHARS: usize = 255;

/// The text is not an idempotency key.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("Idempotency-Key must have 1 to {MAX_KEY_CHARS} ASCII characters")]
pub struct InvalidIdempotencyKey;

/// SHA-256 of an idempotency key. The text that the client chose is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdempotencyKey([u8; 32]);

impl IdempotencyKey {
    /// Reads the value of the header: a string of RFC 9651, or the same without its quotes.
    ///
    /// # Errors
    /// If it is empty, longer than [`MAX_KEY_CHARS`], or has characters beyond printable ASCII.
    pub fn parse(header: &[u8]) -> Result<Self, InvalidIdempotencyKey> {
        let text = header.trim_ascii();
        let unquoted = text.strip_prefix(b"\"");
        let unquoted = unquoted.and_then(|text| text.strip_suffix(b"\""));
        let key = unquoted.unwrap_or(text);
        let is_printable = key.iter().all(|byte| (b' '..=b'~').contains(byte));
        if !is_printable || !(1..=MAX_KEY_CHARS).contains(&key.len()) {
            return Err(InvalidIdempotencyKey);
        }
        Ok(Self(Sha256::digest(key).into()))
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// A creation with an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepeatableCreation {
    /// The key. It is the user's own: other users may choose the same text.
    pub key: IdempotencyKey,
    /// SHA-256 of what is created, to distinguish a repetition from another request.
    pub fingerprint: [u8; 32],
}

impl RepeatableCreation {
    /// Describes the creation of a `kind` of thing. The fingerprint is computed from the parsed
    /// request, so two bodies with the same meaning have the same fingerprint.
    ///
    /// # Errors
    /// If the request cannot be serialized, which no input can cause.
    pub fn new(
        key: IdempotencyKey,
        kind: &str,
        request: &impl Serialize,
    ) -> Result<Self, serde_json::Error> {
        let fingerprint = Sha256::digest(serde_json::to_vec(&(kind, request))?).into();
        Ok(Self { key, fingerprint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_with_and_without_quotes() {
        let key = IdempotencyKey::parse(b"8e03978e").unwrap();
        for same in [&b"\"8e03978e\""[..], b" 8e03978e "] {
            assert_eq!(IdempotencyKey::parse(same), Ok(key));
        }
        for other in [&b"8e03978E"[..], b"\"8e03978e", b"8e03978e\"\""] {
            assert_ne!(IdempotencyKey::parse(other), Ok(key));
        }
    }

    #[test]
    fn a_key_has_1_to_255_printable_ascii_characters() {
        let longest = [b'~'; MAX_KEY_CHARS];
        assert!(IdempotencyKey::parse(&longest).is_ok());
        let too_long = [b'~'; MAX_KEY_CHARS + 1];
        for invalid in [
            &b""[..],
            b" ",
            b"\"\"",
            b"a\tb",
            b"a\x7f",
            b"\xff",
            &too_long,
        ] {
            let parsed = IdempotencyKey::parse(invalid);
            assert_eq!(parsed, Err(InvalidIdempotencyKey), "{invalid:?}");
        }
    }
}

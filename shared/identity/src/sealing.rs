//! Authenticated encryption (AES-256-GCM) of texts that only this deployment can read or
//! create.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Encryption key for one purpose.
pub(crate) struct SealingKey(RandomizedNonceKey);

impl SealingKey {
    pub(crate) fn new(key: &[u8; 32]) -> Result<Self, Unspecified> {
        RandomizedNonceKey::new(&AES_256_GCM, key).map(Self)
    }

    /// Encrypts `plain`. Returns base64url(ciphertext ‖ tag ‖ nonce), which opens only with
    /// the same associated data.
    ///
    /// Returns `None` if the cryptographic library fails, which no input can cause.
    pub(crate) fn seal(&self, plain: Vec<u8>, associated_data: &[u8]) -> Option<String> {
        let mut sealed = plain;
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(associated_data), &mut sealed)
            .ok()?;
        sealed.extend(nonce.as_ref());
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Decrypts a text. Returns `None` unless this key sealed it with this associated data.
    pub(crate) fn open(&self, sealed: &str, associated_data: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (ciphertext, nonce) = bytes.split_last_chunk_mut::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self
            .0
            .open_in_place(nonce, Aad::from(associated_data), ciphertext)
            .ok()?;
        Some(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_opens_only_with_its_key_and_associated_data() {
        let [key, other] = [1, 2].map(|byte| SealingKey::new(&[byte; 32]).unwrap());
        let sealed = key.seal(b"plain".to_vec(), b"purpose").unwrap();
        assert_eq!(key.open(&sealed, b"purpose").unwrap(), b"plain");
        assert!(key.open(&sealed, b"another").is_none());
        assert!(other.open(&sealed, b"purpose").is_none());
        for malformed in ["", "AAAA", "not base64url"] {
            assert!(key.open(malformed, b"purpose").is_none(), "{malformed}");
        }
    }

    #[test]
    fn sealing_the_same_text_twice_gives_different_results() {
        let key = SealingKey::new(&[1; 32]).unwrap();
        let [one, two] = [(); 2].map(|()| key.seal(b"plain".to_vec(), b"").unwrap());
        assert_ne!(one, two);
    }
}

//! Refresh tokens: `upblit_rt_` + base64url(version 1 ‖ user id 8 ‖ family
//! secret 20 ‖ counter 4 ‖ tag 16).
//!
//! The tag is an HMAC-SHA-256 with a key derived from the signing secret, so forged tokens are
//! rejected without a database call. The table stores only the session id (a hash of the
//! family secret) and counters. Neither the table nor the HMAC key alone is enough to forge a
//! token. The successor of a token has the same bytes with the next counter, so two tabs that
//! refresh at the same time, and a client that lost a response, get the same successor.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};

use crate::signing::{DerivedKeys, SigningKeys};
use upblit_base::ids::{SessionId, UserId};
use upblit_base::random::{self, CryptoRng};

/// Prefix of every refresh token, which secret scanners recognize.
pub(crate) const PREFIX: &str = "upblit_rt_";

const VERSION: u8 = 1;
const SECRET_BYTES: usize = 20;
const BODY_BYTES: usize = 1 + 8 + SECRET_BYTES + 4;
const TAG_BYTES: usize = 16;

/// A genuine refresh token: newly created, or parsed with a verified tag.
pub struct RefreshToken {
    user_id: UserId,
    family_secret: SecretBox<[u8; SECRET_BYTES]>,
    counter: u32,
}

impl RefreshToken {
    /// Creates the first token of a new session.
    pub fn first(user_id: UserId, rng: &mut impl CryptoRng) -> Self {
        let family_secret = SecretBox::new(Box::new(random::bytes(rng)));
        Self {
            user_id,
            family_secret,
            counter: FIRST_COUNTER,
        }
    }

    /// Parses a token and verifies its tag.
    ///
    /// Returns `None` unless the token was issued with the current or previous signing key.
    pub fn parse(token: &str, keys: &SigningKeys) -> Option<Self> {
        let mut bytes = [0; BODY_BYTES + TAG_BYTES];
        let encoded = token.strip_prefix(PREFIX)?;
        let length = URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes).ok()?;
        let (body, tag) = bytes.split_at(BODY_BYTES);
        let genuine = length == bytes.len()
            && keys.for_verification().any(|keys| {
                constant_time::verify_slices_are_equal(&tag_of(body, keys), tag).is_ok()
            });
        if genuine { Self::from_body(body) } else { None }
    }

    /// Returns the token of the same family with another counter.
    #[must_use]
    pub fn with_counter(self, counter: u32) -> Self {
        Self { counter, ..self }
    }

    /// Returns the text of the token, signed with the current key.
    pub fn to_text(&self, keys: &SigningKeys) -> SecretString {
        let body = self.body();
        let mut bytes = body.to_vec();
        bytes.extend(tag_of(&body, keys.current()));
        SecretString::from(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Returns the user that the token's session belongs to.
    pub fn user_id(&self) -> UserId {
        self.user_id
    }

    /// Returns the position in the family, counted from [`FIRST_COUNTER`].
    pub fn counter(&self) -> u32 {
        self.counter
    }

    /// Returns the public id of the session: the truncated SHA-256 hash of the family secret.
    pub fn session_id(&self) -> SessionId {
        let hash = Sha256::digest(self.family_secret.expose_secret());
        let mut id = [0; SessionId::BYTES];
        id.copy_from_slice(&hash[..SessionId::BYTES]);
        SessionId::from_bytes(id)
    }

    pub(crate) fn body(&self) -> [u8; BODY_BYTES] {
        let mut body = [0; BODY_BYTES];
        body[0] = VERSION;
        body[1..9].copy_from_slice(&self.user_id.get().to_be_bytes());
        body[9..29].copy_from_slice(self.family_secret.expose_secret());
        body[29..].copy_from_slice(&self.counter.to_be_bytes());
        body
    }

    pub(crate) fn from_body(body: &[u8]) -> Option<Self> {
        let (version, rest) = body.split_first()?;
        let (user_id, rest) = rest.split_first_chunk::<8>()?;
        let (family_secret, rest) = rest.split_first_chunk::<SECRET_BYTES>()?;
        let counter = rest.first_chunk::<4>()?;
        (*version == VERSION).then_some(Self {
            user_id: UserId::new(u64::from_be_bytes(*user_id))?,
            family_secret: SecretBox::new(Box::new(*family_secret)),
            counter: u32::from_be_bytes(*counter),
        })
    }
}

/// Counter of the first token of a session.
pub const FIRST_COUNTER: u32 = 1;

fn tag_of(body: &[u8], keys: &DerivedKeys) -> [u8; TAG_BYTES] {
    let full = hmac::sign(&keys.refresh_tag, body);
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(&full.as_ref()[..TAG_BYTES]);
    tag
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(secret: &str) -> SigningKeys {
        SigningKeys::new(&secret.repeat(32).into(), None).unwrap()
    }

    fn token() -> RefreshToken {
        RefreshToken::first(UserId::new(583_231).unwrap(), &mut random::rng())
    }

    #[test]
    fn a_token_parses_from_its_text() {
        let token = token();
        let text = token.to_text(&keys("k"));
        let parsed = RefreshToken::parse(text.expose_secret(), &keys("k")).unwrap();
        assert_eq!(parsed.user_id(), token.user_id());
        assert_eq!(parsed.session_id(), token.session_id());
        assert_eq!(parsed.counter(), FIRST_COUNTER);
    }

    #[test]
    fn the_successor_of_a_token_is_always_the_same_and_keeps_the_session() {
        let text = token().to_text(&keys("k"));
        let successor = || {
            let parsed = RefreshToken::parse(text.expose_secret(), &keys("k")).unwrap();
            parsed.with_counter(2).to_text(&keys("k"))
        };
        assert_eq!(successor().expose_secret(), successor().expose_secret());
        let parsed = RefreshToken::parse(successor().expose_secret(), &keys("k")).unwrap();
        let original = RefreshToken::parse(text.expose_secret(), &keys("k")).unwrap();
        assert_eq!(
            (parsed.session_id(), parsed.counter()),
            (original.session_id(), 2)
        );
    }

    #[test]
    fn a_token_signed_with_the_previous_key_parses_until_the_key_is_removed() {
        let text = token().to_text(&keys("o"));
        let old = "o".repeat(32).into();
        let new = "n".repeat(32).into();
        let during = SigningKeys::new(&new, Some(&old)).unwrap();
        assert!(RefreshToken::parse(text.expose_secret(), &during).is_some());
        assert!(RefreshToken::parse(text.expose_secret(), &keys("n")).is_none());
    }

    #[test]
    fn a_token_with_any_flipped_bit_is_refused() {
        let text = token().to_text(&keys("k"));
        let encoded = text.expose_secret().strip_prefix(PREFIX).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(encoded).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut forged = bytes.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            let forged = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(forged));
            assert!(
                RefreshToken::parse(&forged, &keys("k")).is_none(),
                "bit {bit}"
            );
        }
    }

    proptest! {
        #[test]
        fn random_text_is_refused_without_panicking(text in ".{0,200}") {
            prop_assert!(RefreshToken::parse(&text, &keys("k")).is_none());
            let prefixed = format!("{PREFIX}{text}");
            prop_assert!(RefreshToken::parse(&prefixed, &keys("k")).is_none());
        }
    }
}

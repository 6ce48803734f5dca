//! Refresh tokens: `upblit_rt_` + base64url(version 1 ‖ user id 8 ‖ family
//! secret 20 ‖ counter 4 ‖ tag 16).
//!
//! The tag is HMAC-SHA-256 under a key derived from the signing secret, so a
//! forgery costs no database call. The table stores only the session id (a
//! hash of the family secret) and the counter: a dump of it forges nothing,
//! and neither does the HMAC key alone. A token's successor is the same bytes
//! with the next counter, so two tabs that refresh at once, and a client whose
//! answer was lost, arrive at the *same* successor.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};

use crate::signing::{DerivedKeys, SigningKeys};
use upblit_base::ids::{SessionId, UserId};
use upblit_base::random::{self, CryptoRng};

/// What every refresh token starts with; secret scanners look for it.
pub const PREFIX: &str = "upblit_rt_";

const VERSION: u8 = 1;
const SECRET_BYTES: usize = 20;
const BODY_BYTES: usize = 1 + 8 + SECRET_BYTES + 4;
const TAG_BYTES: usize = 16;

/// A genuine refresh token: made by us, or verified to be.
pub struct RefreshToken {
    user_id: UserId,
    family_secret: SecretBox<[u8; SECRET_BYTES]>,
    counter: u32,
}

impl RefreshToken {
    /// The first token of a new session.
    pub fn first(user_id: UserId, rng: &mut impl CryptoRng) -> Self {
        let family_secret = SecretBox::new(Box::new(random::bytes(rng)));
        Self {
            user_id,
            family_secret,
            counter: FIRST_COUNTER,
        }
    }

    /// Reads a token and verifies its tag.
    ///
    /// `None` for everything that was not issued by us under a current or previous signing key.
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

    /// The same family's token with another counter.
    #[must_use]
    pub fn with_counter(self, counter: u32) -> Self {
        Self { counter, ..self }
    }

    /// The token's text, signed with the current key.
    pub fn to_text(&self, keys: &SigningKeys) -> SecretString {
        let body = self.body();
        let mut bytes = body.to_vec();
        bytes.extend(tag_of(&body, keys.current()));
        SecretString::from(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Whose session it is.
    pub fn user_id(&self) -> UserId {
        self.user_id
    }

    /// The position in the family, counting from [`FIRST_COUNTER`].
    pub fn counter(&self) -> u32 {
        self.counter
    }

    /// The session's public id: truncated SHA-256 of the family secret.
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

/// The counter of a session's first token.
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
    fn a_token_survives_a_round_trip() {
        let token = token();
        let text = token.to_text(&keys("k"));
        let parsed = RefreshToken::parse(text.expose_secret(), &keys("k")).unwrap();
        assert_eq!(parsed.user_id(), token.user_id());
        assert_eq!(parsed.session_id(), token.session_id());
        assert_eq!(parsed.counter(), FIRST_COUNTER);
    }

    #[test]
    fn the_successor_is_deterministic_and_of_the_same_session() {
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
    fn the_previous_signing_key_verifies_until_it_is_removed() {
        let text = token().to_text(&keys("o"));
        let (old, new) = ("o".repeat(32).into(), "n".repeat(32).into());
        let during = SigningKeys::new(&new, Some(&old)).unwrap();
        assert!(RefreshToken::parse(text.expose_secret(), &during).is_some());
        assert!(RefreshToken::parse(text.expose_secret(), &keys("n")).is_none());
    }

    #[test]
    fn every_flipped_bit_is_a_forgery() {
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
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            prop_assert!(RefreshToken::parse(&text, &keys("k")).is_none());
            let prefixed = format!("{PREFIX}{text}");
            prop_assert!(RefreshToken::parse(&prefixed, &keys("k")).is_none());
        }
    }
}

//! Authorization codes, which the frontend exchanges for tokens after a sign-in, and the PKCE
//! challenge (RFC 7636) that binds a code to the page that started the sign-in.
//!
//! A code is the encrypted family secret of its session, so it identifies the session. The
//! table stores only the hash of the secret, as the session id. Until the code is redeemed,
//! the session has no token and expires after [`CODE_TTL`].

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::refresh_token::RefreshToken;
use crate::signing::SigningKeys;

/// Time in which a code can be redeemed.
pub const CODE_TTL: Duration = Duration::from_secs(60);

/// Prefix of every authorization code.
const PREFIX: &str = "upblit_code_";

/// Associated data of the encryption, which separates codes from other sealed values.
const ASSOCIATED_DATA: &[u8] = b"handoff code";

/// Encrypts the first token of a session as a code.
///
/// Returns `None` if the cryptographic library fails, which no input can cause.
pub fn seal(first: &RefreshToken, keys: &SigningKeys) -> Option<SecretString> {
    let key = &keys.current().authorization_code;
    let sealed = key.seal(first.body().to_vec(), ASSOCIATED_DATA)?;
    Some(SecretString::from(format!("{PREFIX}{sealed}")))
}

/// Decrypts a code. Returns `None` for a text that is not a code made with the current or the
/// previous signing key.
pub fn open(code: &str, keys: &SigningKeys) -> Option<RefreshToken> {
    let sealed = code.strip_prefix(PREFIX)?;
    let mut keys = keys.for_verification();
    let body = keys.find_map(|keys| keys.authorization_code.open(sealed, ASSOCIATED_DATA))?;
    RefreshToken::from_body(&body)
}

/// PKCE challenge of method `S256`: the hash of a secret known only to the page that started
/// the sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeChallenge(String);

/// The text is not a challenge or verifier of RFC 7636.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("does not have the format of RFC 7636")]
pub struct InvalidPkce;

impl TryFrom<String> for CodeChallenge {
    type Error = InvalidPkce;

    fn try_from(text: String) -> Result<Self, InvalidPkce> {
        let hash = URL_SAFE_NO_PAD.decode(&text).map_err(|_| InvalidPkce)?;
        if hash.len() == 32 {
            Ok(Self(text))
        } else {
            Err(InvalidPkce)
        }
    }
}

impl From<CodeChallenge> for String {
    fn from(challenge: CodeChallenge) -> Self {
        challenge.0
    }
}

impl fmt::Display for CodeChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns the challenge of a verifier: base64url(SHA-256(verifier)).
///
/// # Errors
/// If the verifier is not 43 to 128 unreserved characters (RFC 7636 §4.1).
pub fn challenge_of(verifier: &SecretString) -> Result<CodeChallenge, InvalidPkce> {
    let verifier = verifier.expose_secret();
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err(InvalidPkce);
    }
    let hash = Sha256::digest(verifier.as_bytes());
    Ok(CodeChallenge(URL_SAFE_NO_PAD.encode(hash)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use upblit_base::ids::UserId;
    use upblit_base::random;

    fn keys() -> SigningKeys {
        SigningKeys::new(&"k".repeat(32).into(), None).unwrap()
    }

    fn first() -> RefreshToken {
        RefreshToken::first(UserId::new(7).unwrap(), &mut random::rng())
    }

    #[test]
    fn a_code_names_its_session_and_hides_its_secret() {
        let first = first();
        let code = seal(&first, &keys()).unwrap();
        let opened = open(code.expose_secret(), &keys()).unwrap();
        assert_eq!(opened.session_id(), first.session_id());
        let encoded = code.expose_secret().strip_prefix(PREFIX).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(encoded).unwrap();
        assert!(
            !bytes
                .windows(20)
                .any(|window| first.body()[9..29] == *window)
        );
    }

    #[test]
    fn codes_and_refresh_tokens_are_not_accepted_in_place_of_each_other() {
        let code = seal(&first(), &keys()).unwrap();
        let token = first().to_text(&keys());
        assert!(RefreshToken::parse(code.expose_secret(), &keys()).is_none());
        assert!(open(token.expose_secret(), &keys()).is_none());
    }

    #[test]
    fn a_code_with_any_changed_byte_is_refused() {
        let code = seal(&first(), &keys()).unwrap();
        let encoded = code.expose_secret().strip_prefix(PREFIX).unwrap();
        let sealed = URL_SAFE_NO_PAD.decode(encoded).unwrap();
        for position in 0..sealed.len() {
            let mut forged = sealed.clone();
            forged[position] ^= 1;
            let forged = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(forged));
            assert!(open(&forged, &keys()).is_none(), "byte {position}");
        }
        assert!(open("", &keys()).is_none() && open(PREFIX, &keys()).is_none());
    }

    #[test]
    fn the_challenge_of_the_example_in_rfc_7636_is_computed() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into();
        let challenge = challenge_of(&verifier).unwrap();
        assert_eq!(
            challenge.to_string(),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn other_challenges_and_verifiers_are_refused() {
        for text in ["", "short", &"A".repeat(44), &"!".repeat(43)] {
            assert!(CodeChallenge::try_from(text.to_owned()).is_err(), "{text}");
        }
        for text in [
            "",
            &"a".repeat(42),
            &"a".repeat(129),
            &" ".repeat(43),
            &"é".repeat(43),
        ] {
            assert!(challenge_of(&text.to_owned().into()).is_err(), "{text}");
        }
    }
}

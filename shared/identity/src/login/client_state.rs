//! The value with which a frontend recognizes the end of a sign-in that it started.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Maximum length, in characters.
const MAX_CHARS: usize = 128;

/// An opaque value of the frontend, returned to it at the end of the sign-in: 1 to 128 characters
/// of base64url. RFC 9700 §4.7 requires one, because a link could otherwise sign the user in to an
/// attacker's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientState(String);

/// The text is empty, too long, or has other characters.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("client_state must be 1 to {MAX_CHARS} characters of base64url")]
pub struct InvalidClientState;

impl TryFrom<String> for ClientState {
    type Error = InvalidClientState;

    fn try_from(text: String) -> Result<Self, InvalidClientState> {
        let base64url = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        if (1..=MAX_CHARS).contains(&text.len()) && text.bytes().all(base64url) {
            Ok(Self(text))
        } else {
            Err(InvalidClientState)
        }
    }
}

impl From<ClientState> for String {
    fn from(state: ClientState) -> Self {
        state.0
    }
}

impl ClientState {
    /// Returns the value as the frontend sent it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_state_is_1_to_128_characters_of_base64url() {
        let parse = |text: &str| ClientState::try_from(text.to_owned());
        for text in ["a", "-_09AZaz", &"x".repeat(128)] {
            assert_eq!(parse(text).unwrap().as_str(), text);
        }
        for text in ["", "a b", "a=", "a+b", "a/b", "é", "a&b", &"x".repeat(129)] {
            assert_eq!(parse(text), Err(InvalidClientState), "{text}");
        }
    }
}

//! Applications: what a team observes, and who may see it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ids::{ApplicationId, UserId};

/// Most applications one user may own.
pub const MAX_APPLICATIONS_PER_USER: u32 = 100;

/// Longest name of an application or a key, in characters.
pub const MAX_NAME_CHARS: usize = 80;

/// Something that is observed and that API keys belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Public id; tells the environment.
    pub id: ApplicationId,
    /// Chosen by the user.
    pub name: Name,
    /// Who created it.
    pub created_by: UserId,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What a member may do. One role for now; stored, so that a second needs no migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Owner,
}

/// A name that people see: trimmed, 1 to [`MAX_NAME_CHARS`] characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// The text cannot be a name.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a name has 1 to {MAX_NAME_CHARS} characters and no control characters")]
pub struct InvalidName;

impl Name {
    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        let text = text.trim();
        let fits = (1..=MAX_NAME_CHARS).contains(&text.chars().count());
        let plain = !text.chars().any(char::is_control);
        if fits && plain {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName)
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        let name = |text: &str| Name::try_from(text.to_owned()).map(String::from);
        assert_eq!(name("  Checkout 🛒 "), Ok("Checkout 🛒".into()));
        assert_eq!(name(&"é".repeat(80)), Ok("é".repeat(80)));
        for text in ["", "   ", "a\nb", "a\u{0}b", &"é".repeat(81)] {
            assert_eq!(name(text), Err(InvalidName), "{text:?}");
        }
    }
}

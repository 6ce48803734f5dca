//! Who signs in: any login name is a user of its own.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// GitHub's mascot, and the one user of the stand-in that really exists.
pub(super) const OCTOCAT: &str = "octocat";
const OCTOCAT_ID: u64 = 583_231;
const LONGEST: usize = 39;

/// A name GitHub would accept: 1 to 39 letters, digits and single hyphens between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login(String);

/// The text cannot be anyone's name on GitHub.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InvalidLogin;

impl Login {
    /// The number that stays when an account is renamed. Names differ in more
    /// than case if, and only if, their numbers differ.
    pub(super) fn id(&self) -> u64 {
        let name = self.0.to_ascii_lowercase();
        if name == OCTOCAT {
            return OCTOCAT_ID;
        }
        // 52 bits below a set 53rd: never zero, never octocat's, exact in JSON.
        let hash = self.digest();
        let number = hash
            .iter()
            .take(7)
            .fold(0, |n, byte| n << 8 | u64::from(*byte));
        number >> 4 | 1 << 52
    }

    /// The name shown beside the login. Most people on GitHub never set one.
    pub(super) fn display_name(&self) -> Option<&'static str> {
        self.0
            .eq_ignore_ascii_case(OCTOCAT)
            .then_some("The Octocat")
    }

    /// SHA-256 of the lower-cased name: everything about a user follows from it.
    pub(super) fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.to_ascii_lowercase()).into()
    }
}

impl FromStr for Login {
    type Err = InvalidLogin;

    fn from_str(text: &str) -> Result<Self, InvalidLogin> {
        let valid = text.len() <= LONGEST
            && text.split('-').all(|part| {
                !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
            });
        valid.then(|| Self(text.to_owned())).ok_or(InvalidLogin)
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> u64 {
        name.parse::<Login>().unwrap().id()
    }

    #[test]
    fn names_follow_githubs_rules() {
        for name in ["a", "octocat", "Mona-Lisa", "x-1-y", &"a".repeat(39)] {
            assert!(name.parse::<Login>().is_ok(), "{name}");
        }
        for name in [
            "",
            "-a",
            "a-",
            "a--b",
            "a b",
            "a_b",
            "é",
            "a/b",
            "<b>",
            &"a".repeat(40),
        ] {
            assert_eq!(name.parse::<Login>(), Err(InvalidLogin), "{name}");
        }
    }

    #[test]
    fn every_name_is_one_user_whatever_its_case() {
        assert_eq!((id("octocat"), id("OctoCat")), (583_231, 583_231));
        assert_eq!(id("mona"), id("MONA"));
        assert_ne!(id("mona"), id("lisa"));
    }

    #[test]
    fn ids_are_exact_in_json_and_never_change() {
        assert_eq!(id("mona"), 4_840_120_685_474_075);
        assert!((0..500).all(|n| (1 << 52..1 << 53).contains(&id(&format!("user-{n}")))));
    }
}

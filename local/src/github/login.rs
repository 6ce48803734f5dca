//! Login names. Every valid name is a user, without registration.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// GitHub's mascot, the only user with the id and display name of the real account.
pub(super) const OCTOCAT: &str = "octocat";
const OCTOCAT_ID: u64 = 583_231;
const MAX_LENGTH: usize = 39;

/// A name that GitHub accepts: 1 to 39 letters, digits and single hyphens between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login(String);

/// The text is not a valid GitHub login.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InvalidLogin;

impl Login {
    /// Numeric user id. Names that differ only in case have the same id.
    pub(super) fn id(&self) -> u64 {
        let name = self.0.to_ascii_lowercase();
        if name == OCTOCAT {
            return OCTOCAT_ID;
        }
        // 52 bits of the hash below a set 53rd bit: never 0 nor octocat's id, and exact as a JSON
        // number.
        let hash = self.digest();
        let number = hash
            .iter()
            .take(7)
            .fold(0, |n, byte| n << 8 | u64::from(*byte));
        number >> 4 | 1 << 52
    }

    /// Display name. `None` for all but octocat, as for most users of GitHub.
    pub(super) fn display_name(&self) -> Option<&'static str> {
        self.0
            .eq_ignore_ascii_case(OCTOCAT)
            .then_some("The Octocat")
    }

    /// SHA-256 of the lower-case name, from which id and avatar are derived.
    pub(super) fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.to_ascii_lowercase()).into()
    }
}

impl FromStr for Login {
    type Err = InvalidLogin;

    fn from_str(text: &str) -> Result<Self, InvalidLogin> {
        let valid = text.len() <= MAX_LENGTH
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
    fn names_that_differ_only_in_case_are_one_user() {
        assert_eq!((id("octocat"), id("OctoCat")), (583_231, 583_231));
        assert_eq!(id("mona"), id("MONA"));
        assert_ne!(id("mona"), id("lisa"));
    }

    #[test]
    fn ids_are_stable_and_exact_in_json() {
        assert_eq!(id("mona"), 4_840_120_685_474_075);
        assert!((0..500).all(|n| (1 << 52..1 << 53).contains(&id(&format!("user-{n}")))));
    }
}

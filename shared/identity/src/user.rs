//! Profile of a user, from GitHub.

use serde::{Deserialize, Serialize};

use upblit_base::ids::UserId;

/// Profile of a user, as of the last sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Numeric account id at GitHub, which identifies the user.
    pub user_id: UserId,
    /// Account name at GitHub. It can change, and another account can take it afterwards.
    pub login: String,
    /// Display name, or the login if the account has none.
    pub name: String,
    /// URL of the picture. May be empty.
    pub avatar: String,
    /// Primary e-mail address at GitHub. It is verified, unless `GITHUB_UNVERIFIED_EMAILS` accepts
    /// others.
    pub email: String,
}

/// Returns whether a text can be a GitHub account name: 1 to 39 ASCII letters, digits, hyphens, and
/// underscores, which are part of the names of enterprise managed users.
pub fn is_login(text: &str) -> bool {
    (1..=39).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

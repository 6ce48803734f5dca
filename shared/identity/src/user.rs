//! The person behind a sign-in, as GitHub tells it.

use serde::{Deserialize, Serialize};

use upblit_base::ids::UserId;

/// What tokens and pages show of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// GitHub's numeric account id.
    pub user_id: UserId,
    /// The account name; it may change and be taken over by someone else.
    pub login: String,
    /// The display name; the login where GitHub has none.
    pub name: String,
    /// Address of the picture; may be empty.
    pub avatar: String,
    /// The primary, verified e-mail address.
    pub email: String,
}

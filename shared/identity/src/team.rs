//! Members of an application, their roles, and what each role may do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use upblit_base::ids::UserId;
use utoipa::ToSchema;

/// Maximum number of members of an application.
pub const MAX_MEMBERS: u32 = 50;

/// Maximum number of open invites of an application.
pub const MAX_OPEN_INVITES: usize = 20;

/// Role of a member of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May do everything, including to delete the application, and to invite and remove members.
    Owner,
    /// May read, and change the name, the settings and the keys of the application.
    Member,
    /// May read.
    Viewer,
}

/// Permission that a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Reading the application and its telemetry.
    Read,
    /// Changing the name, the settings and the keys of the application.
    Change,
    /// Deleting the application, and changing its members, their roles and its invites.
    Manage,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Member, Self::Viewer];

    /// Returns the name of the role in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
            Self::Viewer => "viewer",
        }
    }

    /// Returns whether this role has a right.
    pub fn may(self, right: Right) -> bool {
        match right {
            Right::Read => true,
            Right::Change => self != Self::Viewer,
            Right::Manage => self == Self::Owner,
        }
    }
}

/// User with a role in an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Account of the member.
    pub user_id: UserId,
    /// What the member may do.
    pub role: Role,
    /// Time when the member joined, or created the application. `None` if it was not recorded.
    pub joined_at: Option<Timestamp>,
}

/// Returns whether an application has an owner after one member gets another role, or leaves (`None`).
pub fn has_owner_after(members: &[Member], changed: UserId, role: Option<Role>) -> bool {
    let others = members.iter().filter(|member| member.user_id != changed);
    let mut roles = others.map(|member| member.role).chain(role);
    roles.any(|role| role == Role::Owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viewers_read_members_also_change_and_owners_may_do_everything() {
        let rights = [Right::Read, Right::Change, Right::Manage];
        let of = |role: Role| rights.map(|right| role.may(right));
        assert_eq!(of(Role::Owner), [true, true, true]);
        assert_eq!(of(Role::Member), [true, true, false]);
        assert_eq!(of(Role::Viewer), [true, false, false]);
    }

    #[test]
    fn an_application_has_no_owner_after_its_only_owner_leaves_or_gets_another_role() {
        let member = |id, role| Member {
            user_id: UserId::new(id).unwrap(),
            role,
            joined_at: None,
        };
        let one = UserId::new(1).unwrap();
        let alone = [member(1, Role::Owner), member(2, Role::Member)];
        let two = [member(1, Role::Owner), member(2, Role::Owner)];
        for (members, role, has) in [
            (&alone, None, false),
            (&alone, Some(Role::Member), false),
            (&alone, Some(Role::Owner), true),
            (&two, None, true),
            (&two, Some(Role::Viewer), true),
        ] {
            assert_eq!(has_owner_after(members, one, role), has, "{role:?}");
        }
    }
}

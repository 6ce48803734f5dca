//! Organizations, teams and their members, and the part of GitHub's REST API that returns a membership.
//! They are fixed, so that restricted sign-in can be tried without any setup.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::StandInState;
use super::api::{Refusal, not_found, respond};
use super::grants::Grant;

/// An organization with its members and teams.
struct Organization {
    name: &'static str,
    /// Whether it lets the app read memberships.
    approves_app: bool,
    members: &'static [Member],
    teams: &'static [Team],
}

struct Team {
    slug: &'static str,
    members: &'static [Member],
}

/// Login and state of a member.
type Member = (&'static str, &'static str);

const ACTIVE: &str = "active";

/// Invited, but has not accepted.
const PENDING: &str = "pending";

const ORGANIZATIONS: [Organization; 2] = [
    Organization {
        name: "acme",
        approves_app: true,
        members: &[
            ("octocat", ACTIVE),
            ("ada", ACTIVE),
            ("grace", ACTIVE),
            ("linus", PENDING),
        ],
        teams: &[Team {
            slug: "platform",
            members: &[("octocat", ACTIVE), ("ada", ACTIVE), ("grace", PENDING)],
        }],
    },
    Organization {
        name: "fortress",
        approves_app: false,
        members: &[("ada", ACTIVE)],
        teams: &[],
    },
];

/// Whether an organization has this name.
pub(super) fn is_organization(name: &str) -> bool {
    let mut all = ORGANIZATIONS.iter();
    all.any(|organization| organization.name.eq_ignore_ascii_case(name))
}

/// `GET /user/memberships/orgs/{org}`.
pub(super) async fn membership(
    State(github): StandInState,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    respond(&github, &headers, |grant| {
        let organization = visible(grant, &name)?;
        let state = state_of(organization.members, &grant.login.to_string())?;
        Ok(body(state, organization.name))
    })
}

/// `GET /orgs/{org}/teams/{team}/memberships/{login}`.
pub(super) async fn team_membership(
    State(github): StandInState,
    Path((name, slug, login)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    respond(&github, &headers, |grant| {
        let organization = visible(grant, &name)?;
        // Only members of the organization see its teams.
        state_of(organization.members, &grant.login.to_string())?;
        let mut teams = organization.teams.iter();
        let team = teams.find(|team| team.slug.eq_ignore_ascii_case(&slug));
        let state = state_of(team.ok_or_else(not_found)?.members, &login)?;
        Ok(body(state, organization.name))
    })
}

/// The organization, if there is one and the app may read memberships in it.
fn visible(grant: &Grant, name: &str) -> Result<&'static Organization, Refusal> {
    if !grant.scopes.iter().any(|scope| scope == "read:org") {
        let text = "You need at least read:org scope to get your membership.";
        return Err((StatusCode::FORBIDDEN, text.to_owned()));
    }
    let mut all = ORGANIZATIONS.iter();
    let found = all.find(|organization| organization.name.eq_ignore_ascii_case(name));
    let organization = found.ok_or_else(not_found)?;
    if organization.approves_app {
        return Ok(organization);
    }
    let text = format!(
        "Although you appear to have the correct authorization credentials, the `{}` organization \
         has enabled OAuth App access restrictions, meaning that data access to third-parties is \
         limited.",
        organization.name
    );
    Err((StatusCode::FORBIDDEN, text))
}

fn state_of(members: &[Member], login: &str) -> Result<&'static str, Refusal> {
    let mut members = members.iter();
    let member = members.find(|(name, _)| name.eq_ignore_ascii_case(login));
    member.map(|(_, state)| *state).ok_or_else(not_found)
}

fn body(state: &str, organization: &str) -> Value {
    json!({ "state": state, "role": "member", "organization": { "login": organization } })
}

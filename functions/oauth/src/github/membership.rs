//! Membership of an account in the organizations and teams that may sign in.
//!
//! GitHub is asked about each one separately. A list of the account's organizations would have
//! pages, and would leave out organizations that have not approved the app.
//!
//! - [Get an organization membership for the authenticated user](https://docs.github.com/en/rest/orgs/members#get-an-organization-membership-for-the-authenticated-user)
//! - [Get team membership for a user](https://docs.github.com/en/rest/teams/members#get-team-membership-for-a-user)

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::StatusCode;
use serde::Deserialize;
use shared::identity::allow_list::{Account, Admission, AllowedOrganization, Standing};
use shared::identity::user::is_login;

use super::transport::TransportError;
use super::{GitHub, GitHubError};

/// Part of GitHub's response about a membership.
#[derive(Deserialize)]
struct Membership {
    state: String,
}

impl GitHub {
    /// Checks that the account is an active member of an organization or team that may sign in.
    /// Stops at the first active membership.
    pub(super) async fn admit_member(
        &self,
        account: &Account<'_>,
        token: &oauth2::AccessToken,
    ) -> Result<(), GitHubError> {
        let organizations = self.rule.organizations().iter();
        let mut answers: FuturesUnordered<_> = organizations
            .map(|allowed| self.standing(allowed, account.login, token))
            .collect();
        let mut standings = Vec::new();
        while let Some(standing) = answers.next().await {
            standings.push(standing);
            if standing == Standing::Active {
                break;
            }
        }
        match Admission::decide(&standings) {
            Admission::Admitted => Ok(()),
            Admission::Refused => Err(GitHubError::NotAllowed(account.user_id)),
            Admission::Hidden => Err(GitHubError::Forbidden),
            Admission::Unclear => {
                let cause = "no response about a membership".to_owned();
                Err(GitHubError::Unavailable(cause))
            }
        }
    }

    /// Asks GitHub about the account in one organization or team.
    async fn standing(
        &self,
        allowed: &AllowedOrganization,
        login: &str,
        token: &oauth2::AccessToken,
    ) -> Standing {
        let organization = &allowed.organization;
        let Some(path) = path(allowed, login) else {
            tracing::warn!(organization, "GitHub returned a login of another form");
            return Standing::Unclear;
        };
        let url = format!("{}{path}", self.server.api_url);
        let answer = self.transport.get(&url, token).await;
        match answer.map(|body| serde_json::from_slice::<Membership>(&body)) {
            Ok(Ok(membership)) => standing_in(&membership.state),
            Err(TransportError::Unexpected(StatusCode::NOT_FOUND)) => Standing::NotAMember,
            Err(TransportError::Unexpected(StatusCode::FORBIDDEN)) => {
                // An owner of the organization has to approve the app. The operator has to ask for
                // it.
                tracing::warn!(
                    organization,
                    "the organization hides its members from the app"
                );
                Standing::Hidden
            }
            Err(error) => {
                tracing::warn!(organization, %error, "GitHub did not report a membership");
                Standing::Unclear
            }
            Ok(Err(_)) => {
                tracing::warn!(
                    organization,
                    "GitHub: unexpected response about a membership"
                );
                Standing::Unclear
            }
        }
    }
}

/// Returns the path of a membership. `None` if the login, which comes from GitHub, would change the
/// path.
fn path(allowed: &AllowedOrganization, login: &str) -> Option<String> {
    let organization = &allowed.organization;
    match &allowed.team {
        None => Some(format!("/user/memberships/orgs/{organization}")),
        Some(team) => is_login(login)
            .then(|| format!("/orgs/{organization}/teams/{team}/memberships/{login}")),
    }
}

/// An unknown state is not a membership.
fn standing_in(state: &str) -> Standing {
    match state {
        "active" => Standing::Active,
        "pending" => Standing::Pending,
        _ => Standing::NotAMember,
    }
}

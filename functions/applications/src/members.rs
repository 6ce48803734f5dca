//! `/applications/{id}/members`: lists members, changes their roles, and removes them.

use std::collections::HashMap;

use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::access::{self, Access, ApplicationName, InPath};
use shared::base::clock;
use shared::base::ids::{ApplicationId, UserId};
use shared::identity::access_token::Principal;
use shared::identity::team::{Member, Right, Role, has_owner_after};
use shared::identity::user::Profile;
use shared::store::team::MemberOutcome;
use shared::web::body::Json;
use shared::web::credentials::SignedIn;
use shared::web::error::{Conflict, Error, Resource};
use shared::web::path::Path;
use shared::web::query::Query;
use utoipa::ToSchema;

/// Maximum number of attempts of a change that conflicts with other changes.
const MAX_ATTEMPTS: usize = 5;

/// A member in responses.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Member)]
pub(crate) struct MemberResponse {
    user_id: UserId,
    /// Account name at GitHub, as of the last sign-in. Null if the account was deleted here.
    login: Option<String>,
    /// Display name, as of the last sign-in. Null if the account was deleted here.
    name: Option<String>,
    /// URL of the picture, as of the last sign-in. Null if the account was deleted here.
    avatar: Option<String>,
    role: Role,
    /// When the member joined, or created the application.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    joined_at: Timestamp,
}

/// Response of `GET /applications/{id}/members`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Members {
    /// All members, at most 50, in the order in which they joined.
    members: Vec<MemberResponse>,
}

/// Query of a list without pages. Refuses every parameter.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoParameters {}

/// Body of `PATCH /applications/{id}/members/{userId}`.
#[derive(Deserialize, ToSchema)]
#[schema(as = MemberChange)]
pub(crate) struct Change {
    role: Role,
}

/// The member in the path.
#[derive(Deserialize)]
pub(crate) struct OfMember {
    #[serde(rename = "userId")]
    user_id: String,
}

impl OfMember {
    fn id(&self) -> Result<UserId, Error> {
        self.user_id.parse().map_err(|_| UNKNOWN)
    }
}

const UNKNOWN: Error = Error::NotFound(Resource::Member);

/// Lists the members. Three reads: the membership, the members and their profiles.
#[utoipa::path(
    get, path = "/applications/{id}/members", operation_id = "listMembers",
    summary = "List the members of an application",
    description = "Lists all members, at most 50, in the order in which they joined.",
    params(("id" = ApplicationId, Path, description = "Id of the application.")),
    responses((status = 200, body = Members), (status = 400), (status = 401), (status = 404)),
    security(("bearer" = [])), extensions(("x-role" = json!("viewer"))),
)]
pub(crate) async fn list(
    State(state): State<crate::State>,
    Access { membership, .. }: Access<InPath<Query<NoParameters>>>,
) -> Result<axum::Json<Members>, Error> {
    let application = membership.application;
    let mut members = state.database.members(application.id).await?;
    let joined = |member: &Member| member.joined_at.unwrap_or(application.created_at);
    members.sort_by_key(|member| (joined(member), member.user_id));
    let ids: Vec<UserId> = members.iter().map(|member| member.user_id).collect();
    let profiles = state.database.users(&ids).await?.into_iter();
    let mut profiles: HashMap<UserId, Profile> =
        profiles.map(|profile| (profile.user_id, profile)).collect();
    let members = members.iter().map(|member| {
        let profile = profiles.remove(&member.user_id);
        member_response(member, joined(member), profile)
    });
    Ok(axum::Json(Members {
        members: members.collect(),
    }))
}

fn member_response(
    member: &Member,
    joined_at: Timestamp,
    profile: Option<Profile>,
) -> MemberResponse {
    let (login, name, avatar) = match profile {
        Some(profile) => (
            Some(profile.login),
            Some(profile.name),
            Some(profile.avatar),
        ),
        None => (None, None, None),
    };
    MemberResponse {
        user_id: member.user_id,
        login,
        name,
        avatar,
        role: member.role,
        joined_at,
    }
}

/// Gives a member another role. Two reads and one transaction.
#[utoipa::path(
    patch, path = "/applications/{id}/members/{userId}", operation_id = "changeMember",
    summary = "Change the role of a member",
    description = "Takes effect with the next request of the member. The last owner cannot get another role.",
    params(("id" = ApplicationId, Path, description = "Id of the application."), ("userId" = UserId, Path, description = "Id of the member.")),
    request_body = Change,
    responses((status = 204, description = "The member has the new role."), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 413), (status = 415)),
    security(("bearer" = [])), extensions(("x-role" = json!("owner"))),
)]
pub(crate) async fn change(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    InPath(application, Path(member)): InPath<Path<OfMember>>,
    Json(body): Json<Change>,
) -> Result<StatusCode, Error> {
    set(&state, principal, application, &member, Some(body.role)).await
}

/// Removes a member, or lets the caller leave. Two reads and one transaction.
#[utoipa::path(
    delete, path = "/applications/{id}/members/{userId}", operation_id = "removeMember",
    summary = "Remove a member, or leave",
    description = "Takes effect with the next request of the member. Every member may leave, except for the last owner. API keys that the member created stay valid.",
    params(("id" = ApplicationId, Path, description = "Id of the application."), ("userId" = UserId, Path, description = "Id of the member.")),
    responses((status = 204, description = "The user is no longer a member."), (status = 401), (status = 403), (status = 404), (status = 409)),
    security(("bearer" = [])), extensions(("x-role" = json!("owner"))),
)]
pub(crate) async fn remove(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    InPath(application, Path(member)): InPath<Path<OfMember>>,
) -> Result<StatusCode, Error> {
    set(&state, principal, application, &member, None).await
}

/// Sets the role of a member, or ends the membership (`None`).
async fn set(
    state: &crate::State,
    principal: Principal,
    application: ApplicationName,
    member: &OfMember,
    role: Option<Role>,
) -> Result<StatusCode, Error> {
    let database = &state.database;
    for _ in 0..MAX_ATTEMPTS {
        let membership = access::membership(database, &principal, application).await?;
        let id = member.id()?;
        let is_leaving = role.is_none() && id == principal.user_id;
        if !is_leaving {
            access::require(&membership, Right::Manage)?;
        }
        let members = database.members(membership.application.id).await?;
        let subject = members.iter().find(|member| member.user_id == id);
        let subject = subject.ok_or(UNKNOWN)?;
        if !has_owner_after(&members, id, role) {
            return Err(Error::Conflict(Conflict::LastOwner));
        }
        let now = state.clock.now();
        let changed = database.change_member(principal, &membership, (subject, role), now);
        if changed.await? == MemberOutcome::Changed {
            return Ok(StatusCode::NO_CONTENT);
        }
    }
    Err(Error::Unavailable("members keep changing".into()))
}

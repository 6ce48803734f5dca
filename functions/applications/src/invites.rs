//! Invites to an application. Owners make and withdraw them, every member can list them, and the
//! invited person accepts. Tokens are sent in bodies only, because browsers and servers keep paths
//! and queries.

use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use shared::access::{self, Access, InPath};
use shared::base::clock;
use shared::base::ids::{ApplicationId, InviteId, UserId};
use shared::base::random;
use shared::identity::access_token::Principal;
use shared::identity::application::Name;
use shared::identity::invite::{INVITE_TTL, Invite, InviteToken};
use shared::identity::team::{Right, Role};
use shared::store::team::{AcceptOutcome, InviteOutcome, OpenInvite, WithdrawOutcome};
use shared::web::body::Json;
use shared::web::credentials::SignedIn;
use shared::web::error::{Conflict, Error, Resource};
use shared::web::path::Path;
use shared::web::query::Query;
use shared::web::request_log;
use utoipa::ToSchema;

use crate::applications::{ApplicationResponse, application_response};
use crate::members::NoParameters;

/// Maximum number of attempts to create an invite while other changes conflict with it.
const MAX_ATTEMPTS: usize = 5;

const UNKNOWN: Error = Error::NotFound(Resource::Invite);

/// Body of `POST /applications/{id}/invites`. Unknown fields are refused, because one could be
/// meant to restrict who can accept the invite.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewInvite)]
pub(crate) struct Create {
    role: Role,
    /// Account name at GitHub of the only person who can accept the invite. The invite is bound to
    /// the account that has the name now. If this is omitted, anyone who has the token can accept
    /// it.
    #[schema(
        min_length = 1,
        max_length = 39,
        pattern = "^[A-Za-z0-9_-]+$",
        example = "octocat"
    )]
    github_login: Option<String>,
}

/// Response of `POST /applications/{id}/invites`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatedInvite {
    id: InviteId,
    /// Token that makes the person who accepts it a member. It cannot be read again.
    #[schema(example = "upblit_invite_L6H9O5sHpHYTkqXo2RdVqzvJ5l0cWmYy1bGhN3aPsE4")]
    token: String,
    /// When the invite can no longer be accepted.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    expires_at: Timestamp,
}

/// An open invite in responses.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Invite)]
struct InviteResponse {
    id: InviteId,
    role: Role,
    /// The only user who can accept the invite. Null if anyone who has the token can.
    only_for: Option<UserId>,
    /// Account name of that user at GitHub, as of the creation of the invite.
    github_login: Option<String>,
    /// Owner who made the invite.
    invited_by: UserId,
    /// When the invite was made.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    created_at: Timestamp,
    /// When the invite can no longer be accepted.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    expires_at: Timestamp,
}

/// Response of `GET /applications/{id}/invites`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invites {
    /// Open invites, at most 20, oldest first.
    invites: Vec<InviteResponse>,
}

/// Body with the token of an invite.
#[derive(Deserialize, ToSchema)]
#[schema(as = InviteToken)]
pub(crate) struct Token {
    /// Token of the invite.
    #[schema(value_type = String, example = "upblit_invite_L6H9O5sHpHYTkqXo2RdVqzvJ5l0cWmYy1bGhN3aPsE4")]
    token: SecretString,
}

/// Response of `POST /invites/preview`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvitePreview {
    application_id: ApplicationId,
    /// Name of the application.
    application_name: Name,
    /// Role of the new member.
    role: Role,
    /// Display name of the owner who made the invite. Null if the account was deleted here.
    invited_by: Option<String>,
    /// When the invite can no longer be accepted.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    expires_at: Timestamp,
}

/// Creates an invite. Two reads and one transaction. An invite for a GitHub account also takes one
/// request to GitHub, and a read before it.
#[utoipa::path(
    post, path = "/applications/{id}/invites", operation_id = "createInvite",
    summary = "Invite someone to an application",
    description = "Returns a token that one person can accept within seven days, or only the person with the GitHub account `githubLogin`. It cannot be read again. An application has at most 20 open invites. If GitHub does not answer, returns 503.",
    params(("id" = ApplicationId, Path, description = "Id of the application.")),
    request_body = Create,
    responses((status = 201, body = CreatedInvite), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 413), (status = 415)),
    security(("bearer" = [])), extensions(("x-role" = json!("owner"))),
)]
pub(crate) async fn create(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    InPath(application, ()): InPath<()>,
    Json(body): Json<Create>,
) -> Result<(StatusCode, axum::Json<CreatedInvite>), Error> {
    let only_for = match &body.github_login {
        None => None,
        Some(login) => {
            // Only owners may use up the requests that GitHub allows.
            let membership = access::membership(&state.database, &principal, application).await?;
            access::require(&membership, Right::Manage)?;
            Some(state.github.person(login).await?)
        }
    };
    for _ in 0..MAX_ATTEMPTS {
        let membership = access::membership(&state.database, &principal, application).await?;
        access::require(&membership, Right::Manage)?;
        let token = InviteToken::generate(membership.application.id, &mut random::rng());
        let now = state.clock.now();
        let invite = Invite {
            application_id: token.application_id(),
            id: token.id(),
            role: body.role,
            only_for: only_for.clone(),
            invited_by: principal.user_id,
            created_at: now,
            expires_at: clock::after(now, INVITE_TTL),
        };
        let made = state.database.invite(principal, &membership, &invite);
        match made.await? {
            InviteOutcome::Created => {
                let created = CreatedInvite {
                    id: invite.id,
                    token: token.expose().to_owned(),
                    expires_at: invite.expires_at,
                };
                return Ok((StatusCode::CREATED, axum::Json(created)));
            }
            InviteOutcome::LimitReached => return Err(Error::Conflict(Conflict::InviteLimit)),
            InviteOutcome::Overtaken => {}
        }
    }
    Err(Error::Unavailable("the application keeps changing".into()))
}

/// Lists the open invites. Two reads: the membership and the invites.
#[utoipa::path(
    get, path = "/applications/{id}/invites", operation_id = "listInvites",
    summary = "List the open invites of an application",
    description = "Lists invites that were not accepted, withdrawn or expired, without their tokens, oldest first.",
    params(("id" = ApplicationId, Path, description = "Id of the application.")),
    responses((status = 200, body = Invites), (status = 400), (status = 401), (status = 404)),
    security(("bearer" = [])), extensions(("x-role" = json!("viewer"))),
)]
pub(crate) async fn list(
    State(state): State<crate::State>,
    Access { membership, .. }: Access<InPath<Query<NoParameters>>>,
) -> Result<axum::Json<Invites>, Error> {
    let now = state.clock.now();
    let stored = state.database.stored_invites(membership.application.id);
    let mut open = stored.await?;
    open.retain(|invite| invite.is_open(now));
    open.sort_by_key(|invite| invite.created_at);
    Ok(axum::Json(Invites {
        invites: open.into_iter().map(InviteResponse::from).collect(),
    }))
}

impl From<Invite> for InviteResponse {
    fn from(invite: Invite) -> Self {
        Self {
            id: invite.id,
            role: invite.role,
            only_for: invite.only_for.as_ref().map(|invitee| invitee.user_id),
            github_login: invite.only_for.map(|invitee| invitee.login),
            invited_by: invite.invited_by,
            created_at: invite.created_at,
            expires_at: invite.expires_at,
        }
    }
}

/// The invite in the path.
#[derive(Deserialize)]
pub(crate) struct OfInvite {
    #[serde(rename = "inviteId")]
    invite_id: String,
}

/// Withdraws an invite. One transaction.
#[utoipa::path(
    delete, path = "/applications/{id}/invites/{inviteId}", operation_id = "withdrawInvite",
    summary = "Withdraw an invite",
    description = "The token of the invite can no longer be accepted.",
    params(("id" = ApplicationId, Path, description = "Id of the application."), ("inviteId" = InviteId, Path, description = "Id of the invite.")),
    responses((status = 204, description = "The invite is withdrawn."), (status = 401), (status = 403), (status = 404)),
    security(("bearer" = [])), extensions(("x-role" = json!("owner"))),
)]
pub(crate) async fn withdraw(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    InPath(application, Path(invite)): InPath<Path<OfInvite>>,
) -> Result<StatusCode, Error> {
    let application_id = application.id()?;
    let invite_id = invite.invite_id.parse().map_err(|_| UNKNOWN)?;
    let named = (application_id, invite_id);
    let now = state.clock.now();
    let withdrawn = state.database.withdraw_invite(principal, named, now);
    match withdrawn.await? {
        WithdrawOutcome::Withdrawn => Ok(StatusCode::NO_CONTENT),
        WithdrawOutcome::NotAMember => Err(Error::NotFound(Resource::Application)),
        WithdrawOutcome::NotFound => Err(UNKNOWN),
    }
}

/// Shows what an invite is for. Two reads.
#[utoipa::path(
    post, path = "/invites/preview", operation_id = "previewInvite",
    summary = "Show what an invite is for",
    description = "Changes nothing. A token that was used, withdrawn, has expired or is for someone else is 404.",
    request_body = Token,
    responses((status = 200, body = InvitePreview), (status = 400), (status = 401), (status = 404), (status = 413), (status = 415)),
    security(("bearer" = [])),
)]
pub(crate) async fn preview(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Json(body): Json<Token>,
) -> Result<axum::Json<InvitePreview>, Error> {
    let open = open_invite(&state, principal, &body.token).await?;
    let inviter = state.database.user(open.invite.invited_by).await?;
    Ok(axum::Json(InvitePreview {
        application_id: open.application.id,
        application_name: open.application.name,
        role: open.invite.role,
        invited_by: inviter.map(|profile| profile.name),
        expires_at: open.invite.expires_at,
    }))
}

/// Accepts an invite. One read and one transaction.
#[utoipa::path(
    post, path = "/invites/accept", operation_id = "acceptInvite",
    summary = "Accept an invite",
    description = "Makes the signed-in user a member of the application and ends the invite. A token that was used, withdrawn, has expired or is for someone else is 404. An application has at most 50 members.",
    request_body = Token,
    responses((status = 200, body = ApplicationResponse), (status = 400), (status = 401), (status = 404), (status = 409), (status = 413), (status = 415)),
    security(("bearer" = [])),
)]
pub(crate) async fn accept(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Json(body): Json<Token>,
) -> Result<axum::Json<ApplicationResponse>, Error> {
    let open = open_invite(&state, principal, &body.token).await?;
    let now = state.clock.now();
    let accepted = state.database.accept_invite(principal, &open.invite, now);
    match accepted.await? {
        AcceptOutcome::Joined => {}
        AcceptOutcome::NotFound => return Err(UNKNOWN),
        AcceptOutcome::AlreadyAMember => return Err(Error::Conflict(Conflict::AlreadyAMember)),
        AcceptOutcome::MemberLimit => return Err(Error::Conflict(Conflict::MemberLimit)),
    }
    let response = application_response(&state, open.application, open.invite.role);
    Ok(axum::Json(response))
}

/// Returns the invite of a token if the user can accept it. Refuses a malformed token without a
/// read.
async fn open_invite(
    state: &crate::State,
    principal: Principal,
    token: &SecretString,
) -> Result<OpenInvite, Error> {
    let token = InviteToken::parse(token).ok_or(UNKNOWN)?;
    request_log::record_application(token.application_id());
    let named = (token.application_id(), token.id());
    let now = state.clock.now();
    let open = state.database.open_invite(named, principal.user_id, now);
    open.await?.ok_or(UNKNOWN)
}

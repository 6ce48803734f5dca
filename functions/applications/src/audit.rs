//! `GET /applications/{id}/audit` and `GET /me/audit`: audit logs of an application and of the
//! caller's account, newest first.

use std::collections::BTreeSet;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::access::{Access, InPath};
use shared::base::clock;
use shared::base::cursor::{Cursor, List};
use shared::base::ids::{ApplicationId, PublicKeyId, SessionId, UserId};
use shared::identity::audit::{
    AccountAuditLog, Actor, ApplicationAuditLog, AuditAction, AuditEntry, AuditPosition,
    DeletedTelemetry, Subject,
};
use shared::identity::team::Role;
use shared::web::credentials::SignedIn;
use shared::web::error::Error;
use shared::web::query::{Limit, Query};
use utoipa::{IntoParams, ToSchema};

/// Number of entries per page: 1 to 100.
type PageLimit = Limit<100>;

/// Query of an audit log.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditLogQuery<C: ToSchema> {
    /// Number of entries per page.
    #[serde(default)]
    #[param(inline)]
    limit: PageLimit,
    /// `nextCursor` of the previous page.
    #[param(inline)]
    cursor: Option<C>,
}

/// One page of an audit log. `nextCursor` is null on the last page.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditLog)]
pub(crate) struct AuditLogResponse {
    /// The entries, newest first.
    entries: Vec<AuditEntryResponse>,
    /// Cursor of the next page. Null on the last page.
    next_cursor: Option<String>,
}

/// One page of the audit log of an application.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApplicationAuditLog)]
pub(crate) struct ApplicationAuditLogResponse {
    /// The entries, newest first.
    entries: Vec<AuditEntryResponse>,
    /// Users that the entries name, except for those who have deleted their account or were only
    /// invited.
    users: Vec<NamedUser>,
    /// Cursor of the next page. Null on the last page.
    next_cursor: Option<String>,
}

/// A user that an entry names.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct NamedUser {
    id: UserId,
    /// Account name at GitHub, as of the last sign-in.
    login: String,
    /// Display name, as of the last sign-in.
    name: String,
}

/// A change of an application or account, or a notice about a session.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct AuditEntryResponse {
    /// When it happened.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    at: Timestamp,
    /// Id of the user who made the change, or name of the system that made it.
    #[schema(value_type = String, example = "583231")]
    actor: Actor,
    action: AuditAction,
    /// Key that was changed, for changes of keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<PublicKeyId>,
    /// Session that the entry is about, for entries about sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    /// User whose membership was changed, for changes of members.
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<UserId>,
    /// Role before the change, for changes of members.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Role>,
    /// Role after the change, for changes of members and for invites.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Role>,
    /// What was deleted, for deletions of telemetry.
    #[serde(skip_serializing_if = "Option::is_none")]
    telemetry: Option<DeletedTelemetry>,
}

/// Reads a page of an application's audit log. One read for the membership, one for the page, and
/// one for each 100 users that it names.
#[utoipa::path(
    get, path = "/applications/{id}/audit", operation_id = "auditApplication",
    summary = "Read the audit log of an application",
    description = "Lists changes of the application, its keys and its members, newest first, with the names of the users in them. A user without a name has deleted the account, or was only invited. Entries are kept for 400 days.",
    params(("id" = ApplicationId, Path, description = "Id of the application."), AuditLogQuery<Cursor<ApplicationAuditLog>>),
    responses((status = 200, body = ApplicationAuditLogResponse), (status = 400), (status = 401), (status = 404)),
    security(("bearer" = [])),
)]
pub(crate) async fn of_application(
    State(state): State<crate::State>,
    Access {
        membership,
        request: InPath(_, Query(query)),
        ..
    }: Access<InPath<Query<AuditLogQuery<Cursor<ApplicationAuditLog>>>>>,
) -> Result<axum::Json<ApplicationAuditLogResponse>, Error> {
    let subject = Subject::Application(membership.application.id);
    let (entries, next_cursor) = read(&state, subject, query).await?;
    let ids: Vec<UserId> = users_in(&entries).into_iter().collect();
    let profiles = state.database.users(&ids).await?.into_iter();
    let users = profiles.map(|profile| NamedUser {
        id: profile.user_id,
        login: profile.login,
        name: profile.name,
    });
    Ok(axum::Json(ApplicationAuditLogResponse {
        entries: entries.into_iter().map(AuditEntryResponse::from).collect(),
        users: users.collect(),
        next_cursor,
    }))
}

/// Returns the users that entries name, except for those who were only invited: an owner can invite
/// any GitHub account, and must not learn which of them have signed in here.
fn users_in(entries: &[AuditEntry]) -> BTreeSet<UserId> {
    let actors = entries.iter().filter_map(|entry| match entry.actor {
        Actor::User(id) => Some(id),
        Actor::Upblit | Actor::GitHubSecretScanning => None,
    });
    let has_joined = |entry: &&AuditEntry| entry.action != AuditAction::InviteCreated;
    let members = entries.iter().filter(has_joined);
    let members = members.filter_map(|entry| entry.team.member);
    actors.chain(members).collect()
}

/// Reads a page of the account's audit log. One read.
#[utoipa::path(
    get, path = "/me/audit", operation_id = "auditAccount",
    summary = "Read the audit log of the account",
    description = "Lists what happened to the account and its sessions, newest first. Entries are kept for 400 days.",
    params(AuditLogQuery<Cursor<AccountAuditLog>>),
    responses((status = 200, body = AuditLogResponse), (status = 400), (status = 401)),
    security(("bearer" = [])),
)]
pub(crate) async fn of_account(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Query(query): Query<AuditLogQuery<Cursor<AccountAuditLog>>>,
) -> Result<axum::Json<AuditLogResponse>, Error> {
    let subject = Subject::Account(principal.user_id);
    let (entries, next_cursor) = read(&state, subject, query).await?;
    Ok(axum::Json(AuditLogResponse {
        entries: entries.into_iter().map(AuditEntryResponse::from).collect(),
        next_cursor,
    }))
}

/// Reads a page. Returns its entries and the cursor of the next page.
async fn read<L: List<Position = AuditPosition>>(
    state: &crate::State,
    subject: Subject,
    query: AuditLogQuery<Cursor<L>>,
) -> Result<(Vec<AuditEntry>, Option<String>), Error> {
    let after = query.cursor.map(|cursor| cursor.0);
    let limit = query.limit.get().into();
    let now = state.clock.now();
    let (entries, next) = state.database.audit_log(subject, after, limit, now).await?;
    Ok((
        entries,
        next.map(|position| Cursor::<L>(position).to_string()),
    ))
}

impl From<AuditEntry> for AuditEntryResponse {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry {
            subject: _,
            actor,
            at,
            action,
            key,
            session,
            team,
            telemetry,
        } = entry;
        Self {
            at,
            actor,
            action,
            key,
            session,
            member: team.member,
            from: team.from,
            to: team.to,
            telemetry,
        }
    }
}

//! `GET /me/export`: everything stored about the signed-in user, in pages.
//!
//! A page is small: at most 200 sessions, 50 memberships, 500 entries of the account's audit log,
//! or what 20 applications and 500 entries of their audit logs contain about the user. The largest
//! is below 1 MB; Lambda's limit is 6 MB.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::base::clock;
use shared::base::cursor::Cursor;
use shared::base::ids::{ApplicationId, InviteId, SessionId, UserId};
use shared::identity::access_token::{InvalidAccessToken, Principal};
use shared::identity::application::Name;
use shared::identity::audit::{Actor, AuditEntry, AuditPosition, Subject};
use shared::identity::export::{Export, ExportPosition};
use shared::identity::invite::Invite;
use shared::identity::session::Session;
use shared::identity::team::Role;
use shared::store::export::{StoredMembership, StoredProfile};
use shared::web::credentials::SignedIn;
use shared::web::error::Error;
use shared::web::query::Query;
use utoipa::{IntoParams, ToSchema};

use crate::audit::AuditEntryResponse;

/// Maximum number of entries of audit logs that are read for a page.
const ENTRIES: i32 = 500;

/// Maximum number of applications whose logs and invites are read for a page.
const APPLICATIONS: usize = 20;

type Next = Cursor<Export>;

/// Query of `GET /me/export`.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportQuery {
    /// `nextCursor` of the previous page.
    #[param(inline)]
    cursor: Option<Next>,
}

/// A page of everything stored about the user. A list may continue on the next page.
#[derive(Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AccountExport)]
pub(crate) struct Page {
    /// The profile. Null on all pages but the first.
    profile: Option<ExportedProfile>,
    /// Sessions, including ended ones that are not removed yet.
    sessions: Vec<ExportedSession>,
    /// Memberships of applications.
    memberships: Vec<ExportedMembership>,
    /// Entries of the account's audit log, newest first.
    account_log: Vec<AuditEntryResponse>,
    /// Entries by or about the user in the audit logs of the user's applications.
    application_log: Vec<ExportedEntry>,
    /// Open invites to the user's applications that the user made.
    invites: Vec<ExportedInvite>,
    /// Cursor of the next page. Null on the last.
    next_cursor: Option<String>,
}

/// The profile from GitHub, as of the last sign-in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExportedProfile {
    id: UserId,
    /// Account name at GitHub.
    login: String,
    /// Display name at GitHub, or the account name.
    name: String,
    /// URL of the picture at GitHub. May be empty.
    avatar: String,
    /// Primary e-mail address.
    email: String,
    /// Time of the first sign-in.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    created_at: Timestamp,
    /// Time of the last sign-in.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    last_sign_in_at: Timestamp,
}

/// A session. What protects its tokens, such as counters and client marks, is not exported.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExportedSession {
    id: SessionId,
    /// Account name at GitHub, as of the sign-in.
    login: String,
    /// Display name, as of the sign-in.
    name: String,
    /// URL of the picture, as of the sign-in.
    avatar: String,
    /// Primary e-mail address, as of the sign-in.
    email: String,
    /// `User-Agent` of the browser that signed in.
    user_agent: String,
    /// When the user signed in.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    created_at: Timestamp,
    /// The sign-in or the last refresh that issued a new refresh token, rounded down to the hour.
    /// Null for the session of this request.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    last_used_at: Option<Timestamp>,
    /// When the session expires, rounded down to the hour. Null for the session of this request.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    expires_at: Option<Timestamp>,
    /// Whether the session was ended before it expired.
    is_ended: bool,
}

/// Membership of an application.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExportedMembership {
    application_id: ApplicationId,
    application_name: Name,
    role: Role,
    /// Whether the user created the application.
    is_creator: bool,
    /// When the user joined, or created the application.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    joined_at: Timestamp,
}

/// An entry in the audit log of an application.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExportedEntry {
    application_id: ApplicationId,
    entry: AuditEntryResponse,
}

/// An invite that the user made.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ExportedInvite {
    application_id: ApplicationId,
    id: InviteId,
    role: Role,
    /// When the invite was made.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    created_at: Timestamp,
    /// When the invite can no longer be accepted.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    expires_at: Timestamp,
}

/// Returns a page of the export. At most 41 queries and 1 read.
#[utoipa::path(
    get, path = "/me/export", operation_id = "exportAccount",
    summary = "Export everything stored about the user",
    description = "Returns the profile, sessions, memberships, the account's audit log, and what the user's applications contain about the user, in pages. A page may have no rows. Records of idempotency keys, which are kept for a day, are not exported.",
    params(ExportQuery),
    responses((status = 200, body = Page), (status = 400), (status = 401)),
    security(("bearer" = [])),
)]
pub(crate) async fn export(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Query(query): Query<ExportQuery>,
) -> Result<axum::Json<Page>, Error> {
    let mut page = Page::default();
    let next = match query.cursor {
        None => {
            let stored = state.database.stored_profile(principal.user_id).await?;
            page.profile = Some(profile(stored.ok_or(InvalidAccessToken)?));
            sessions(&state, &mut page, principal, None).await?
        }
        Some(Cursor(position)) => part(&state, &mut page, principal, position).await?,
    };
    page.next_cursor = next.map(|position| Cursor::<Export>(position).to_string());
    Ok(axum::Json(page))
}

/// Adds the rows at a position to a page. Returns the next position.
async fn part(
    state: &crate::State,
    page: &mut Page,
    principal: Principal,
    position: ExportPosition,
) -> Result<Option<ExportPosition>, Error> {
    let database = &state.database;
    let user_id = principal.user_id;
    match position {
        ExportPosition::Sessions(after) => sessions(state, page, principal, after).await,
        ExportPosition::Memberships(after) => {
            let (stored, next) = database.stored_memberships(user_id, after).await?;
            let memberships = stored.into_iter();
            page.memberships = memberships
                .map(|stored| membership(stored, user_id))
                .collect();
            let next = next.map(|id| ExportPosition::Memberships(Some(id)));
            Ok(Some(next.unwrap_or(ExportPosition::AccountLog(None))))
        }
        ExportPosition::AccountLog(after) => {
            let log = Subject::Account(user_id);
            let now = state.clock.now();
            let (entries, next) = database.audit_log(log, after, ENTRIES, now).await?;
            page.account_log = entries.into_iter().map(AuditEntryResponse::from).collect();
            let next = next.map(|at| ExportPosition::AccountLog(Some(at)));
            Ok(Some(next.unwrap_or(ExportPosition::Applications(None))))
        }
        ExportPosition::Applications(after) => applications(state, page, user_id, after).await,
        ExportPosition::ApplicationLog(id, after) => {
            let membership = database.application_of(user_id, id).await?;
            if membership.is_some() {
                let next = entries(state, page, (user_id, id), Some(after), ENTRIES);
                if let (_, Some(at)) = next.await? {
                    return Ok(Some(ExportPosition::ApplicationLog(id, at)));
                }
            }
            Ok(Some(ExportPosition::Applications(Some(id))))
        }
    }
}

async fn sessions(
    state: &crate::State,
    page: &mut Page,
    principal: Principal,
    after: Option<SessionId>,
) -> Result<Option<ExportPosition>, Error> {
    let stored = state.database.stored_sessions(principal.user_id, after);
    let (stored, next) = stored.await?;
    let sessions = stored.into_iter();
    page.sessions = sessions.map(|stored| session(stored, principal)).collect();
    let next = next.map(|id| ExportPosition::Sessions(Some(id)));
    Ok(Some(next.unwrap_or(ExportPosition::Memberships(None))))
}

/// Adds what the applications after this one contain about the user.
async fn applications(
    state: &crate::State,
    page: &mut Page,
    user_id: UserId,
    after: Option<ApplicationId>,
) -> Result<Option<ExportPosition>, Error> {
    let database = &state.database;
    let (stored, next) = database.stored_memberships(user_id, after).await?;
    let mut left = ENTRIES;
    let id_of = |stored: &StoredMembership| stored.membership.application.id;
    let mut ids = stored.iter().map(id_of);
    for id in ids.by_ref().take(APPLICATIONS) {
        let made = database.stored_invites(id).await?.into_iter();
        let now = state.clock.now();
        let by_user = made.filter(|invite| invite.invited_by == user_id && invite.is_open(now));
        page.invites.extend(by_user.map(invite));
        let (read, more) = entries(state, page, (user_id, id), None, left).await?;
        if let Some(at) = more {
            return Ok(Some(ExportPosition::ApplicationLog(id, at)));
        }
        left -= read;
        if left <= 0 {
            return Ok(Some(ExportPosition::Applications(Some(id))));
        }
    }
    let last = match ids.next() {
        Some(_) => stored.get(APPLICATIONS - 1).map(id_of),
        None => next,
    };
    Ok(last.map(|id| ExportPosition::Applications(Some(id))))
}

/// Reads a page of an application's audit log, and adds its entries by or about the user. Returns
/// how many entries it had, and where the next page begins.
async fn entries(
    state: &crate::State,
    page: &mut Page,
    (user_id, id): (UserId, ApplicationId),
    after: Option<AuditPosition>,
    limit: i32,
) -> Result<(i32, Option<AuditPosition>), Error> {
    let log = Subject::Application(id);
    let now = state.clock.now();
    let (entries, next) = state.database.audit_log(log, after, limit, now).await?;
    let read = i32::try_from(entries.len()).unwrap_or(limit);
    let is_of_user = |entry: &AuditEntry| {
        entry.actor == Actor::User(user_id) || entry.team.member == Some(user_id)
    };
    let of_user = entries.into_iter().filter(is_of_user);
    page.application_log
        .extend(of_user.map(|entry| ExportedEntry {
            application_id: id,
            entry: entry.into(),
        }));
    Ok((read, next))
}

fn profile(stored: StoredProfile) -> ExportedProfile {
    let StoredProfile {
        profile,
        created_at,
        last_sign_in_at,
    } = stored;
    ExportedProfile {
        id: profile.user_id,
        login: profile.login,
        name: profile.name,
        avatar: profile.avatar,
        email: profile.email,
        created_at,
        last_sign_in_at,
    }
}

/// Converts a session. Times are rounded or left out as in the list of sessions: a thief must not
/// see when the owner refreshes.
fn session(session: Session, principal: Principal) -> ExportedSession {
    let is_current = session.id == principal.session_id;
    let shown = |at| (!is_current).then(|| clock::floor_to_hour(at));
    ExportedSession {
        id: session.id,
        created_at: session.created_at,
        last_used_at: shown(session.last_used_at),
        expires_at: shown(session.expires_at()),
        is_ended: session.revoked,
        login: session.profile.login,
        name: session.profile.name,
        avatar: session.profile.avatar,
        email: session.profile.email,
        user_agent: session.user_agent,
    }
}

fn membership(stored: StoredMembership, user_id: UserId) -> ExportedMembership {
    let application = stored.membership.application;
    ExportedMembership {
        application_id: application.id,
        role: stored.membership.role,
        is_creator: application.created_by == user_id,
        joined_at: stored.joined_at.unwrap_or(application.created_at),
        application_name: application.name,
    }
}

fn invite(invite: Invite) -> ExportedInvite {
    ExportedInvite {
        application_id: invite.application_id,
        id: invite.id,
        role: invite.role,
        created_at: invite.created_at,
        expires_at: invite.expires_at,
    }
}

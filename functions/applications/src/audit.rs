//! `GET /applications/{id}/audit` and `GET /me/audit`: what happened to an
//! application, or to the caller's own account, newest first.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::access::{Access, InPath};
use shared::base::clock;
use shared::base::cursor::{Cursor, List};
use shared::base::ids::{ApplicationId, PublicKeyId, SessionId};
use shared::identity::audit::{
    AccountTrail, Actor, ApplicationTrail, AuditAction, AuditEntry, AuditPosition, Subject,
};
use shared::web::credentials::SignedIn;
use shared::web::error::Error;
use shared::web::query::{Limit, Query};
use utoipa::{IntoParams, ToSchema};

/// Entries of a page.
type PageLimit = Limit<100>;

/// The query.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page<C: ToSchema> {
    #[serde(default)]
    #[param(inline)]
    limit: PageLimit,
    /// `nextCursor` of the page before.
    #[param(inline)]
    cursor: Option<C>,
}

/// The answer; `nextCursor` is null on the last page.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditTrail)]
pub(crate) struct Trail {
    entries: Vec<View>,
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
struct View {
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    at: Timestamp,
    #[schema(value_type = String, example = "583231")]
    actor: Actor,
    action: AuditAction,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<PublicKeyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
}

/// `GET /applications/{id}/audit`
#[utoipa::path(
    get, path = "/applications/{id}/audit", operation_id = "auditApplication",
    summary = "Read what happened to an application",
    description = "Newest first.",
    params(("id" = ApplicationId, Path, description = "Of the application."), Page<Cursor<ApplicationTrail>>),
    responses((status = 200, body = Trail), (status = 400), (status = 401), (status = 404)),
    security(("bearer" = [])),
)]
pub(crate) async fn of_application(
    State(state): State<crate::State>,
    Access {
        membership,
        asked: InPath(_, Query(page)),
        ..
    }: Access<InPath<Query<Page<Cursor<ApplicationTrail>>>>>,
) -> Result<axum::Json<Trail>, Error> {
    let subject = Subject::Application(membership.application.id);
    read(&state, subject, page).await
}

/// `GET /me/audit`: sign-ins and how sessions ended.
#[utoipa::path(
    get, path = "/me/audit", operation_id = "auditAccount",
    summary = "Read what happened to one's account",
    description = "Sign-ins and how sessions ended, newest first.",
    params(Page<Cursor<AccountTrail>>),
    responses((status = 200, body = Trail), (status = 400), (status = 401)),
    security(("bearer" = [])),
)]
pub(crate) async fn of_account(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Query(page): Query<Page<Cursor<AccountTrail>>>,
) -> Result<axum::Json<Trail>, Error> {
    read(&state, Subject::Account(principal.user_id), page).await
}

async fn read<L: List<Position = AuditPosition>>(
    state: &crate::State,
    subject: Subject,
    page: Page<Cursor<L>>,
) -> Result<axum::Json<Trail>, Error> {
    let (after, limit) = (page.cursor.map(|cursor| cursor.0), page.limit.get());
    let now = state.clock.now();
    let trail = state
        .database
        .audit_trail(subject, after, limit.into(), now);
    let (entries, next) = trail.await?;
    let next_cursor = next.map(|position| Cursor::<L>(position).to_string());
    Ok(axum::Json(Trail {
        entries: entries.into_iter().map(View::from).collect(),
        next_cursor,
    }))
}

impl From<AuditEntry> for View {
    fn from(entry: AuditEntry) -> Self {
        let AuditEntry {
            subject: _,
            actor,
            at,
            action,
            key,
            session,
        } = entry;
        Self {
            at,
            actor,
            action,
            key,
            session,
        }
    }
}

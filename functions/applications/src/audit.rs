//! `GET /applications/{id}/audit` and `GET /me/audit`: what happened to an
//! application, or to the caller's own account, newest first.

use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::base::clock;
use shared::base::ids::{ApplicationId, PublicKeyId, SessionId};
use shared::identity::audit::{Actor, AuditAction, AuditEntry, Subject};
use shared::store::audit::AuditPosition;
use shared::web::body::Query;
use shared::web::credentials::SignedIn;
use shared::web::error::Error;
use utoipa::{IntoParams, ToSchema};

use crate::applications::membership;

const DEFAULT_LIMIT: u8 = 50;
const MAX_LIMIT: u8 = 100;

/// The query.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u8>,
    /// `nextCursor` of the page before.
    cursor: Option<String>,
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
    params(("id" = ApplicationId, Path, description = "Of the application."), Page),
    responses((status = 200, body = Trail), (status = 400), (status = 401), (status = 404)),
    security(("bearer" = [])),
)]
pub(crate) async fn of_application(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Result<axum::Json<Trail>, Error> {
    let membership = membership(&state, &principal, &id).await?;
    read(
        &state,
        Subject::Application(membership.application.id),
        page,
    )
    .await
}

/// `GET /me/audit`: sign-ins and how sessions ended.
#[utoipa::path(
    get, path = "/me/audit", operation_id = "auditAccount",
    summary = "Read what happened to one's account",
    description = "Sign-ins and how sessions ended, newest first.",
    params(Page),
    responses((status = 200, body = Trail), (status = 400), (status = 401)),
    security(("bearer" = [])),
)]
pub(crate) async fn of_account(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Query(page): Query<Page>,
) -> Result<axum::Json<Trail>, Error> {
    read(&state, Subject::Account(principal.user_id), page).await
}

async fn read(
    state: &crate::State,
    subject: Subject,
    page: Page,
) -> Result<axum::Json<Trail>, Error> {
    let after = page.cursor.as_deref().map(parse_cursor).transpose()?;
    let limit = page.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT);
    let now = state.clock.now();
    let trail = state
        .database
        .audit_trail(subject, after.as_ref(), limit.into(), now);
    let (entries, next) = trail.await?;
    Ok(axum::Json(Trail {
        entries: entries.into_iter().map(View::from).collect(),
        next_cursor: next.map(|position| position.as_str().to_owned()),
    }))
}

fn parse_cursor(text: &str) -> Result<AuditPosition, Error> {
    let problem = || Error::Malformed("the cursor is not one that this list returned".to_owned());
    AuditPosition::parse(text).ok_or_else(problem)
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

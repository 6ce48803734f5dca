//! `/sessions`: lists the caller's sessions and ends them.

use std::cmp::Reverse;

use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::base::clock;
use shared::base::cursor::{CreationPosition, Cursor, List, ListId, page_of};
use shared::base::ids::SessionId;
use shared::identity::access_token::Principal;
use shared::identity::session::Session;
use shared::store::refresh_tokens::RevokeOutcome;
use shared::web::credentials::SignedIn;
use shared::web::error::{Error, Resource};
use shared::web::path::Path;
use shared::web::query::{Limit, Query};
use utoipa::{IntoParams, ToSchema};

/// The sessions of a user, newest first.
pub(crate) struct SessionList;

impl List for SessionList {
    const ID: ListId = ListId::Sessions;
    type Position = CreationPosition;
}

type Next = Cursor<SessionList>;

/// Query of `GET /sessions`.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SessionsPage {
    /// Maximum number of sessions on the page.
    #[serde(default)]
    #[param(inline)]
    limit: Limit<100>,
    /// `nextCursor` of the previous page.
    #[param(inline)]
    cursor: Option<Next>,
}

/// A page of the caller's live sessions. `nextCursor` is null on the last page.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sessions {
    /// Live sessions, newest first.
    sessions: Vec<SessionResponse>,
    /// Cursor of the next page, or null on the last.
    next_cursor: Option<String>,
}

/// A session of the caller.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session)]
struct SessionResponse {
    id: SessionId,
    /// When the user signed in.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    created_at: Timestamp,
    /// The sign-in or the last refresh that issued a new refresh token, rounded down to the hour.
    /// Null for the session of this request.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    last_used_at: Option<Timestamp>,
    /// When the session expires unless it is refreshed, rounded down to the hour. Null
    /// for the session of this request.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    expires_at: Option<Timestamp>,
    /// `User-Agent` of the browser that signed in.
    user_agent: String,
    /// Whether this request uses the session.
    current: bool,
}

/// Lists the caller's live sessions, newest first.
#[utoipa::path(
    get, path = "/sessions", operation_id = "listSessions",
    summary = "List sessions",
    description = "Lists the caller's live sessions in pages, newest first. `lastUsedAt` and `expiresAt` are rounded down to the hour, and null for the session of this request: a thief with a copy of its tokens must not see when the owner refreshes.",
    params(SessionsPage),
    responses((status = 200, body = Sessions), (status = 400), (status = 401)),
    security(("bearer" = [])),
)]
pub(crate) async fn list(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Query(asked): Query<SessionsPage>,
) -> Result<axum::Json<Sessions>, Error> {
    let sessions = state
        .database
        .live_sessions(principal.user_id, state.clock.now())
        .await?;
    let start = asked
        .cursor
        .map(|cursor| (Reverse(cursor.0.created_ms), cursor.0.id));
    let limit = asked.limit.get().into();
    let (sessions, next) = page_of(sessions, start.as_ref(), limit, |session| {
        (
            Reverse(session.created_at.as_millisecond()),
            session.id.to_string(),
        )
    });
    let next_cursor = next.map(|(Reverse(created_ms), id)| {
        Cursor::<SessionList>(CreationPosition { created_ms, id }).to_string()
    });
    let sessions = sessions
        .into_iter()
        .map(|session| session_response(session, &principal))
        .collect();
    Ok(axum::Json(Sessions {
        sessions,
        next_cursor,
    }))
}

/// Ends one session of the caller.
#[utoipa::path(
    delete, path = "/sessions/{id}", operation_id = "endSession",
    summary = "End a session",
    description = "Ends one session of the caller. Its refresh token stops working at once. Its access token can change nothing any more, but reads until it expires.",
    params(("id" = SessionId, Path, description = "Session id.")),
    responses((status = 204, description = "The session has ended."), (status = 401), (status = 404)),
    security(("bearer" = [])),
)]
pub(crate) async fn revoke(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let unknown = Error::NotFound(Resource::Session);
    let Ok(id) = id.parse() else {
        return Err(unknown);
    };
    let now = state.clock.now();
    match state.database.end_session(principal, id, now).await? {
        RevokeOutcome::Revoked => Ok(StatusCode::NO_CONTENT),
        RevokeOutcome::NotFound => Err(unknown),
    }
}

/// Query of `DELETE /sessions`.
///
/// Refuses unknown parameters: a misspelt `except` would end the caller's own session.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RevokeAll {
    /// `current` keeps the session of this request.
    #[param(inline)]
    except: Option<Except>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Except {
    Current,
}

/// Ends all sessions of the caller, or with `except=current` all others.
#[utoipa::path(
    delete, path = "/sessions", operation_id = "endSessions",
    summary = "End all sessions, or all others",
    description = "Ends all sessions of the caller, or with `except=current` all but the one of this request.",
    params(RevokeAll),
    responses((status = 204, description = "The sessions have ended."), (status = 400), (status = 401)),
    security(("bearer" = [])),
)]
pub(crate) async fn revoke_all(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Query(query): Query<RevokeAll>,
) -> Result<StatusCode, Error> {
    let kept = query.except.map(|Except::Current| principal.session_id);
    let now = state.clock.now();
    state.database.end_sessions(principal, kept, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Converts a session. The times of the current session are left out, and those of others are
/// rounded: a change of these times would show a thief with a copy of the tokens when the owner
/// refreshes, and so when a refresh by the thief goes unnoticed.
fn session_response(session: Session, principal: &Principal) -> SessionResponse {
    let current = session.id == principal.session_id;
    let shown = |at| (!current).then(|| clock::floor_to_hour(at));
    SessionResponse {
        id: session.id,
        created_at: session.created_at,
        last_used_at: shown(session.last_used_at),
        expires_at: shown(session.expires_at()),
        user_agent: session.user_agent,
        current,
    }
}

//! `POST /logout`: ends the session of a refresh token (RFC 7009).

use axum::extract::State;
use http::StatusCode;
use shared::identity::audit::{Actor, AuditAction};
use shared::web::body::Json;
use shared::web::error::Error;

use crate::refresh::{Presented, parse};

/// Ends the session of a refresh token. Returns 204 also for a session that has ended, and for an
/// invalid token.
#[utoipa::path(
    post, path = "/logout", operation_id = "signOut",
    summary = "Sign out",
    description = "Ends the session of a refresh token. Succeeds for a session that has already ended, and for an invalid token (RFC 7009).",
    request_body = Presented,
    responses((status = 204, description = "The session has ended."), (status = 400), (status = 413), (status = 415)),
)]
pub(crate) async fn logout(
    State(state): State<crate::State>,
    Json(body): Json<Presented>,
) -> Result<StatusCode, Error> {
    if let Ok(token) = parse(&state, &body) {
        let user_id = token.user_id();
        let session_id = token.session_id();
        let why = (Actor::User(user_id), AuditAction::SignedOut);
        let now = state.clock.now();
        state
            .database
            .revoke_session(user_id, session_id, why, now)
            .await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

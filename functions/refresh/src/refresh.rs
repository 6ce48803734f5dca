//! `POST /refresh`: exchanges a refresh token for an access token and its successor
//! (RFC 6749 §6).

use axum::extract::State;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared::identity::audit::{Actor, AuditAction};
use shared::identity::refresh_token::RefreshToken;
use shared::identity::session::{DEFAULT_GRACE, Move};
use shared::notices;
use shared::store::Database;
use shared::store::audit::SessionNotice;
use shared::store::refresh_tokens::RefreshOutcome;
use shared::web::body::Json;
use shared::web::credentials::{IssuedTokens, TokenBody};
use shared::web::error::Error;
use shared::web::request_log::{self, Refresh};
use shared::web::source::Sender;
use utoipa::ToSchema;

/// Body of `POST /refresh` and `POST /logout`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RefreshToken)]
pub(crate) struct Presented {
    /// Refresh token from a sign-in or from the last refresh.
    #[schema(value_type = String, example = "upblit_rt_…")]
    pub(crate) refresh_token: SecretString,
}

/// Exchanges a refresh token. One conditional write; none for a forged token. A recovery, and a
/// token served again to another client, are recorded by one more write, each at most once an hour.
/// Reuse takes one more transaction.
#[utoipa::path(
    post, path = "/refresh", operation_id = "refresh",
    summary = "Get new tokens",
    description = format!("Returns a new access token and a refresh token, which replaces the one that was sent: keep it. Within {} s of the sign-in or of the last new refresh token, it is the current one. After that it is a new one, and the one that was sent is used up.", DEFAULT_GRACE.as_secs()),
    request_body = Presented,
    responses((status = 200, body = TokenBody), (status = 400), (status = 401), (status = 413), (status = 415)),
)]
pub(crate) async fn refresh(
    State(state): State<crate::State>,
    sender: Sender,
    Json(body): Json<Presented>,
) -> Result<IssuedTokens, Error> {
    let now = state.clock.now();
    let presented = parse(&state, &body).inspect_err(|_| record_outcome(Refresh::Refused))?;
    let by = sender.client().mark(state.tokens.keys());
    let outcome = state.database.refresh(&presented, by, &state.policy, now);
    let (session, notice) = match outcome.await? {
        RefreshOutcome::Moved {
            session,
            before,
            why,
        } => {
            record_outcome(moved(why));
            let is_notable = why == Move::Recovery && before.is_first_recovery(now);
            (session, is_notable.then_some(SessionNotice::Recovered))
        }
        RefreshOutcome::ServedAgain(session) => {
            record_outcome(Refresh::Repeated);
            let notice = notices::served_again(&session, &sender, state.tokens.keys());
            (session, notice)
        }
        refused => return Err(refuse(&state.database, &refused, &presented, now).await),
    };
    if let Some(notice) = notice {
        notices::record(&state.database, &session, notice, now).await;
    }
    let token = presented.with_counter(session.counters.current);
    state.tokens.issue(&session, &token, now)
}

/// Refuses a token, and ends the session if no honest client still holds the token. The error is
/// the same in all cases, unless storage fails.
async fn refuse(
    database: &Database,
    outcome: &RefreshOutcome,
    presented: &RefreshToken,
    now: Timestamp,
) -> Error {
    record_outcome(Refresh::Refused);
    match outcome {
        RefreshOutcome::Reused => return end_session(database, presented, now).await,
        RefreshOutcome::Impossible => tracing::error!(
            user = %presented.user_id(), session = %presented.session_id(),
            "a refresh token that its session cannot have issued: was the table restored?"
        ),
        _ => {}
    }
    Error::RefreshToken
}

/// Ends the session of a reused token (RFC 9700 §4.14.2) and writes the reason to
/// the audit log. One transaction. If storage fails, returns that error instead.
async fn end_session(database: &Database, reused: &RefreshToken, now: Timestamp) -> Error {
    let user_id = reused.user_id();
    let session_id = reused.session_id();
    request_log::record(|request| request.reuse_detected = true);
    tracing::warn!(user = %user_id, session = %session_id, "refresh token reused, session revoked");
    let why = (Actor::Upblit, AuditAction::ReuseDetected);
    match database.revoke_session(user_id, session_id, why, now).await {
        Ok(_) => Error::RefreshToken,
        Err(error) => error.into(),
    }
}

pub(crate) fn parse(state: &crate::State, body: &Presented) -> Result<RefreshToken, Error> {
    let text = body.refresh_token.expose_secret();
    let token = RefreshToken::parse(text, state.tokens.keys()).ok_or(Error::RefreshToken)?;
    request_log::record_session(token.user_id(), token.session_id());
    Ok(token)
}

fn moved(why: Move) -> Refresh {
    match why {
        Move::Rotation => Refresh::Rotated,
        Move::Recovery => Refresh::Recovered,
    }
}

fn record_outcome(outcome: Refresh) {
    request_log::record(|request| request.refresh = Some(outcome));
}

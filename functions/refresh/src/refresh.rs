//! `POST /refresh`: a refresh token for a new access token (RFC 6749 §6).

use axum::extract::State;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared::identity::audit::{Actor, AuditAction};
use shared::identity::refresh_token::RefreshToken;
use shared::identity::session::{Decision, Rotation, Session, decide};
use shared::store::refresh_tokens::RotationOutcome;
use shared::web::body::Json;
use shared::web::credentials::{IssuedTokens, TokenBody};
use shared::web::error::Error;
use shared::web::request_log::{self, Refresh as Outcome};
use utoipa::ToSchema;

/// How often a lost race is decided again before it is told as trouble of ours.
const MAX_ATTEMPTS: usize = 3;

/// The body of `/refresh` and `/logout`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = RefreshToken)]
pub(crate) struct Presented {
    #[schema(value_type = String, example = "upblit_rt_…")]
    pub(crate) refresh_token: SecretString,
}

/// One conditional write; none for a token that is not ours.
#[utoipa::path(
    post, path = "/refresh", operation_id = "refresh",
    summary = "Get new tokens",
    description = "Keep the refresh token of the answer: the one that was sent is used up. Sent again within 30 s it gets the same answer.",
    request_body = Presented,
    responses((status = 200, body = TokenBody), (status = 400), (status = 401), (status = 413), (status = 415)),
)]
pub(crate) async fn refresh(
    State(state): State<crate::State>,
    Json(body): Json<Presented>,
) -> Result<IssuedTokens, Error> {
    let swapped = swap(&state, &body).await;
    if let Err(Error::RefreshToken) = swapped {
        note(Outcome::Refused);
    }
    swapped
}

async fn swap(state: &crate::State, body: &Presented) -> Result<IssuedTokens, Error> {
    let presented = parse(state, body)?;
    let now = state.clock.now();
    let (session, counter) = rotate(state, &presented, now).await?;
    state
        .tokens
        .issue(&session, &presented.with_counter(counter), now)
}

pub(crate) fn parse(state: &crate::State, body: &Presented) -> Result<RefreshToken, Error> {
    let text = body.refresh_token.expose_secret();
    let token = RefreshToken::parse(text, state.tokens.keys()).ok_or(Error::RefreshToken)?;
    request_log::note_session(token.user_id(), token.session_id());
    Ok(token)
}

/// Moves the session on and returns the counter of the successor.
///
/// Tries the usual move first, without reading. If the session turns out to be
/// elsewhere, the failed write has brought it along, and [`decide`] says what
/// the token gets.
async fn rotate(
    state: &crate::State,
    presented: &RefreshToken,
    now: Timestamp,
) -> Result<(Session, u32), Error> {
    let mut rotation = Rotation::of_newest(presented.counter()).ok_or(Error::RefreshToken)?;
    for _ in 0..MAX_ATTEMPTS {
        let session = match apply(state, presented, rotation, now).await? {
            RotationOutcome::Applied(session) => {
                note(match rotation.previous == rotation.expected_current {
                    true => Outcome::Rotated,
                    false => Outcome::Recovered,
                });
                return Ok((*session, rotation.next));
            }
            RotationOutcome::NotApplied(session) => *session.ok_or(Error::RefreshToken)?,
        };
        match decide(&session, presented.counter(), &state.policy, now) {
            Decision::Rotate(other) => rotation = other,
            Decision::ServeAgain(counter) => {
                note(Outcome::Repeated);
                return Ok((session, counter));
            }
            Decision::Refuse => return Err(Error::RefreshToken),
            Decision::RevokeFamily => return Err(revoke(state, &session).await),
        }
    }
    Err(Error::Unavailable(
        "too many concurrent refreshes of one session".into(),
    ))
}

async fn apply(
    state: &crate::State,
    presented: &RefreshToken,
    rotation: Rotation,
    now: Timestamp,
) -> Result<RotationOutcome, Error> {
    let (user_id, session_id) = (presented.user_id(), presented.session_id());
    let idle_ttl = state.policy.idle_ttl;
    Ok(state
        .database
        .rotate(user_id, session_id, rotation, idle_ttl, now)
        .await?)
}

/// Ends the session: someone holds a token that was already swapped.
async fn revoke(state: &crate::State, session: &Session) -> Error {
    let user_id = session.profile.user_id;
    request_log::note(|request| request.reuse_detected = true);
    tracing::warn!(user = %user_id, session = %session.id, "refresh token reused, session revoked");
    let why = (Actor::Upblit, AuditAction::ReuseDetected);
    let now = state.clock.now();
    match state
        .database
        .revoke_session(user_id, session.id, why, now)
        .await
    {
        Ok(_) => Error::RefreshToken,
        Err(error) => error.into(),
    }
}

fn note(outcome: Outcome) {
    request_log::note(|request| request.refresh = Some(outcome));
}

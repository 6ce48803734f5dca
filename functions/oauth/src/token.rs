//! `POST /oauth2/token`: a one-time code and its verifier for tokens (RFC 7636 §4.5).

use axum::extract::State;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared::audit::{Actor, AuditAction};
use shared::dynamo::refresh_tokens::RedeemOutcome;
use shared::error::Error;
use shared::handoff;
use shared::http::body::Json;
use shared::http::credentials::IssuedTokens;
use shared::observed;
use shared::random;
use shared::refresh_token::RefreshToken;

/// The body.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Redeem {
    code: SecretString,
    code_verifier: SecretString,
}

/// One conditional write; none for a code that is not ours. A code that comes a
/// second time ends the session it made (RFC 6749 §4.1.2).
pub(crate) async fn redeem(
    State(state): State<crate::State>,
    Json(body): Json<Redeem>,
) -> Result<IssuedTokens, Error> {
    let token = handoff::open(body.code.expose_secret(), state.tokens.keys());
    let token = token.ok_or(Error::HandoffCode)?;
    let challenge = handoff::challenge_of(&body.code_verifier);
    let challenge = challenge.map_err(|error| Error::invalid_field("/codeVerifier", error))?;
    let (user_id, session_id) = (token.user_id(), token.session_id());
    observed::note_session(user_id, session_id);
    let (now, idle_ttl) = (state.clock.now(), state.policy.idle_ttl);
    let request = random::base62(&mut random::rng(), 16);
    let outcome = state
        .database
        .redeem(user_id, session_id, &challenge, &request, idle_ttl, now)
        .await?;
    match outcome {
        RedeemOutcome::Redeemed(session) => state.tokens.issue(&session, &token, now),
        RedeemOutcome::Refused => Err(Error::HandoffCode),
        RedeemOutcome::Replayed => Err(replayed(&state, &token).await),
    }
}

async fn replayed(state: &crate::State, token: &RefreshToken) -> Error {
    let (user_id, session_id) = (token.user_id(), token.session_id());
    observed::note(|request| request.reuse_detected = true);
    tracing::warn!(user = %user_id, session = %session_id, "code replayed, session revoked");
    let why = (Actor::Upblit, AuditAction::CodeReplayed);
    let now = state.clock.now();
    match state
        .database
        .revoke_session(user_id, session_id, why, now)
        .await
    {
        Ok(_) => Error::HandoffCode,
        Err(error) => error.into(),
    }
}

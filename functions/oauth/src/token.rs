//! `POST /oauth2/token`: a one-time code and its verifier for tokens (RFC 7636 §4.5).

use axum::extract::State;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared::base::random;
use shared::identity::handoff::{self, CODE_TTL};
use shared::reuse::{self, Reused};
use shared::store::refresh_tokens::RedeemOutcome;
use shared::web::body::Json;
use shared::web::credentials::{IssuedTokens, TokenBody};
use shared::web::error::Error;
use shared::web::request_log;
use utoipa::ToSchema;

/// The body.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Redeem {
    #[schema(value_type = String, example = "upblit_code_…")]
    code: SecretString,
    #[schema(value_type = String, min_length = 43, max_length = 128, example = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")]
    code_verifier: SecretString,
}

/// One conditional write; none for a code that is not ours. A code that comes a
/// second time ends the session it made (RFC 6749 §4.1.2).
#[utoipa::path(
    post, path = "/oauth2/token", operation_id = "redeemCode",
    summary = "Swap a one-time code for tokens",
    description = format!("Within {} s of the sign-in, once, with the verifier of its challenge (RFC 7636). A code that comes twice ends its session.", CODE_TTL.as_secs()),
    request_body = Redeem,
    responses((status = 200, body = TokenBody), (status = 400), (status = 413), (status = 415)),
)]
pub(crate) async fn redeem(
    State(state): State<crate::State>,
    Json(body): Json<Redeem>,
) -> Result<IssuedTokens, Error> {
    let token = handoff::open(body.code.expose_secret(), state.tokens.keys());
    let token = token.ok_or(Error::HandoffCode)?;
    let challenge = handoff::challenge_of(&body.code_verifier);
    let challenge = challenge.map_err(|error| Error::invalid_field("/codeVerifier", error))?;
    let (user_id, session_id) = (token.user_id(), token.session_id());
    request_log::note_session(user_id, session_id);
    let (now, idle_ttl) = (state.clock.now(), state.policy.idle_ttl);
    let request = random::base62(&mut random::rng(), 16);
    let outcome = state
        .database
        .redeem(user_id, session_id, &challenge, &request, idle_ttl, now)
        .await?;
    match outcome {
        RedeemOutcome::Redeemed(session) => state.tokens.issue(&session, &token, now),
        RedeemOutcome::Refused => Err(Error::HandoffCode),
        RedeemOutcome::Replayed => {
            Err(reuse::end_session(&state.database, Reused::Code, &token, now).await)
        }
    }
}

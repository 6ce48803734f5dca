//! `POST /oauth2/token`: exchanges an authorization code and its verifier for tokens
//! (RFC 7636 §4.5).

use axum::extract::State;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared::identity::authorization_code::{self, CODE_TTL};
use shared::notices;
use shared::store::refresh_tokens::RedeemOutcome;
use shared::web::body::Json;
use shared::web::credentials::{IssuedTokens, TokenBody};
use shared::web::error::Error;
use shared::web::request_log;
use shared::web::source::Sender;
use utoipa::ToSchema;

/// Body of `POST /oauth2/token`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Redeem {
    /// Authorization code from the redirect to the dashboard.
    #[schema(value_type = String, example = "upblit_code_…")]
    code: SecretString,
    /// PKCE verifier: the secret whose hash is the challenge of the sign-in (RFC 7636).
    #[schema(value_type = String, min_length = 43, max_length = 128, example = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")]
    code_verifier: SecretString,
}

/// Redeems an authorization code. One conditional write; none for a code that was not issued here.
/// A code that is sent again with its verifier gets the current tokens. With another verifier it is
/// refused, and the session continues (decision 0036). If another client sends it again, one more
/// write records that, at most once an hour.
#[utoipa::path(
    post, path = "/oauth2/token", operation_id = "redeemCode",
    summary = "Exchange an authorization code for tokens",
    description = format!("Requires the verifier of the sign-in's challenge (RFC 7636), within {} s of the sign-in. A request that is repeated within this time gets the current refresh token of the session.", CODE_TTL.as_secs()),
    request_body = Redeem,
    responses((status = 200, body = TokenBody), (status = 400), (status = 413), (status = 415)),
)]
pub(crate) async fn redeem(
    State(state): State<crate::State>,
    sender: Sender,
    Json(body): Json<Redeem>,
) -> Result<IssuedTokens, Error> {
    let token = authorization_code::open(body.code.expose_secret(), state.tokens.keys());
    let token = token.ok_or(Error::AuthorizationCode)?;
    let challenge = authorization_code::challenge_of(&body.code_verifier);
    let challenge = challenge.map_err(|error| Error::invalid_field("/codeVerifier", error))?;
    let user_id = token.user_id();
    let session_id = token.session_id();
    request_log::record_session(user_id, session_id);
    let now = state.clock.now();
    let by = sender.client().mark(state.tokens.keys());
    let session = (user_id, session_id);
    let redeemed = state
        .database
        .redeem(session, &challenge, by, &state.policy, now)
        .await?;
    let session = match redeemed {
        RedeemOutcome::Redeemed(session) => session,
        RedeemOutcome::ServedAgain(session) => {
            let keys = state.tokens.keys();
            if let Some(notice) = notices::served_again(&session, &sender, keys) {
                notices::record(&state.database, &session, notice, now).await;
            }
            session
        }
        RedeemOutcome::Refused => return Err(Error::AuthorizationCode),
    };
    let token = token.with_counter(session.counters.current);
    state.tokens.issue(&session, &token, now)
}

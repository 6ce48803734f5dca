//! `POST /refresh`: a refresh token for a new access token (RFC 6749 §6).

use axum::extract::State;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared::identity::refresh_token::RefreshToken;
use shared::identity::session::DEFAULT_GRACE;
use shared::reuse::{self, Reused};
use shared::store::refresh_tokens::{Grant, RefreshOutcome};
use shared::web::body::Json;
use shared::web::credentials::{IssuedTokens, TokenBody};
use shared::web::error::Error;
use shared::web::request_log::{self, Refresh};
use utoipa::ToSchema;

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
    description = format!("Keep the refresh token of the answer: the one that was sent is used up. Sent again within {} s it gets the same answer.", DEFAULT_GRACE.as_secs()),
    request_body = Presented,
    responses((status = 200, body = TokenBody), (status = 400), (status = 401), (status = 413), (status = 415)),
)]
pub(crate) async fn refresh(
    State(state): State<crate::State>,
    Json(body): Json<Presented>,
) -> Result<IssuedTokens, Error> {
    let now = state.clock.now();
    let presented = parse(&state, &body).inspect_err(|_| note(Refresh::Refused))?;
    let outcome = state.database.refresh(&presented, &state.policy, now);
    match outcome.await? {
        RefreshOutcome::Granted(session, counter, grant) => {
            note(granted(grant));
            let token = presented.with_counter(counter);
            state.tokens.issue(&session, &token, now)
        }
        RefreshOutcome::Refused => {
            note(Refresh::Refused);
            Err(Error::RefreshToken)
        }
        RefreshOutcome::Reused => {
            note(Refresh::Refused);
            Err(reuse::end_session(&state.database, Reused::RefreshToken, &presented, now).await)
        }
    }
}

pub(crate) fn parse(state: &crate::State, body: &Presented) -> Result<RefreshToken, Error> {
    let text = body.refresh_token.expose_secret();
    let token = RefreshToken::parse(text, state.tokens.keys()).ok_or(Error::RefreshToken)?;
    request_log::note_session(token.user_id(), token.session_id());
    Ok(token)
}

fn granted(grant: Grant) -> Refresh {
    match grant {
        Grant::Rotated => Refresh::Rotated,
        Grant::Recovered => Refresh::Recovered,
        Grant::Repeated => Refresh::Repeated,
    }
}

fn note(outcome: Refresh) {
    request_log::note(|request| request.refresh = Some(outcome));
}

//! `PATCH /apikey/{id}` renames, disables or enables a key; `DELETE /apikey/{id}` revokes it.

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use shared::base::ids::PublicKeyId;
use shared::identity::api_key::{KeyState, MAX_KEY_CACHE_TTL};
use shared::identity::application::Name;
use shared::store::api_keys::{ChangeOutcome, KeyChange, RevokeOutcome, StoredKey};
use shared::web::body::Json;
use shared::web::credentials::SignedIn;
use shared::web::error::{Conflict, Error, Resource};
use shared::web::path::Path;
use shared::web::request_log;
use utoipa::ToSchema;

use crate::list::{KeyResponse, key_response};

/// Body of `PATCH /apikey/{id}`. Omitted fields stay unchanged.
#[derive(Deserialize, ToSchema)]
#[schema(as = KeyChange)]
pub(crate) struct Change {
    name: Option<Name>,
    status: Option<Status>,
}

/// Status that a change can give to a key.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WantedStatus)]
enum Status {
    Active,
    Disabled,
}

/// Renames, disables or enables a key. One transaction and one read.
#[utoipa::path(
    patch, path = "/apikey/{id}", operation_id = "changeKey",
    summary = "Rename, disable or enable a key",
    description = "Omitted fields stay unchanged; at least one is required. A revoked key cannot be changed.",
    params(("id" = PublicKeyId, Path, description = "Public id of the key.")),
    request_body = Change,
    responses((status = 200, body = KeyResponse), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 413), (status = 415)),
    security(("bearer" = [])), extensions(("x-role" = json!("member"))),
)]
pub(crate) async fn change(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Path(id): Path<String>,
    Json(body): Json<Change>,
) -> Result<axum::Json<KeyResponse>, Error> {
    let id = parse(&id)?;
    if body.name.is_none() && body.status.is_none() {
        return Err(Error::Malformed(
            "the body must have a name or a status".to_owned(),
        ));
    }
    let key_state = body.status.map(|status| match status {
        Status::Active => KeyState::Active,
        Status::Disabled => KeyState::Disabled,
    });
    let change = KeyChange {
        name: body.name,
        state: key_state,
    };
    let now = state.clock.now();
    match state
        .database
        .change_key(id, &change, principal, now)
        .await?
    {
        ChangeOutcome::Changed => Ok(axum::Json(key_response(
            changed_key(&state, id).await?,
            now,
        ))),
        ChangeOutcome::NotAMember | ChangeOutcome::NotFound => Err(UNKNOWN),
        ChangeOutcome::Revoked => Err(Error::Conflict(Conflict::KeyRevoked)),
    }
}

/// Revokes a key. One transaction. Succeeds without changes if the key is already revoked.
#[utoipa::path(
    delete, path = "/apikey/{id}", operation_id = "revokeKey",
    summary = "Revoke a key",
    description = format!("Revokes the key permanently. Ingest rejects it within {} seconds. Succeeds if it is already revoked.", MAX_KEY_CACHE_TTL.as_secs()),
    params(("id" = PublicKeyId, Path, description = "Public id of the key.")),
    responses((status = 204, description = "The key is revoked."), (status = 401), (status = 403), (status = 404)),
    security(("bearer" = [])), extensions(("x-role" = json!("member"))),
)]
pub(crate) async fn revoke(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Path(id): Path<String>,
) -> Result<StatusCode, Error> {
    let id = parse(&id)?;
    match state
        .database
        .revoke_key(id, principal, state.clock.now())
        .await?
    {
        RevokeOutcome::Revoked | RevokeOutcome::AlreadyRevoked => Ok(StatusCode::NO_CONTENT),
        RevokeOutcome::NotAMember | RevokeOutcome::NotFound => Err(UNKNOWN),
    }
}

const UNKNOWN: Error = Error::NotFound(Resource::ApiKey);

/// Parses the key id in the path and records it in the request log.
pub(crate) fn parse(id: &str) -> Result<PublicKeyId, Error> {
    let id = id.parse().map_err(|_| UNKNOWN)?;
    request_log::record_key(id);
    Ok(id)
}

/// Reads a key. The caller's membership has been checked before.
async fn changed_key(state: &crate::State, id: PublicKeyId) -> Result<StoredKey, Error> {
    state.database.api_key(id).await?.ok_or(UNKNOWN)
}

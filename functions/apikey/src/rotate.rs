//! `POST /apikey/{id}/rotate`: gives a key a new secret.

use std::time::Duration;

use axum::extract::State;
use serde::Deserialize;
use shared::base::ids::PublicKeyId;
use shared::base::random;
use shared::identity::api_key::{ApiKey, MAX_OVERLAP};
use shared::store::api_keys::RotateOutcome;
use shared::web::body::OptionalJson;
use shared::web::credentials::SignedIn;
use shared::web::error::{Conflict, Error, Resource};
use shared::web::path::Path;
use utoipa::ToSchema;

use crate::change::parse;

/// Body of `POST /apikey/{id}/rotate`. All fields are optional.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Rotation)]
pub(crate) struct Rotate {
    /// Time that the old secret stays valid, in seconds.
    #[schema(maximum = 2_592_000, default = 86_400)]
    overlap_seconds: Option<u64>,
}

/// Default time that the old secret stays valid: a day, enough to deploy the new one.
const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

/// Gives a key a new secret. One transaction. Returns the new key as a JSON string.
#[utoipa::path(
    post, path = "/apikey/{id}/rotate", operation_id = "rotateKey",
    summary = "Give a key a new secret",
    description = "Returns the new key as a JSON string. It cannot be read again. The old one stays valid until the overlap ends.",
    params(("id" = PublicKeyId, Path, description = "Public id of the key.")),
    request_body(content = Option<Rotate>),
    responses((status = 200, body = String, content_type = "application/json", description = "The new key.", example = json!("upblit_live_L6H9O5sHpHYx0yNPyZ8TkqXo2RdVqzvJ5l0cWmYy1bGhN3aPsE4aBcDeF")), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 413), (status = 415)),
    security(("bearer" = [])), extensions(("x-role" = json!("member"))),
)]
pub(crate) async fn rotate(
    State(state): State<crate::State>,
    SignedIn(principal): SignedIn,
    Path(id): Path<String>,
    OptionalJson(body): OptionalJson<Rotate>,
) -> Result<axum::Json<String>, Error> {
    let id = parse(&id)?;
    let overlap = body
        .overlap_seconds
        .map_or(DEFAULT_OVERLAP, Duration::from_secs);
    if overlap > MAX_OVERLAP {
        let reason = format!("must be 0 to {}", MAX_OVERLAP.as_secs());
        return Err(Error::invalid_field("/overlapSeconds", reason));
    }
    let key = ApiKey::generate(id, &mut random::rng());
    match state
        .database
        .rotate_key(&key, overlap, principal, state.clock.now())
        .await?
    {
        RotateOutcome::Rotated => Ok(axum::Json(key.expose().to_owned())),
        RotateOutcome::NotAMember | RotateOutcome::NotFound => {
            Err(Error::NotFound(Resource::ApiKey))
        }
        RotateOutcome::Revoked => Err(Error::Conflict(Conflict::KeyRevoked)),
        RotateOutcome::Overlapping => Err(Error::Conflict(Conflict::RotationOverlap)),
    }
}

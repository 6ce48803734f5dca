//! `GET /apikey?ApplicationId={id}`: an application's keys, never the keys themselves.

use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use shared::access_token::Principal;
use shared::api_key::{KeyStatus, Scope};
use shared::application::Name;
use shared::clock;
use shared::dynamo::api_keys::StoredKey;
use shared::error::{Error, Resource};
use shared::http::body::Query;
use shared::ids::PublicKeyId;

use crate::mint::OfApplication;

/// The answer.
#[derive(Serialize)]
pub(crate) struct Keys {
    keys: Vec<View>,
}

/// What is shown of a key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    id: PublicKeyId,
    name: Name,
    hint: String,
    scopes: Vec<Scope>,
    status: KeyStatus,
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    created_at: Timestamp,
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    last_used_at: Option<Timestamp>,
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    expires_at: Option<Timestamp>,
    /// The secret before the last rotation, while it is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Previous>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Previous {
    hint: String,
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    valid_until: Timestamp,
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    last_used_at: Option<Timestamp>,
}

/// Oldest first; revoked ones for 30 days.
pub(crate) async fn list(
    State(state): State<crate::State>,
    principal: Principal,
    Query(query): Query<OfApplication>,
) -> Result<axum::Json<Keys>, Error> {
    let application_id = query.parse()?;
    let membership = state
        .database
        .application_of(principal.user_id, application_id)
        .await?;
    membership.ok_or(Error::NotFound(Resource::Application))?;
    let (keys, now) = (
        state.database.api_keys(application_id).await?,
        state.clock.now(),
    );
    Ok(axum::Json(Keys {
        keys: keys.into_iter().map(|key| view(key, now)).collect(),
    }))
}

pub(crate) fn view(stored: StoredKey, now: Timestamp) -> View {
    let StoredKey {
        key,
        last_used_at,
        previous_last_used_at,
        telemetry: _,
    } = stored;
    let status = key.status(now);
    let previous = if key.overlaps(now) {
        key.previous
    } else {
        None
    };
    View {
        id: key.id,
        name: key.name,
        hint: key.hint,
        scopes: key.scopes,
        status,
        created_at: key.created_at,
        last_used_at,
        expires_at: key.expires_at,
        previous: previous.map(|previous| Previous {
            hint: previous.hint,
            valid_until: previous.valid_until,
            last_used_at: previous_last_used_at,
        }),
    }
}

//! `GET /apikey?ApplicationId={id}`: lists the keys of an application, without their secrets,
//! and the health of each.

use std::collections::BTreeMap;

use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use shared::access::Access;
use shared::base::clock;
use shared::base::ids::PublicKeyId;
use shared::identity::api_key::{KeyStatus, Scope};
use shared::identity::application::Name;
use shared::store::api_keys::StoredKey;
use shared::telemetry::key_health::{KeyHealth, shown_days};
use shared::telemetry::reject_reason::RejectReason;
use shared::web::error::Error;
use shared::web::query::Query;
use utoipa::ToSchema;

use crate::mint::KeysQuery;

/// Response of `GET /apikey`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Keys {
    /// The keys, oldest first.
    keys: Vec<KeyWithHealth>,
}

/// A key and its health.
#[derive(Serialize, ToSchema)]
struct KeyWithHealth {
    #[serde(flatten)]
    key: KeyResponse,
    /// Requests of yesterday and today (UTC), or null if there were none.
    health: Option<HealthResponse>,
}

/// A key in responses. Never contains its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Key)]
pub(crate) struct KeyResponse {
    id: PublicKeyId,
    name: Name,
    /// Displayable part of the key: its prefix and last four characters.
    #[schema(example = "upblit_live_L6H9O5sHpHYx0yNPyZ8…BcDe")]
    hint: String,
    /// Permissions of the key.
    scopes: Vec<Scope>,
    status: KeyStatus,
    /// When the key was created.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    created_at: Timestamp,
    /// When a batch was last accepted with the key, accurate to five minutes. Null if never.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    last_used_at: Option<Timestamp>,
    /// When the key expires. Null if never.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    expires_at: Option<Timestamp>,
    /// Secret before the last rotation, while it is valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Previous>,
}

/// The secret before the last rotation, while it is valid.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PreviousSecret)]
struct Previous {
    /// Displayable part of the key with this secret.
    hint: String,
    /// When the secret stops being valid.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    valid_until: Timestamp,
    /// When a batch was last accepted with this secret. Null if never.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    last_used_at: Option<Timestamp>,
}

/// What ingest accepted and rejected for a key yesterday and today (UTC).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = KeyHealth)]
struct HealthResponse {
    /// First request counted.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    since: Timestamp,
    /// Last request with the key, accepted or refused.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    last_seen_at: Timestamp,
    /// Number of accepted events.
    accepted: i64,
    /// Number of rejected events.
    rejected: i64,
    /// Number of rejections by reason.
    #[schema(value_type = BTreeMap<String, i64>, example = json!({ "too-old": 3 }))]
    rejected_by: BTreeMap<RejectReason, i64>,
    /// The last rejection. Null if there was none.
    last_error: Option<LastErrorResponse>,
    /// Difference between the sender's clock and the server's in milliseconds, positive if the
    /// sender's is ahead. Null if unknown.
    clock_skew_ms: Option<i64>,
}

/// The last rejection of an event or request.
#[derive(Serialize, ToSchema)]
#[schema(as = LastError)]
struct LastErrorResponse {
    /// When it happened.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    at: Timestamp,
    reason: RejectReason,
    /// What was wrong.
    detail: String,
}

/// Lists the keys of an application with their health. One query for the keys and one batch read
/// for the health of up to 50 keys.
#[utoipa::path(
    get, path = "/apikey", operation_id = "listKeys",
    summary = "List an application's keys",
    description = "Lists keys, oldest first, with the health of each: what ingest accepted and rejected yesterday and today. Never contains the keys themselves. Revoked keys are listed for 30 days.",
    params(KeysQuery),
    responses((status = 200, body = Keys), (status = 400), (status = 401), (status = 404)),
    security(("bearer" = [])),
)]
pub(crate) async fn list(
    State(state): State<crate::State>,
    Access { membership, .. }: Access<Query<KeysQuery>>,
) -> Result<axum::Json<Keys>, Error> {
    let application_id = membership.application.id;
    let now = state.clock.now();
    let mut keys = state.database.api_keys(application_id).await?;
    keys.retain(|stored| stored.is_kept(now));
    let ids = keys.iter().map(|stored| stored.key.id);
    let mut health = state.database.health(ids, shown_days(now)).await?;
    let listed = keys.into_iter().map(|stored| KeyWithHealth {
        health: health.remove(&stored.key.id).map(HealthResponse::from),
        key: key_response(stored, now),
    });
    Ok(axum::Json(Keys {
        keys: listed.collect(),
    }))
}

pub(crate) fn key_response(stored: StoredKey, now: Timestamp) -> KeyResponse {
    let StoredKey {
        key,
        last_used_at,
        previous_last_used_at,
        telemetry: _,
        kept_until: _,
    } = stored;
    let status = key.status(now);
    let previous = if key.overlaps(now) {
        key.previous
    } else {
        None
    };
    KeyResponse {
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

impl From<KeyHealth> for HealthResponse {
    fn from(health: KeyHealth) -> Self {
        Self {
            since: health.since,
            last_seen_at: health.last_seen_at,
            accepted: health.accepted,
            rejected: health.rejected(),
            rejected_by: health.rejected_by,
            last_error: health.last_error.map(|error| LastErrorResponse {
                at: error.at,
                reason: error.reason,
                detail: error.detail,
            }),
            clock_skew_ms: health.clock_skew_ms,
        }
    }
}

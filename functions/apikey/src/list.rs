//! `GET /apikey?ApplicationId={id}`: lists the keys of an application, without their secrets,
//! and the health of each.

use std::collections::BTreeMap;

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use shared::access::{Access, ApplicationName, OfApplication};
use shared::base::clock;
use shared::base::cursor::{CreationPosition, Cursor, List, ListId, page_of};
use shared::base::ids::PublicKeyId;
use shared::identity::api_key::{KeyStatus, Scope};
use shared::identity::application::Name;
use shared::store::api_keys::StoredKey;
use shared::telemetry::key_health::{KeyHealth, shown_days};
use shared::telemetry::reject_reason::RejectReason;
use shared::web::error::Error;
use shared::web::query::{Limit, Query};
use utoipa::{IntoParams, ToSchema};

/// The keys of an application, oldest first.
pub(crate) struct KeyList;

impl List for KeyList {
    const ID: ListId = ListId::Keys;
    type Position = CreationPosition;
}

type Next = Cursor<KeyList>;

/// Query of `GET /apikey`.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct KeysPage {
    /// Id of the application.
    #[serde(rename = "ApplicationId")]
    application: ApplicationName,
    /// Maximum number of keys on the page.
    #[serde(default)]
    #[param(inline)]
    limit: Limit<100>,
    /// `nextCursor` of the previous page.
    #[param(inline)]
    cursor: Option<Next>,
}

impl OfApplication for KeysPage {
    fn application(&self) -> ApplicationName {
        self.application
    }
}

/// Response of `GET /apikey`. `nextCursor` is null on the last page.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Keys {
    /// The keys, oldest first.
    keys: Vec<KeyWithHealth>,
    /// Cursor of the next page, or null on the last.
    next_cursor: Option<String>,
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
    /// When a batch was last accepted with the key, or telemetry was last read with it, accurate to
    /// five minutes. Null if never.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    last_used_at: Option<Timestamp>,
    /// When the key expires. Null if never.
    #[serde(serialize_with = "clock::serialize_rfc3339_option")]
    expires_at: Option<Timestamp>,
    /// The secret before the last rotation. Absent when it is no longer valid.
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<Previous>,
}

/// The secret before the last rotation, which is still valid.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PreviousSecret)]
struct Previous {
    /// Displayable part of the key with this secret.
    hint: String,
    /// When the secret stops being valid.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    valid_until: Timestamp,
    /// When this secret was last used, in the same sense. Null if never.
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
    /// Number of accepted events that were cut to the size limits.
    truncated: i64,
    /// Number of accepted events from which credentials or card numbers were removed.
    scrubbed: i64,
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
    /// Share of today's (UTC) write units that is used up, in percent: that of the application or,
    /// if it is higher, that of all applications of the user who created it. Null below 80.
    #[schema(minimum = 80, maximum = 100)]
    quota_used_percent: Option<u8>,
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

/// Lists a page of the keys of an application with their health. Reads the membership, queries the
/// keys, and reads the health of up to 50 keys at a time.
#[utoipa::path(
    get, path = "/apikey", operation_id = "listKeys",
    summary = "List an application's keys",
    description = "Lists keys in pages, oldest first, with the health of each: what ingest accepted and rejected yesterday and today. Never contains the keys themselves. Revoked keys are listed for 30 days.",
    params(KeysPage),
    responses((status = 200, body = Keys), (status = 400), (status = 401), (status = 404)),
    security(("bearer" = [])),
)]
pub(crate) async fn list(
    State(state): State<crate::State>,
    Access {
        membership,
        request: Query(page),
        ..
    }: Access<Query<KeysPage>>,
) -> Result<axum::Json<Keys>, Error> {
    let application_id = membership.application.id;
    let now = state.clock.now();
    let mut keys = state.database.api_keys(application_id).await?;
    keys.retain(|stored| stored.is_kept(now));
    let start = page.cursor.map(|cursor| cursor.0);
    let (keys, next) = page_of(keys, start.as_ref(), page.limit.get().into(), |stored| {
        CreationPosition {
            created_ms: stored.key.created_at.as_millisecond(),
            id: stored.key.id.key_id.to_string(),
        }
    });
    let ids = keys.iter().map(|stored| stored.key.id);
    let mut health = state.database.health(ids, shown_days(now)).await?;
    let listed = keys.into_iter().map(|stored| KeyWithHealth {
        health: health
            .remove(&stored.key.id)
            .map(|health| health_response(health, now)),
        key: key_response(stored, now),
    });
    Ok(axum::Json(Keys {
        keys: listed.collect(),
        next_cursor: next.map(|position| Cursor::<KeyList>(position).to_string()),
    }))
}

pub(crate) fn key_response(stored: StoredKey, now: Timestamp) -> KeyResponse {
    let StoredKey {
        key,
        last_used_at,
        previous_last_used_at,
        telemetry: _,
        application_by: _,
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

fn health_response(health: KeyHealth, now: Timestamp) -> HealthResponse {
    let quota_used_percent = health.quota_percent_on(now);
    HealthResponse {
        since: health.since,
        last_seen_at: health.last_seen_at,
        accepted: health.accepted,
        truncated: health.truncated,
        scrubbed: health.scrubbed,
        rejected: health.rejected(),
        rejected_by: health.rejected_by,
        last_error: health.last_error.map(|error| LastErrorResponse {
            at: error.at,
            reason: error.reason,
            detail: error.detail,
        }),
        clock_skew_ms: health.clock_skew_ms,
        quota_used_percent,
    }
}

//! Metrics over OpenTelemetry's protocol. They are not stored: every data point is rejected in a
//! response with status 200, so that SDKs do not log an error every minute.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use shared::identity::api_key::Scope;
use shared::telemetry::decode::{Format, Report, otlp};
use shared::telemetry::key_health::KeyHealth;
use shared::verified_keys::AuthorizedKey;
use shared::web::error::Error;
use shared::web::source::ClientAddress;

use crate::batch::{MAX_READ_BYTES, answered, decompressed, most_inflated, read, unreadable};
use crate::keys::authorize;
use crate::protocol;

/// Rejects the data points of a request. The request counts against the key's quota, but not as a
/// failure in the key's health.
pub(crate) async fn reject(
    state: &crate::State,
    address: ClientAddress,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let key = authorize(state, address, headers, any_ingest).await?;
    let outcome = rejected(state, &key, headers, body).await;
    Ok(answered(state, &key, outcome).await)
}

/// There is no scope for metrics, so either ingest scope is enough.
fn any_ingest(scopes: &[Scope]) -> Scope {
    if scopes.contains(&Scope::IngestLogs) {
        Scope::IngestLogs
    } else {
        Scope::IngestTraces
    }
}

async fn rejected(
    state: &crate::State,
    key: &AuthorizedKey,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    state.limits.check(key.id)?;
    let encoding = protocol::otlp_encoding(headers);
    let encoding = state.count(key, None, 0, encoding).await?;
    let wire = read(body).await;
    let wire = state.count(key, None, MAX_READ_BYTES, wire).await?;
    let inflated = decompressed(&wire, headers, Format::Otlp(encoding));
    let most = most_inflated(wire.len());
    let inflated = state.count(key, None, most, inflated).await?;
    // The response does not depend on the quota of the day, because nothing is kept in any case.
    state.charge(key, None, 0, inflated.len()).await?;
    let points = otlp::data_points(&inflated, encoding).map_err(unreadable)?;
    let nothing = KeyHealth::of_batch(&Report::default(), state.clock.now());
    state.health.record(key.id, nothing).await;
    let response = otlp::metrics_response(&points, encoding);
    Ok(([(CONTENT_TYPE, encoding.media_type())], response).into_response())
}

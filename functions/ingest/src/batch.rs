//! `POST /ingest/traces` and `POST /ingest/logs`: header → key → body → events → stored.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};
use shared::api_key::Scope;
use shared::batch::chunk;
use shared::batch::event::{Event, LogRecord, Span};
use shared::batch::head::Summarize;
use shared::batch::native::{self, EnvelopeError};
use shared::batch::{BatchId, Decoded, Report};
use shared::error::Error;
use shared::http::body;
use shared::http::source::Source;
use shared::ids::ApplicationId;
use shared::inflate::{InflateError, MAX_WIRE_BYTES, inflate};
use shared::ingest_health::Health;

use crate::keys::AuthorizedKey;

/// More than a body of [`MAX_WIRE_BYTES`] in base64: `inflate` judges after decoding.
const MAX_READ_BYTES: usize = MAX_WIRE_BYTES / 3 * 4 + 1024;

/// `POST /ingest/traces`.
pub(crate) async fn traces(
    State(state): State<crate::State>,
    source: Source,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let key = state
        .keys
        .authorize(&state, source, &headers, Scope::IngestTraces)
        .await?;
    Ok(limited::<Span>(&state, &key, &headers, body, native::decode_traces).await)
}

/// `POST /ingest/logs`.
pub(crate) async fn logs(
    State(state): State<crate::State>,
    source: Source,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    let key = state
        .keys
        .authorize(&state, source, &headers, Scope::IngestLogs)
        .await?;
    Ok(limited::<LogRecord>(&state, &key, &headers, body, native::decode_logs).await)
}

type Decode<E> = fn(&[u8]) -> Result<Decoded<E>, EnvelopeError>;

/// The answer to a batch, with what is left of the key's quota, whatever came of it.
async fn limited<E: Event + Summarize>(
    state: &crate::State,
    key: &AuthorizedKey,
    headers: &HeaderMap,
    body: Body,
    decode: Decode<E>,
) -> Response {
    let outcome = ingest(state, key, headers, body, decode).await;
    if let Err(error) = &outcome {
        state.health.note_refusal(state, key.id, error).await;
    }
    let limits = state.limits.headers(key.id, state.clock.now());
    (limits, outcome.map(Json)).into_response()
}

/// Two writes for a batch as SDKs send it, none for an empty one.
async fn ingest<E: Event + Summarize>(
    state: &crate::State,
    key: &AuthorizedKey,
    headers: &HeaderMap,
    body: Body,
    decode: Decode<E>,
) -> Result<Report, Error> {
    if state.limits.is_used_up(key.id, state.clock.now()) {
        return Err(OVER_LIMIT);
    }
    let application_id = key.id.application_id;
    check_media_type(headers)?;
    let body = read(body).await?;
    let inflated = inflate(&body, content_encoding(headers)?).map_err(|error| refused(&error))?;
    let (chunks, report) = pack(state, application_id, &inflated, decode)?;
    drop(inflated);
    drop(body);
    let events = report.accepted + report.rejected;
    if !state.limits.admit(state, key.id, events).await? {
        return Err(OVER_LIMIT);
    }
    let retention = key.telemetry.retention_or(state.retention);
    let shards = key.telemetry.shards;
    let store = state
        .database
        .store_batch(application_id, &chunks, retention, shards);
    let seen = Health::of_batch(&report, state.clock.now());
    // The notes of the key run beside the write, and their failure is not the batch's.
    let (stored, (), ()) = tokio::join!(
        store,
        state.keys.note_use(state, key),
        state.health.note(state, key.id, seen.clone())
    );
    if let Err(error) = stored {
        state.health.take_back(key.id, &seen);
        return Err(error.into());
    }
    tracing::info!(
        application = %application_id, key = %key.id, signal = E::SIGNAL.as_str(),
        accepted = report.accepted, rejected = report.rejected, "ingested"
    );
    Ok(report)
}

const OVER_LIMIT: Error = Error::RateLimited("this minute's quota of the key is used up");

/// Absent and `text/plain` are fine: browsers' beacons send nothing else. So is
/// `application/octet-stream`: as that, a gateway leaves compressed bytes alone.
fn check_media_type(headers: &HeaderMap) -> Result<(), Error> {
    const READ: [&str; 4] = [
        "",
        "application/json",
        "application/octet-stream",
        "text/plain",
    ];
    let media_type = body::media_type(headers).unwrap_or_default();
    let is_read = READ
        .iter()
        .any(|read| media_type.eq_ignore_ascii_case(read));
    is_read.then_some(()).ok_or_else(body::not_json)
}

async fn read(body: Body) -> Result<Bytes, Error> {
    body::read(body, MAX_READ_BYTES)
        .await
        .map_err(|error| match error {
            Error::TooLarge(_) => refused(&InflateError::WireTooLarge),
            error => error,
        })
}

fn content_encoding(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let encoding = headers
        .get(CONTENT_ENCODING)
        .map(HeaderValue::to_str)
        .transpose();
    encoding.map_err(|_| refused(&InflateError::UnknownEncoding(String::new())))
}

fn refused(error: &InflateError) -> Error {
    let told = error.to_string();
    match error {
        InflateError::UnknownEncoding(_) => Error::UnsupportedMedia(told),
        InflateError::Corrupt(_) | InflateError::ReadAsText => Error::Malformed(told),
        InflateError::WireTooLarge | InflateError::InflatedTooLarge => Error::TooLarge(told),
    }
}

fn pack<E: Event + Summarize>(
    state: &crate::State,
    application_id: ApplicationId,
    body: &[u8],
    decode: Decode<E>,
) -> Result<(Vec<chunk::Chunk>, Report), Error> {
    let decoded = decode(body).map_err(|error| match error {
        EnvelopeError::Malformed(told) => Error::Malformed(told),
        EnvelopeError::TooManyEvents => Error::TooLarge(error.to_string()),
    })?;
    let batch = BatchId::of(application_id, E::SIGNAL, body);
    chunk::pack(decoded, batch, state.clock.now()).map_err(|error| Error::Internal(error.into()))
}

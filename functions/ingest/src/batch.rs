//! `POST /ingest/traces` and `/ingest/logs`, and the same in OpenTelemetry's
//! protocol, `POST /v1/traces` and `/v1/logs`: header → key → body → events → stored.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};
use shared::base::ids::ApplicationId;
use shared::telemetry::batch::BatchId;
use shared::telemetry::chunk;
use shared::telemetry::decode::{EnvelopeError, Report};
use shared::telemetry::inflate::{InflateError, MAX_WIRE_BYTES, inflate};
use shared::telemetry::ingest_health::Health;
use shared::web::body;
use shared::web::error::Error;
use shared::web::request_log;
use shared::web::source::Source;

use crate::keys::AuthorizedKey;
use crate::protocol::{Ingested, Negotiate, Protocol};

/// More than a body of [`MAX_WIRE_BYTES`] in base64: `inflate` judges after decoding.
const MAX_READ_BYTES: usize = MAX_WIRE_BYTES / 3 * 4 + 1024;

/// `POST /ingest/traces` and `/ingest/logs`.
pub(crate) async fn native<E: Ingested>(
    State(state): State<crate::State>,
    source: Source,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    receive::<E>(&state, source, &headers, body, Protocol::native).await
}

/// `POST /v1/traces` and `/v1/logs`.
pub(crate) async fn otlp<E: Ingested>(
    State(state): State<crate::State>,
    source: Source,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Error> {
    receive::<E>(&state, source, &headers, body, Protocol::otlp).await
}

/// The answer to a batch, with what is left of the key's quota, whatever came of it.
async fn receive<E: Ingested>(
    state: &crate::State,
    source: Source,
    headers: &HeaderMap,
    body: Body,
    negotiate: Negotiate,
) -> Result<Response, Error> {
    let key = state.keys.authorize(source, headers, E::SCOPE).await?;
    let outcome = ingest::<E>(state, &key, headers, body, negotiate).await;
    if let Err(error) = &outcome {
        state.health.note_refusal(key.id, error).await;
    }
    let limits = state.limits.headers(key.id);
    let answer = outcome.map(|(report, protocol)| protocol.answer(report, E::SIGNAL));
    Ok((limits, answer).into_response())
}

/// Two writes for a batch as SDKs send it, none for an empty one.
async fn ingest<E: Ingested>(
    state: &crate::State,
    key: &AuthorizedKey,
    headers: &HeaderMap,
    body: Body,
    negotiate: Negotiate,
) -> Result<(Report, Protocol), Error> {
    if state.limits.is_used_up(key.id) {
        return Err(OVER_LIMIT);
    }
    let application_id = key.id.application_id;
    let protocol = negotiate(headers)?;
    let body = read(body).await?;
    let inflated = inflate(&body, content_encoding(headers)?, protocol.payload())
        .map_err(|error| refused(&error))?;
    let (chunks, report) = pack::<E>(state, application_id, &inflated, protocol)?;
    drop(inflated);
    drop(body);
    let events = report.accepted + report.rejected;
    if !state.limits.admit(key.id, events).await? {
        return Err(OVER_LIMIT);
    }
    let (retention, shards) = (
        key.telemetry.retention_or(state.retention),
        key.telemetry.shards,
    );
    let now = state.clock.now();
    let store = state
        .database
        .store_batch(application_id, &chunks, retention, shards, now);
    let seen = Health::of_batch(&report, now);
    // The notes of the key run beside the write, and their failure is not the batch's.
    let (stored, (), ()) = tokio::join!(
        store,
        state.keys.note_use(key),
        state.health.note(key.id, seen.clone())
    );
    if let Err(error) = stored {
        state.health.take_back(key.id, &seen);
        return Err(error.into());
    }
    let (accepted, rejected) = (report.accepted, report.rejected);
    request_log::note(|request| {
        request.ingested = Some(request_log::Ingested { accepted, rejected })
    });
    Ok((report, protocol))
}

const OVER_LIMIT: Error = Error::RateLimited("this minute's quota of the key is used up");

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

fn pack<E: Ingested>(
    state: &crate::State,
    application_id: ApplicationId,
    body: &[u8],
    protocol: Protocol,
) -> Result<(Vec<chunk::Chunk>, Report), Error> {
    let decoded = E::decode(body, protocol).map_err(|error| match error {
        EnvelopeError::Malformed(told) => Error::Malformed(told),
        too_much => Error::TooLarge(too_much.to_string()),
    })?;
    let batch = BatchId::of(application_id, E::SIGNAL, body);
    chunk::pack(decoded, batch, state.clock.now()).map_err(|error| Error::Internal(error.into()))
}

//! Receives a batch in either protocol: verifies the key, reads and decodes the body, and
//! stores the events.

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};
use shared::identity::api_key::Scope;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::PackedChunk;
use shared::telemetry::decode::{EnvelopeError, Reception, Report};
use shared::telemetry::inflate::{InflateError, MAX_WIRE_BYTES, inflate};
use shared::telemetry::intake::{self, IntakeError};
use shared::telemetry::key_health::KeyHealth;
use shared::web::body;
use shared::web::error::Error;
use shared::web::request_log;
use shared::web::source::ClientAddress;

use crate::keys::AuthorizedKey;
use crate::protocol::{self, Negotiate};

/// Largest body that is read, in bytes: slightly more than [`MAX_WIRE_BYTES`] in base64.
/// `inflate` checks the exact limit after decoding.
const MAX_READ_BYTES: usize = MAX_WIRE_BYTES / 3 * 4 + 1024;

/// The differences between the four routes.
pub(crate) struct Route {
    signal: Signal,
    negotiate: Negotiate,
}

impl Route {
    pub(crate) const NATIVE_TRACES: Self = Self::new(Signal::Traces, protocol::native);
    pub(crate) const NATIVE_LOGS: Self = Self::new(Signal::Logs, protocol::native);
    pub(crate) const OTLP_TRACES: Self = Self::new(Signal::Traces, protocol::otlp);
    pub(crate) const OTLP_LOGS: Self = Self::new(Signal::Logs, protocol::otlp);

    const fn new(signal: Signal, negotiate: Negotiate) -> Self {
        Self { signal, negotiate }
    }
}

/// Processes a request. Every response, errors included, has the headers of the key's
/// remaining quota.
pub(crate) async fn receive(
    state: &crate::State,
    address: ClientAddress,
    headers: &HeaderMap,
    body: Body,
    route: Route,
) -> Result<Response, Error> {
    let scope = scope_of(route.signal);
    let key = state.keys.authorize(address, headers, scope).await?;
    let outcome = ingest(state, &key, headers, body, route).await;
    if let Err(error) = &outcome {
        state.health.record_refusal(key.id, error).await;
    }
    Ok((state.limits.headers(key.id), outcome).into_response())
}

/// The scope that a key needs for a signal.
fn scope_of(signal: Signal) -> Scope {
    match signal {
        Signal::Traces => Scope::IngestTraces,
        Signal::Logs => Scope::IngestLogs,
    }
}

async fn ingest(
    state: &crate::State,
    key: &AuthorizedKey,
    headers: &HeaderMap,
    body: Body,
    Route { signal, negotiate }: Route,
) -> Result<Response, Error> {
    state.limits.check(key.id)?;
    let format = negotiate(headers)?;
    let body = read(body).await?;
    let inflated =
        inflate(&body, content_encoding(headers)?, format.payload()).map_err(|e| refused(&e))?;
    let application_id = key.id.application_id;
    let at = Reception {
        now: state.clock.now(),
        retention: key.telemetry.retention_or(state.retention),
    };
    let (chunks, report) = intake::chunks_of(&inflated, signal, format, application_id, at)
        .map_err(|error| match error {
            IntakeError::Envelope(EnvelopeError::Malformed(problem)) => Error::Malformed(problem),
            IntakeError::Envelope(too_much) => Error::TooLarge(too_much.to_string()),
            IntakeError::Compression(error) => Error::Internal(error.into()),
        })?;
    drop(inflated);
    drop(body);
    let events = report.accepted + report.rejected;
    state.limits.admit(key.id, events).await?;
    store(state, key, &chunks, &report).await?;
    Ok(protocol::response(report, signal, format))
}

/// Stores the chunks of a batch and records the use of the key. A usual batch takes two
/// writes, an empty one none.
async fn store(
    state: &crate::State,
    key: &AuthorizedKey,
    chunks: &[PackedChunk],
    report: &Report,
) -> Result<(), Error> {
    let application_id = key.id.application_id;
    let now = state.clock.now();
    let shards = key.telemetry.shards;
    let retention = key.telemetry.retention_or(state.retention);
    let health = KeyHealth::of_batch(report, now);
    // Use and health of the key are written concurrently; the request does not fail with them.
    let (stored, (), ()) = tokio::join!(
        state
            .database
            .store_batch(application_id, chunks, retention, shards, now),
        state.keys.record_use(key),
        state.health.record(key.id, health.clone())
    );
    stored.inspect_err(|_| state.health.revert(key.id, &health))?;
    let accepted = report.accepted;
    let rejected = report.rejected;
    request_log::record(|request| {
        request.ingested = Some(request_log::Ingested { accepted, rejected });
    });
    Ok(())
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
    let problem = error.to_string();
    match error {
        InflateError::UnknownEncoding(_) => Error::UnsupportedMedia(problem),
        InflateError::Corrupt(_)
        | InflateError::ReadAsText
        | InflateError::NearlyEmptyBlocks(_) => Error::Malformed(problem),
        InflateError::WireTooLarge | InflateError::InflatedTooLarge => Error::TooLarge(problem),
    }
}

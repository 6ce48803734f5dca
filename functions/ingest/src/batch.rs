//! Receives a batch in either protocol: verifies the key, reads and decodes the body, and
//! stores the events.

use std::borrow::Cow;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderValue};
use shared::identity::api_key::Scope;
use shared::store::telemetry::Batches;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::PackedChunk;
use shared::telemetry::decode::{EnvelopeError, Format, Reception, Report};
use shared::telemetry::inflate::{InflateError, MAX_INFLATED_BYTES, MAX_TEXT_BYTES, inflate};
use shared::telemetry::intake::Batch;
use shared::telemetry::key_health::KeyHealth;
use shared::verified_keys::{AuthorizedKey, NeededScope};
use shared::web::body;
use shared::web::error::Error;
use shared::web::request_log;
use shared::web::source::ClientAddress;

use crate::keys::authorize;
use crate::protocol::{self, Negotiate};

/// Largest body that is read, in bytes. Compressed bodies have a lower limit, which `inflate`
/// checks.
pub(crate) const MAX_READ_BYTES: usize = MAX_TEXT_BYTES;

/// Largest number of bytes that deflate expands a byte to. zstd exceeds it only for runs of equal
/// bytes, which take little time.
const MAX_EXPANSION: usize = 1_032;

/// The differences between the four routes that store events.
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

/// Processes a request. Once the key is authorized, every response, errors included, has the
/// headers of the key's remaining quota.
pub(crate) async fn receive(
    state: &crate::State,
    address: ClientAddress,
    headers: &HeaderMap,
    body: Body,
    route: Route,
) -> Result<Response, Error> {
    let scope = scope_of(route.signal);
    let key = authorize(state, address, headers, scope).await?;
    let outcome = ingest(state, &key, headers, body, route).await;
    Ok(answered(state, &key, outcome).await)
}

/// Turns an outcome into a response with the headers of the key's remaining quota. Counts a refusal
/// in the health of the key.
pub(crate) async fn answered(
    state: &crate::State,
    key: &AuthorizedKey,
    outcome: Result<Response, Error>,
) -> Response {
    if let Err(error) = &outcome {
        state.health.record_refusal(key.id, error).await;
    }
    (state.limits.headers(key.id), outcome).into_response()
}

/// Returns the scope that a key needs for a signal.
fn scope_of(signal: Signal) -> NeededScope {
    match signal {
        Signal::Traces => |_| Scope::IngestTraces,
        Signal::Logs => |_| Scope::IngestLogs,
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
    let counted = Some(signal);
    let format = state.count(key, counted, 0, negotiate(headers)).await?;
    let wire = read(body).await;
    let wire = state.count(key, counted, MAX_READ_BYTES, wire).await?;
    let inflated = decompressed(&wire, headers, format);
    let most = most_inflated(wire.len());
    let inflated = state.count(key, counted, most, inflated).await?;
    let body_bytes = inflated.len();
    let batch = Batch::new(&inflated, signal, format, key.id.application_id);
    let batch = batch.map_err(unreadable);
    let batch = state.count(key, counted, body_bytes, batch).await?;
    let events = batch.locate().map_err(unreadable);
    let events = state.count(key, counted, body_bytes, events).await?;
    let sent = (signal, events.count());
    let estimated = estimated_units(events.count(), wire.len(), body_bytes);
    let charge = state.charge(key, Some(sent), estimated, body_bytes).await?;
    let Some(charge) = charge else {
        return Ok(over_quota(state, key, sent, format).await);
    };
    let at = Reception {
        now: state.clock.now(),
        retention: key.telemetry.retention_or(state.retention),
    };
    let id = key.id.application_id;
    let batches = state
        .database
        .batches(id, at.retention, key.telemetry.shards);
    let mut events = events.decode().map_err(unreadable)?;
    // Otherwise a large body and the packed chunks would be in memory at the same time.
    drop(batch);
    drop(inflated);
    drop(wire);
    if key.telemetry.is_scrubbed() {
        events = events.scrubbed();
    }
    let packed = events.pack(at);
    let (chunks, report) = packed.map_err(|error| Error::Internal(error.into()))?;
    let planned = batches.write_units(&chunks, state.clock.now())?;
    let charge = state.raise(key, charge, signal, planned, body_bytes);
    let Some(charge) = charge.await? else {
        return Ok(over_quota(state, key, sent, format).await);
    };
    let units = store(state, key, &batches, &chunks, &report).await?;
    state.settle(key, charge, signal, units, body_bytes);
    Ok(protocol::response(report, signal, format))
}

/// Decompresses a body, as its headers and its first bytes say.
///
/// # Errors
/// When it is corrupt, too large or in an unsupported encoding.
pub(crate) fn decompressed<'a>(
    wire: &'a [u8],
    headers: &HeaderMap,
    format: Format,
) -> Result<Cow<'a, [u8]>, Error> {
    let encoding = content_encoding(headers)?;
    inflate(wire, Some(&encoding), format.payload()).map_err(|error| refused(&error))
}

/// Upper bound of the bytes that were decompressed from a body before it was refused.
pub(crate) fn most_inflated(wire_bytes: usize) -> usize {
    let most = wire_bytes.saturating_mul(MAX_EXPANSION);
    most.min(MAX_INFLATED_BYTES)
}

/// Estimates the write units of a batch, which it is charged until it is packed: those of its
/// chunk, which is about as large as the compressed body, and of its summary. JSON is assumed to
/// compress to an eighth.
fn estimated_units(events: usize, wire_bytes: usize, inflated_bytes: usize) -> u64 {
    if events == 0 {
        return 0;
    }
    let stored = wire_bytes.min(inflated_bytes / 8);
    2 + stored as u64 / 1024
}

/// Stores the chunks of a batch and records the use of the key. Usually two writes; none for an
/// empty batch. Returns the write units of the batch.
async fn store(
    state: &crate::State,
    key: &AuthorizedKey,
    batches: &Batches<'_>,
    chunks: &[PackedChunk],
    report: &Report,
) -> Result<u64, Error> {
    let health = health_of(state, key, report);
    // Use and health of the key and usage are written concurrently. The request does not fail if
    // they do.
    let (stored, (), ()) = tokio::join!(
        batches.store(chunks, state.clock.now()),
        async {
            state.keys.record_use(key).await;
            state.days.record_usage(key.payers).await;
        },
        state.health.record(key.id, health.clone())
    );
    let units = stored.inspect_err(|_| state.health.revert(key.id, &health))?;
    log(report);
    Ok(units)
}

/// Returns the response to a batch over the quota of the day, of which nothing is kept. Counts its
/// events as rejected.
async fn over_quota(
    state: &crate::State,
    key: &AuthorizedKey,
    (signal, events): (Signal, usize),
    format: Format,
) -> Response {
    let report = Report::over_quota(events);
    let health = health_of(state, key, &report);
    tokio::join!(
        state.health.record(key.id, health),
        state.days.record_usage(key.payers)
    );
    log(&report);
    protocol::response(report, signal, format)
}

fn health_of(state: &crate::State, key: &AuthorizedKey, report: &Report) -> KeyHealth {
    KeyHealth {
        quota_percent: state.days.used_percent(key.payers),
        ..KeyHealth::of_batch(report, state.clock.now())
    }
}

fn log(report: &Report) {
    let accepted = report.accepted;
    let rejected = report.rejected;
    request_log::record(|request| {
        request.ingested = Some(request_log::Ingested { accepted, rejected });
    });
}

/// Reads a body without decompressing it.
///
/// # Errors
/// When it is too large or its transfer fails.
pub(crate) async fn read(body: Body) -> Result<Bytes, Error> {
    body::read(body, MAX_READ_BYTES)
        .await
        .map_err(|error| match error {
            Error::TooLarge(_) => refused(&InflateError::WireTooLarge),
            error => error,
        })
}

/// Returns the value of `Content-Encoding`. Several header lines are one list (RFC 9110, section
/// 5.3).
fn content_encoding(headers: &HeaderMap) -> Result<String, Error> {
    let lines = headers.get_all(CONTENT_ENCODING).iter();
    let lines: Result<Vec<_>, _> = lines.map(HeaderValue::to_str).collect();
    let lines = lines.map_err(|_| refused(&InflateError::UnknownEncoding(String::new())))?;
    Ok(lines.join(","))
}

/// Returns the error for a batch that is refused as a whole.
pub(crate) fn unreadable(error: EnvelopeError) -> Error {
    match error {
        EnvelopeError::Malformed(problem) => Error::Malformed(problem),
        EnvelopeError::TooLarge => Error::TooLarge(error.to_string()),
    }
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

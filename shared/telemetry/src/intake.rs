//! From the body of a request to what is stored: its events, decoded and packed.

use std::io;

use jiff::Timestamp;
use thiserror::Error;
use upblit_base::ids::ApplicationId;

use crate::batch::{BatchId, Signal};
use crate::chunk::{self, Chunk};
use crate::decode::{EnvelopeError, Format, Report, native, otlp};

/// Why nothing of a batch can be stored.
#[derive(Debug, Error)]
pub enum IntakeError {
    /// What surrounds the events cannot be read, or is too much.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// The events could not be compressed, which no input can cause.
    #[error("the events could not be compressed")]
    Compression(#[from] io::Error),
}

/// Decodes an inflated body and packs the events that are within the time window.
///
/// # Errors
/// When the batch cannot be read at all; a bad event is only reported.
pub fn chunks_of(
    body: &[u8],
    signal: Signal,
    format: Format,
    application_id: ApplicationId,
    now: Timestamp,
) -> Result<(Vec<Chunk>, Report), IntakeError> {
    let batch = BatchId::of(application_id, signal, body);
    let packed = match (signal, format) {
        (Signal::Traces, Format::Native) => chunk::pack(native::decode_traces(body)?, batch, now),
        (Signal::Logs, Format::Native) => chunk::pack(native::decode_logs(body)?, batch, now),
        (Signal::Traces, Format::Otlp(encoding)) => {
            chunk::pack(otlp::decode_traces(body, encoding)?, batch, now)
        }
        (Signal::Logs, Format::Otlp(encoding)) => {
            chunk::pack(otlp::decode_logs(body, encoding)?, batch, now)
        }
    };
    Ok(packed?)
}

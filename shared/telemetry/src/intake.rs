//! Turns the body of a request into the chunks to store.

use std::io;

use thiserror::Error;
use upblit_base::ids::ApplicationId;

use crate::batch::{BatchId, Signal};
use crate::chunk::{self, PackedChunk};
use crate::decode::{EnvelopeError, Format, Reception, Report, native, otlp};

/// Why a whole batch is refused.
#[derive(Debug, Error)]
pub enum IntakeError {
    /// The envelope around the events is malformed or exceeds a limit.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Compression failed. No input can cause this.
    #[error("the events could not be compressed")]
    Compression(#[from] io::Error),
}

/// Decodes a decompressed body and packs the events that are neither too old nor too
/// far in the future. The report counts the others.
///
/// # Errors
/// When the batch as a whole cannot be read. A malformed event is only reported.
pub fn chunks_of(
    body: &[u8],
    signal: Signal,
    format: Format,
    application_id: ApplicationId,
    at: Reception,
) -> Result<(Vec<PackedChunk>, Report), IntakeError> {
    let batch = BatchId::of(application_id, signal, body);
    let packed = match (signal, format) {
        (Signal::Traces, Format::Native) => chunk::pack(native::decode_traces(body)?, batch, at),
        (Signal::Logs, Format::Native) => chunk::pack(native::decode_logs(body)?, batch, at),
        (Signal::Traces, Format::Otlp(encoding)) => {
            chunk::pack(otlp::decode_traces(body, encoding)?, batch, at)
        }
        (Signal::Logs, Format::Otlp(encoding)) => {
            chunk::pack(otlp::decode_logs(body, encoding)?, batch, at)
        }
    };
    Ok(packed?)
}

//! Zstandard (RFC 8878).

use ::zstd::stream::raw::{DParameter, Decoder, Operation};

use super::InflateError;
use super::output::Output;

/// Largest window accepted, as a power of two: 8 MiB, which RFC 8878 §3.1.1.1.2
/// recommends every decoder to support.
const WINDOW_LOG_MAX: u32 = 23;

/// Bytes with which a frame begins: magic number and frame header descriptor.
const FRAME_START_BYTES: usize = 5;

/// Decompresses all frames, and skips skippable ones. The decoder states how many bytes it needs for
/// its next step. It gets no more, so that each call decodes at most one block.
pub(super) fn frames(mut body: &[u8], output: &mut Output) -> Result<(), InflateError> {
    let mut decoder = Decoder::new().map_err(|_| output.corrupt())?;
    decoder
        .set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))
        .map_err(|_| output.corrupt())?;
    let mut needed = 0;
    while !body.is_empty() || needed > 0 {
        output.charge(1)?;
        let frame_starts = needed == 0;
        let wanted = if frame_starts {
            FRAME_START_BYTES
        } else {
            needed
        };
        let step = &body[..wanted.min(body.len())];
        let (buffer, filled) = output.buffer()?;
        let status = decoder
            .run_on_buffers(step, &mut buffer[filled..])
            .map_err(|_| output.corrupt())?;
        if status.bytes_read == 0 && status.bytes_written == 0 {
            return Err(output.corrupt());
        }
        body = &body[status.bytes_read..];
        output.advance(status.bytes_written)?;
        needed = status.remaining;
    }
    Ok(())
}

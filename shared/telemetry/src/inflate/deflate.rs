//! Deflate (RFC 1951), bare or wrapped as zlib (RFC 1950) or gzip (RFC 1952).

use flate2::Crc;
use flate2::bufread::GzDecoder;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use super::InflateError;
use super::output::Output;

/// The CRC and the length at the end of a gzip member, in bytes.
const GZIP_TRAILER_BYTES: usize = 8;

/// Cost of beginning a gzip member, in blocks. Most of it is the state that flate2 allocates.
const BLOCKS_PER_MEMBER: usize = 4;

/// Decompresses all members of a gzip file. Zeros after the last one are padding, as for gzip(1).
pub(super) fn gzip(mut body: &[u8], output: &mut Output) -> Result<(), InflateError> {
    while !is_padding(body) {
        output.charge(BLOCKS_PER_MEMBER)?;
        let start = output.filled().len();
        let deflated = after_gzip_header(body).ok_or_else(|| output.corrupt())?;
        let rest = blocks(deflated, 0, output)?;
        let (trailer, rest) = rest
            .split_at_checked(GZIP_TRAILER_BYTES)
            .ok_or_else(|| output.corrupt())?;
        let mut crc = Crc::new();
        crc.update(&output.filled()[start..]);
        let expected = [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()];
        if trailer != expected.as_flattened() {
            return Err(output.corrupt());
        }
        body = rest;
    }
    Ok(())
}

/// Decompresses zlib or, because some clients send it under the same name, bare deflate.
pub(super) fn zlib_or_raw(body: &[u8], output: &mut Output) -> Result<(), InflateError> {
    let flags = if has_zlib_header(body) {
        inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER | inflate_flags::TINFL_FLAG_COMPUTE_ADLER32
    } else {
        0
    };
    let rest = blocks(body, flags, output)?;
    is_padding(rest)
        .then_some(())
        .ok_or_else(|| output.corrupt())
}

/// Returns whether only zeros are left. Stops at the first other byte, as at the start of a member.
fn is_padding(rest: &[u8]) -> bool {
    rest.iter().all(|byte| *byte == 0)
}

fn has_zlib_header(body: &[u8]) -> bool {
    match body {
        [cmf, flg, ..] => cmf & 0x0f == 8 && u16::from_be_bytes([*cmf, *flg]) % 31 == 0,
        _ => false,
    }
}

fn after_gzip_header(member: &[u8]) -> Option<&[u8]> {
    let decoder = GzDecoder::new(member);
    decoder.header()?;
    Some(decoder.into_inner())
}

/// Decompresses one stream, block by block. Returns what follows it.
fn blocks<'a>(
    mut body: &'a [u8],
    flags: u32,
    output: &mut Output,
) -> Result<&'a [u8], InflateError> {
    let flags = flags
        | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
        | inflate_flags::TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
    let mut state = DecompressorOxide::new();
    output.charge(1)?;
    loop {
        let (buffer, filled) = output.buffer()?;
        let (status, read, written) = decompress(&mut state, body, buffer, filled, flags);
        body = body.get(read..).unwrap_or_default();
        output.advance(written)?;
        match status {
            TINFLStatus::Done => return Ok(body),
            TINFLStatus::BlockBoundary => output.charge(1)?,
            TINFLStatus::HasMoreOutput => {}
            _ => return Err(output.corrupt()),
        }
    }
}

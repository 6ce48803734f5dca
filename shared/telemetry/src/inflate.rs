//! Decompression of request bodies. Gateways may or may not decode base64 and gzip, and
//! sometimes treat bytes as text. The first bytes of the body therefore decide how it is
//! read, and the headers are only a hint.

mod deflate;
mod encoding;
mod output;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod waste;
mod zstd;

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use self::encoding::ContentEncoding;
use self::output::Output;

const MIB: usize = 1024 * 1024;

/// Largest compressed body as sent, in bytes: Lambda's limit of 6 MB less the overhead of base64.
pub const MAX_WIRE_BYTES: usize = 4 * MIB;

/// Largest uncompressed body, in bytes: Lambda's limit, which counts a text as a JSON string. About
/// 5.5 MB of ordinary JSON fit, or about 4.5 MB if the gateway encodes the body in base64.
pub const MAX_TEXT_BYTES: usize = 6 * MIB;

/// Largest body after decompression, in bytes. Its events are bounded by
/// [`MAX_MEMORY`](crate::decode::MAX_MEMORY).
pub const MAX_INFLATED_BYTES: usize = 64 * MIB;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Start of a gzip body that was treated as UTF-8: its second byte became U+FFFD.
const GZIP_AS_TEXT: &[u8] = &[0x1f, 0xef, 0xbf, 0xbd];

/// Why a body cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InflateError {
    /// `Content-Encoding` is not one of gzip, zstd, deflate, zlib and none, or more than one.
    #[error(
        "Content-Encoding {0:?} is not supported; use one of gzip, zstd, deflate, zlib and none"
    )]
    UnknownEncoding(String),
    /// The compressed data ends early or is invalid.
    #[error("the {0} body is corrupt or truncated; send it again as it was compressed")]
    Corrupt(&'static str),
    /// Something between client and server treated the compressed bytes as text.
    #[error(
        "the gzip body was altered on the way, as if it were text; \
         send it with Content-Type: application/octet-stream, or uncompressed"
    )]
    ReadAsText,
    /// The body has far more compressed blocks than data, which costs more to read than to send.
    #[error("the {0} body consists of nearly empty blocks; flush the compressor less often")]
    NearlyEmptyBlocks(&'static str),
    /// The body is larger than [`MAX_WIRE_BYTES`] if compressed, or than [`MAX_TEXT_BYTES`] if not.
    #[error(
        "the body is larger than {} MiB compressed or {} MiB uncompressed; send smaller batches",
        MAX_WIRE_BYTES / MIB, MAX_TEXT_BYTES / MIB
    )]
    WireTooLarge,
    /// The body is larger than [`MAX_INFLATED_BYTES`] after decompression.
    #[error(
        "the body is larger than {} MiB after decompression; send smaller batches",
        MAX_INFLATED_BYTES / MIB
    )]
    InflatedTooLarge,
}

/// Kind of data in a body once decompressed. Used to recognize a body that is already decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// JSON object or array.
    Json,
    /// Protocol buffers message whose first field is a message, or an empty body.
    Protobuf,
}

impl Payload {
    /// Returns whether the body starts like uncompressed data of this kind. A raw deflate stream
    /// could start with 0x0a too, but no compressor writes one.
    fn starts(self, body: &[u8]) -> bool {
        match self {
            Self::Json => body
                .trim_ascii_start()
                .first()
                .is_none_or(|b| b"{[\xef".contains(b)),
            Self::Protobuf => body.first().is_none_or(|b| *b == PROTOBUF_FIRST_FIELD),
        }
    }
}

/// Key of field 1, length-delimited.
const PROTOBUF_FIRST_FIELD: u8 = 0x0a;

/// Decompresses a body in bounded memory and time.
///
/// # Errors
/// When the body is too large, corrupt, in an unsupported encoding, or split into far more
/// blocks than its data needs.
pub fn inflate<'a>(
    body: &'a [u8],
    content_encoding: Option<&str>,
    payload: Payload,
) -> Result<Cow<'a, [u8]>, InflateError> {
    let declared = ContentEncoding::of_header(content_encoding.unwrap_or_default())?;
    let body = without_base64(body, payload);
    if body.len() > MAX_TEXT_BYTES {
        return Err(InflateError::WireTooLarge);
    }
    let encoding = actual_encoding(&body, declared, payload)?;
    if encoding == ContentEncoding::Identity {
        return Ok(body);
    }
    if body.len() > MAX_WIRE_BYTES {
        return Err(InflateError::WireTooLarge);
    }
    let mut output = Output::new(encoding.name());
    decompress(&body, encoding, &mut output)?;
    Ok(Cow::Owned(output.into_bytes()))
}

/// Decompresses all of `body`. Work and memory are bounded by `output`.
fn decompress(
    body: &[u8],
    encoding: ContentEncoding,
    output: &mut Output,
) -> Result<(), InflateError> {
    match encoding {
        ContentEncoding::Identity => Ok(()),
        ContentEncoding::Gzip => deflate::gzip(body, output),
        ContentEncoding::Deflate => deflate::zlib_or_raw(body, output),
        ContentEncoding::Zstd => zstd::frames(body, output),
    }
}

/// Decodes base64 that a gateway passed on without setting `isBase64Encoded`. No JSON
/// starts with the base64 of gzip or zstd, and no OTLP message starts with field 8, so
/// nothing else is mistaken for it.
fn without_base64(body: &[u8], payload: Payload) -> Cow<'_, [u8]> {
    let looks_encoded = body.starts_with(b"H4sI")
        || body.starts_with(b"KLUv/")
        || payload == Payload::Protobuf && body.starts_with(b"C");
    match looks_encoded.then(|| STANDARD.decode(body.trim_ascii())) {
        Some(Ok(decoded)) => Cow::Owned(decoded),
        _ => Cow::Borrowed(body),
    }
}

/// Returns whether a body starts with a skippable frame of zstd (RFC 8878, section 3.1.2), in which tools
/// keep their own data. No JSON and no OTLP request starts like one.
fn starts_with_skippable_frame(body: &[u8]) -> bool {
    matches!(body, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

fn actual_encoding(
    body: &[u8],
    declared: ContentEncoding,
    payload: Payload,
) -> Result<ContentEncoding, InflateError> {
    if body.starts_with(GZIP_AS_TEXT) {
        return Err(InflateError::ReadAsText);
    }
    if body.starts_with(GZIP_MAGIC) {
        return Ok(ContentEncoding::Gzip);
    }
    if body.starts_with(ZSTD_MAGIC) || starts_with_skippable_frame(body) {
        return Ok(ContentEncoding::Zstd);
    }
    match declared {
        ContentEncoding::Identity => Ok(ContentEncoding::Identity),
        // A gateway decompressed the body and kept the header.
        _ if payload.starts(body) => Ok(ContentEncoding::Identity),
        ContentEncoding::Deflate => Ok(ContentEncoding::Deflate),
        ContentEncoding::Gzip | ContentEncoding::Zstd => {
            Err(InflateError::Corrupt(declared.name()))
        }
    }
}

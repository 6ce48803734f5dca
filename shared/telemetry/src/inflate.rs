//! Decompression of request bodies. Gateways may or may not decode base64 and gzip, and
//! sometimes treat bytes as text. The first bytes of the body therefore decide how it is
//! read, and the headers are only a hint.

use std::borrow::Cow;
use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use thiserror::Error;

const MIB: usize = 1024 * 1024;

/// Largest body as sent, in bytes: Lambda's limit of 6 MB less the overhead of base64.
pub const MAX_WIRE_BYTES: usize = 4 * MIB;

/// Largest body after decompression, in bytes.
pub const MAX_INFLATED_BYTES: usize = 16 * MIB;

/// Largest zstd window accepted, as a power of two: 8 MiB, which RFC 8878 §3.1.1.1.2
/// recommends every decoder to support.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Start of a gzip body that was treated as UTF-8: its second byte became U+FFFD.
const GZIP_AS_TEXT: &[u8] = &[0x1f, 0xef, 0xbf, 0xbd];

/// Why a body cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InflateError {
    /// `Content-Encoding` is not one of gzip, deflate, zstd and identity.
    #[error("Content-Encoding {0:?} is not supported; use gzip, deflate, zstd or none")]
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
    /// The body is larger than [`MAX_WIRE_BYTES`] as sent.
    #[error("the body is larger than {} MiB; send smaller batches", MAX_WIRE_BYTES / MIB)]
    WireTooLarge,
    /// The body is larger than [`MAX_INFLATED_BYTES`] after decompression.
    #[error(
        "the body is larger than {} MiB after decompression; send smaller batches",
        MAX_INFLATED_BYTES / MIB
    )]
    InflatedTooLarge,
}

/// Kind of data in a body once decompressed. Used to recognize a body that already is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// JSON object or array.
    Json,
    /// Protocol buffers message whose first field is a message, or an empty body.
    Protobuf,
}

impl Payload {
    /// Whether the body starts like uncompressed data of this kind. A raw deflate stream
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ContentEncoding {
    Identity,
    Gzip,
    Deflate,
    Zstd,
}

/// Decompresses a body in bounded memory.
///
/// # Errors
/// When the body is too large, corrupt, or in an unsupported encoding.
pub fn inflate<'a>(
    body: &'a [u8],
    content_encoding: Option<&str>,
    payload: Payload,
) -> Result<Cow<'a, [u8]>, InflateError> {
    let declared = declared_encoding(content_encoding)?;
    let body = without_base64(body, payload);
    if body.len() > MAX_WIRE_BYTES {
        return Err(InflateError::WireTooLarge);
    }
    match actual_encoding(&body, declared, payload)? {
        ContentEncoding::Identity => Ok(body),
        ContentEncoding::Gzip => read_bounded(MultiGzDecoder::new(&*body), "gzip").map(Cow::Owned),
        ContentEncoding::Deflate if has_zlib_header(&body) => {
            read_bounded(ZlibDecoder::new(&*body), "deflate").map(Cow::Owned)
        }
        ContentEncoding::Deflate => {
            read_bounded(DeflateDecoder::new(&*body), "deflate").map(Cow::Owned)
        }
        ContentEncoding::Zstd => inflate_zstd(&body).map(Cow::Owned),
    }
}

fn declared_encoding(header: Option<&str>) -> Result<ContentEncoding, InflateError> {
    let name = header.unwrap_or_default().trim().to_ascii_lowercase();
    match name.as_str() {
        "" | "identity" => Ok(ContentEncoding::Identity),
        "gzip" | "x-gzip" => Ok(ContentEncoding::Gzip),
        "deflate" => Ok(ContentEncoding::Deflate),
        "zstd" => Ok(ContentEncoding::Zstd),
        _ => Err(InflateError::UnknownEncoding(
            name.chars().take(40).collect(),
        )),
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
    if body.starts_with(ZSTD_MAGIC) {
        return Ok(ContentEncoding::Zstd);
    }
    match declared {
        ContentEncoding::Identity => Ok(ContentEncoding::Identity),
        // A gateway decompressed the body and kept the header.
        _ if payload.starts(body) => Ok(ContentEncoding::Identity),
        ContentEncoding::Deflate => Ok(ContentEncoding::Deflate),
        ContentEncoding::Gzip => Err(InflateError::Corrupt("gzip")),
        ContentEncoding::Zstd => Err(InflateError::Corrupt("zstd")),
    }
}

/// Whether the body has a zlib header (RFC 1950 §2.2). Some clients send raw deflate
/// (RFC 1951) under the same name.
fn has_zlib_header(body: &[u8]) -> bool {
    match body {
        [cmf, flg, ..] => cmf & 0x0f == 8 && u16::from_be_bytes([*cmf, *flg]) % 31 == 0,
        _ => false,
    }
}

fn inflate_zstd(body: &[u8]) -> Result<Vec<u8>, InflateError> {
    let corrupt = |_| InflateError::Corrupt("zstd");
    let mut decoder = zstd::Decoder::new(body).map_err(corrupt)?;
    decoder
        .window_log_max(ZSTD_WINDOW_LOG_MAX)
        .map_err(corrupt)?;
    read_bounded(decoder, "zstd")
}

/// Reads to the end, or to the limit. Memory grows with the data decompressed, so a
/// decompression bomb never takes more than the limit and one smaller buffer.
fn read_bounded(mut from: impl Read, name: &'static str) -> Result<Vec<u8>, InflateError> {
    let mut inflated = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let count = match from.read(&mut piece) {
            Ok(0) => return Ok(inflated),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(InflateError::Corrupt(name)),
        };
        if inflated.len() + count > MAX_INFLATED_BYTES {
            return Err(InflateError::InflatedTooLarge);
        }
        if inflated.capacity() < inflated.len() + count {
            let doubled = (inflated.capacity() * 2).clamp(64 * 1024, MAX_INFLATED_BYTES);
            inflated.reserve_exact(doubled - inflated.len());
        }
        inflated.extend_from_slice(&piece[..count]);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn inflate<'a>(body: &'a [u8], encoding: Option<&str>) -> Result<Cow<'a, [u8]>, InflateError> {
        super::inflate(body, encoding, Payload::Json)
    }

    const JSON: &[u8] = br#"{"traces":[]}"#;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn raw_deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 3).unwrap()
    }

    #[test]
    fn every_supported_encoding_is_decompressed() {
        for (body, encoding) in [
            (JSON.to_vec(), None),
            (JSON.to_vec(), Some("identity")),
            (gzip(JSON), Some("gzip")),
            (gzip(JSON), Some(" GZIP ")),
            (zlib(JSON), Some("deflate")),
            (raw_deflate(JSON), Some("deflate")),
            (zstd(JSON), Some("zstd")),
        ] {
            assert_eq!(
                inflate(&body, encoding).as_deref(),
                Ok(JSON),
                "{encoding:?}"
            );
        }
    }

    #[test]
    fn json_is_read_however_a_gateway_changed_its_encoding() {
        let base64 = STANDARD.encode(gzip(JSON)).into_bytes();
        for (body, encoding) in [
            (gzip(JSON), None),
            (JSON.to_vec(), Some("gzip")),
            (JSON.to_vec(), Some("zstd")),
            (base64.clone(), Some("gzip")),
            (base64, None),
            ([gzip(JSON), gzip(b" ")].concat(), Some("gzip")),
        ] {
            assert_eq!(
                inflate(&body, encoding).unwrap().trim_ascii_end(),
                JSON,
                "{encoding:?}"
            );
        }
    }

    #[test]
    fn protobuf_is_read_however_a_gateway_changed_its_encoding() {
        const MESSAGE: &[u8] = &[0x0a, 0x03, 0x12, 0x01, 0xff];
        for message in [MESSAGE, &[0x0a, 0x00], &[0x0a, 0xff, 0x01, 0x12]] {
            let base64 = STANDARD.encode(message).into_bytes();
            for (body, encoding) in [
                (message.to_vec(), None),
                (message.to_vec(), Some("gzip")),
                (message.to_vec(), Some("deflate")),
                (base64.clone(), None),
                (base64, Some("gzip")),
                (gzip(message), Some("gzip")),
                (gzip(message), None),
                (STANDARD.encode(gzip(message)).into_bytes(), None),
                (zlib(message), Some("deflate")),
                (raw_deflate(message), Some("deflate")),
                (zstd(message), Some("zstd")),
            ] {
                let inflated = super::inflate(&body, encoding, Payload::Protobuf);
                assert_eq!(inflated.as_deref(), Ok(message), "{encoding:?} {body:x?}");
            }
        }
        for encoding in [None, Some("gzip")] {
            let nothing = super::inflate(b"", encoding, Payload::Protobuf);
            assert_eq!(nothing.as_deref(), Ok(&b""[..]), "an empty request");
        }
        let json = super::inflate(JSON, Some("gzip"), Payload::Protobuf);
        assert_eq!(json, Err(InflateError::Corrupt("gzip")));
    }

    #[test]
    fn unknown_nested_and_truncated_encodings_are_refused() {
        let unknown = |name: &str| Err(InflateError::UnknownEncoding(name.into()));
        assert_eq!(inflate(JSON, Some("br")), unknown("br"));
        assert_eq!(inflate(JSON, Some("gzip, gzip")), unknown("gzip, gzip"));
        for (body, encoding) in [
            (gzip(JSON), "gzip"),
            (zlib(JSON), "deflate"),
            (zstd(JSON), "zstd"),
        ] {
            let cut = &body[..body.len() - 3];
            assert_eq!(
                inflate(cut, Some(encoding)),
                Err(InflateError::Corrupt(encoding))
            );
        }
        assert_eq!(
            inflate(b"\x01\x02", Some("gzip")),
            Err(InflateError::Corrupt("gzip"))
        );
    }

    #[test]
    fn gzip_that_was_treated_as_text_has_its_own_error() {
        let mangled = String::from_utf8_lossy(&gzip(JSON)).into_owned();
        assert_eq!(
            inflate(mangled.as_bytes(), Some("gzip")),
            Err(InflateError::ReadAsText)
        );
    }

    #[test]
    fn a_compression_bomb_is_refused_at_the_limit() {
        let zeros = vec![0; 80 * 1024 * 1024];
        for (bomb, encoding) in [
            (gzip(&zeros), "gzip"),
            (zlib(&zeros), "deflate"),
            (zstd(&zeros), "zstd"),
        ] {
            assert!(bomb.len() < 100 * 1024);
            assert_eq!(
                inflate(&bomb, Some(encoding)),
                Err(InflateError::InflatedTooLarge)
            );
        }
    }

    #[test]
    fn size_limits_are_exact() {
        let full = vec![b' '; MAX_WIRE_BYTES];
        assert!(inflate(&full, None).is_ok());
        assert_eq!(
            inflate(&[&full[..], b" "].concat(), None),
            Err(InflateError::WireTooLarge)
        );
        let full = vec![b' '; MAX_INFLATED_BYTES];
        assert_eq!(
            inflate(&gzip(&full), None).map(|body| body.len()),
            Ok(MAX_INFLATED_BYTES)
        );
        let over = gzip(&[&full[..], b" "].concat());
        assert_eq!(inflate(&over, None), Err(InflateError::InflatedTooLarge));
    }
}

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
    ::zstd::encode_all(bytes, 3).unwrap()
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

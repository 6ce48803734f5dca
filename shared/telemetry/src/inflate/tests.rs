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
        (JSON.to_vec(), Some("none")),
        (JSON.to_vec(), Some("None, identity")),
        (JSON.to_vec(), Some("")),
        (JSON.to_vec(), Some(" ,\t, ")),
        (gzip(JSON), Some("gzip")),
        (gzip(JSON), Some("x-gzip")),
        (gzip(JSON), Some("gzip,")),
        (gzip(JSON), Some(", identity,gzip ,,none")),
        (gzip(JSON), Some(" GZIP ")),
        (zlib(JSON), Some("deflate")),
        (raw_deflate(JSON), Some("deflate")),
        (zlib(JSON), Some("zlib")),
        (raw_deflate(JSON), Some(" ZLIB")),
        (zstd(JSON), Some("zstd")),
        (zstd(JSON), Some(",zstd")),
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
fn unknown_or_several_encodings_are_refused_with_a_list_of_the_supported_ones() {
    let long = "x".repeat(10_000);
    for (list, quoted) in [
        ("br", "br"),
        ("Snappy", "snappy"),
        ("x-snappy-framed", "x-snappy-framed"),
        ("lz4", "lz4"),
        ("gzip;q=1", "gzip;q=1"),
        ("gzip gzip", "gzip gzip"),
        ("gzip, gzip", "gzip, gzip"),
        (" gzip,, zstd", "gzip,, zstd"),
        ("none, lz4", "none, lz4"),
        (&long, &long[..40]),
    ] {
        let refused = inflate(JSON, Some(list)).unwrap_err();
        assert_eq!(refused, InflateError::UnknownEncoding(quoted.into()));
        let problem = refused.to_string();
        assert!(problem.ends_with("use one of gzip, zstd, deflate, zlib and none"));
    }
}

#[test]
fn a_body_that_ends_anywhere_before_its_end_is_refused() {
    let nothing = Vec::new();
    for (start, last, encoding) in [
        (&nothing, gzip(JSON), "gzip"),
        (&gzip(JSON), gzip(b" "), "gzip"),
        (&nothing, zlib(JSON), "deflate"),
        (&nothing, raw_deflate(JSON), "deflate"),
        (&nothing, zstd(JSON), "zstd"),
        (&zstd(JSON), zstd(b" "), "zstd"),
        (&nothing, skippable(b"abc"), "zstd"),
        (&skippable(b"abc"), zstd(JSON), "zstd"),
    ] {
        for end in 1..last.len() {
            let cut = [&start[..], &last[..end]].concat();
            let refused = Err(InflateError::Corrupt(encoding));
            assert_eq!(inflate(&cut, Some(encoding)), refused, "{cut:x?}");
        }
        let whole = [&start[..], &last].concat();
        assert!(inflate(&whole, Some(encoding)).is_ok(), "{encoding}");
    }
    let other = inflate(b"\x01\x02", Some("gzip"));
    assert_eq!(other, Err(InflateError::Corrupt("gzip")));
}

#[test]
fn zeros_after_compressed_data_are_padding_and_other_bytes_are_not() {
    for (body, encoding) in [
        (gzip(JSON), "gzip"),
        (zlib(JSON), "deflate"),
        (raw_deflate(JSON), "deflate"),
    ] {
        for zeros in [1, 7, 8, 512, 100_000] {
            let padded = [&body[..], &vec![0; zeros]].concat();
            let inflated = inflate(&padded, Some(encoding));
            assert_eq!(inflated.as_deref(), Ok(JSON), "{encoding} {zeros}");
            for more in [&body[..], b"x"] {
                let more = [&padded[..], more].concat();
                let refused = Err(InflateError::Corrupt(encoding));
                assert_eq!(inflate(&more, Some(encoding)), refused, "{zeros}");
            }
        }
    }
    let twice = [zlib(JSON), zlib(JSON)].concat();
    let refused = Err(InflateError::Corrupt("deflate"));
    assert_eq!(inflate(&twice, Some("deflate")), refused);
}

/// A zstd frame of data that is not decompressed.
fn skippable(data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    [&[0x50, 0x2a, 0x4d, 0x18], &length[..], data].concat()
}

#[test]
fn skippable_frames_of_zstd_may_be_first_and_last() {
    for (number, length) in [(0, 0), (0xa, 3), (0xf, 1_000_000)] {
        let mut frame = skippable(&vec![b'{'; length]);
        frame[0] += number;
        for encoding in [Some("zstd"), Some("gzip"), None] {
            for body in [
                [&frame[..], &zstd(JSON)].concat(),
                [&frame[..], &frame, &zstd(JSON), &frame].concat(),
            ] {
                let inflated = inflate(&body, encoding);
                assert_eq!(inflated.as_deref(), Ok(JSON), "{number} {encoding:?}");
            }
        }
    }
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
    let full = vec![b' '; MAX_TEXT_BYTES];
    assert!(inflate(&full, None).is_ok());
    assert_eq!(
        inflate(&[&full[..], b" "].concat(), None),
        Err(InflateError::WireTooLarge)
    );
    let compressed = [GZIP_MAGIC, &vec![0; MAX_WIRE_BYTES - 2]].concat();
    assert_eq!(
        inflate(&compressed, None),
        Err(InflateError::Corrupt("gzip"))
    );
    assert_eq!(
        inflate(&[&compressed[..], &[0]].concat(), None),
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

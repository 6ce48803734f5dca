//! Bodies that take far more work than their data justifies. Work is counted in blocks.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::ContentEncoding::{Deflate, Gzip, Zstd};
use super::*;

/// Repetitions of a nearly empty block.
const TOO_MANY: usize = 20_000;

/// Empty blocks with fixed codes: ten bits each, four in five bytes.
const FIXED: &[u8] = &[0x02, 0x08, 0x20, 0x80, 0x00];
/// An empty stored block.
const STORED: &[u8] = &[0x00, 0x00, 0x00, 0xff, 0xff];
/// A zlib header without a dictionary.
const ZLIB: &[u8] = &[0x78, 0x9c];
/// A gzip header without optional fields.
const GZIP_HEADER: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
/// A zstd frame header with a window of 8 MiB and no content size.
const ZSTD_HEADER: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x68];
/// A zstd frame of one empty block.
const ZSTD_EMPTY_FRAME: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00];
/// An empty zstd block that is not the last.
const ZSTD_EMPTY_BLOCK: &[u8] = &[0x00, 0x00, 0x00];
/// A zstd block of one repeated byte.
const ZSTD_ONE_BYTE: &[u8] = &[0x0a, 0x00, 0x00, b' '];
/// An empty skippable zstd frame.
const ZSTD_SKIPPABLE: &[u8] = &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0];

/// Four empty blocks with their own codes, which end on a whole byte.
fn dynamic_blocks() -> Vec<u8> {
    let mut bits = Vec::new();
    let mut put = |value: u32, count: u32| bits.extend((0..count).map(|at| value >> at & 1));
    for _ in 0..4 {
        put(0b100, 3); // not the last; dynamic codes
        put(0, 5); // 257 literal codes
        put(0, 5); // one distance code
        put(14, 4); // 18 lengths of code lengths: one bit for 18 and for 1
        (0..18).for_each(|at| put(u32::from(at == 2 || at == 17), 3));
        put(1, 1); // 138 zeros
        put(127, 7);
        put(1, 1); // 118 zeros
        put(107, 7);
        put(0, 1); // one bit for the end of the block
        put(0, 1); // one bit for a distance
        put(0, 1); // the end of the block
    }
    let byte = |bits: &[u32]| {
        bits.iter()
            .rev()
            .fold(0, |byte, bit| byte << 1 | *bit as u8)
    };
    assert_eq!(bits.len() % 8, 0);
    bits.chunks(8).map(byte).collect()
}

fn empty_gzip_member() -> Vec<u8> {
    [GZIP_HEADER, &[0x03, 0x00], &[0; 8]].concat()
}

/// Decompresses a body. Returns the result, and how many blocks were decoded for how many bytes.
fn work(body: &[u8], encoding: ContentEncoding) -> (Result<(), InflateError>, usize, usize) {
    let mut output = Output::new(encoding.name());
    let result = decompress(body, encoding, &mut output);
    (result, output.blocks(), output.filled().len())
}

#[test]
fn a_body_of_nearly_empty_blocks_is_refused_after_few_of_them() {
    let some_data = stored_then_more(&[b' '; 4096]);
    for (case, start, repeated, encoding) in [
        ("fixed blocks", &b""[..], FIXED, Deflate),
        ("stored blocks", b"", STORED, Deflate),
        ("dynamic blocks", b"", &dynamic_blocks(), Deflate),
        ("fixed blocks in zlib", ZLIB, FIXED, Deflate),
        ("fixed blocks after data", &some_data, FIXED, Deflate),
        ("fixed blocks in gzip", GZIP_HEADER, FIXED, Gzip),
        (
            "dynamic blocks in gzip",
            GZIP_HEADER,
            &dynamic_blocks(),
            Gzip,
        ),
        ("gzip members", b"", &empty_gzip_member(), Gzip),
        ("zstd frames", b"", ZSTD_EMPTY_FRAME, Zstd),
        (
            "skippable zstd frames",
            ZSTD_EMPTY_FRAME,
            ZSTD_SKIPPABLE,
            Zstd,
        ),
        ("skippable zstd frames alone", b"", ZSTD_SKIPPABLE, Zstd),
        ("zstd blocks", ZSTD_HEADER, ZSTD_EMPTY_BLOCK, Zstd),
        ("zstd blocks of one byte", ZSTD_HEADER, ZSTD_ONE_BYTE, Zstd),
    ] {
        let body = [start, &repeated.repeat(TOO_MANY)].concat();
        let (result, blocks, bytes) = work(&body, encoding);
        let refused = Err(InflateError::NearlyEmptyBlocks(encoding.name()));
        assert_eq!(result, refused, "{case}");
        assert!(
            blocks <= 300 + bytes / 64,
            "{case}: {blocks} blocks for {bytes} bytes"
        );
    }
}

#[test]
fn padding_takes_no_blocks() {
    let zeros = [empty_gzip_member(), vec![0; MAX_WIRE_BYTES - 20]].concat();
    let (alone, blocks, _) = work(&empty_gzip_member(), Gzip);
    assert_eq!((work(&zeros, Gzip), alone), ((Ok(()), blocks, 0), Ok(())));
}

/// A stored block of `data` that is not the last.
fn stored_then_more(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    [
        &[0][..],
        &length.to_le_bytes(),
        &(!length).to_le_bytes(),
        data,
    ]
    .concat()
}

#[test]
fn the_nearly_empty_blocks_of_these_tests_are_valid() {
    let end = [0x01, 0x00, 0x00, 0xff, 0xff];
    for (case, body, encoding) in [
        ("fixed", [FIXED, &end].concat(), Deflate),
        ("stored", [STORED, &end].concat(), Deflate),
        ("dynamic", [&dynamic_blocks()[..], &end].concat(), Deflate),
        ("gzip", empty_gzip_member(), Gzip),
        ("frame", ZSTD_EMPTY_FRAME.to_vec(), Zstd),
        ("skippable", ZSTD_SKIPPABLE.to_vec(), Zstd),
        (
            "block",
            [ZSTD_HEADER, ZSTD_EMPTY_BLOCK, &[1, 0, 0]].concat(),
            Zstd,
        ),
        (
            "byte",
            [ZSTD_HEADER, ZSTD_ONE_BYTE, &[1, 0, 0]].concat(),
            Zstd,
        ),
    ] {
        let (result, blocks, bytes) = work(&body, encoding);
        assert_eq!(result, Ok(()), "{case}");
        assert!(blocks > 0 && bytes <= 1, "{case}");
    }
}

/// JSON of a few hundred bytes, as one event of a batch.
fn event(index: usize) -> String {
    let id = u32::try_from(index).unwrap().wrapping_mul(0x9e37_79b9);
    format!(
        r#"{{"timestamp":"2026-11-27T05:20:{:02}.123Z","requestMethod":"GET","requestURL":"/orders/{id}","responseStatus":200,"traceId":"{id:032x}","spanId":"{id:016x}","durationMs":{index}}},"#,
        index % 60
    )
}

/// Writes a batch, flushing after each `events` events.
fn flushed<W: Write>(mut encoder: W, events: usize) -> W {
    for index in 0..1_000 {
        encoder.write_all(event(index).as_bytes()).unwrap();
        if index % events == 0 {
            encoder.flush().unwrap();
        }
    }
    encoder
}

#[test]
fn compressors_that_flush_after_each_event_are_accepted() {
    for level in [0, 1, 6, 9] {
        let deflate = Compression::new(level);
        for events in [1, 10, 1_000] {
            let raw = flushed(DeflateEncoder::new(Vec::new(), deflate), events);
            let zlib = flushed(ZlibEncoder::new(Vec::new(), deflate), events);
            let gzip = flushed(GzEncoder::new(Vec::new(), deflate), events);
            let level = i32::try_from(level).unwrap();
            let zstd = flushed(::zstd::Encoder::new(Vec::new(), level).unwrap(), events);
            for (body, encoding) in [
                (raw.finish().unwrap(), Deflate),
                (zlib.finish().unwrap(), Deflate),
                (gzip.finish().unwrap(), Gzip),
                (zstd.finish().unwrap(), Zstd),
            ] {
                let (result, blocks, bytes) = work(&body, encoding);
                assert_eq!(
                    result,
                    Ok(()),
                    "{encoding:?} {level} {events}: {blocks} for {bytes}"
                );
            }
        }
    }
}

#[test]
fn a_gzip_file_of_one_member_for_each_few_events_is_accepted() {
    let member = |index| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder
            .write_all(event(index).repeat(2).as_bytes())
            .unwrap();
        encoder.finish().unwrap()
    };
    let body: Vec<u8> = (0..1_000).flat_map(member).collect();
    assert_eq!(work(&body, Gzip).0, Ok(()));
}

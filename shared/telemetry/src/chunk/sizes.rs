//! Compares the bytes and write units of the standard telemetry with those for which the stored form
//! was chosen (docs/decisions/0029-the-stored-form.md).

use traffic::Traffic;

use super::*;
use crate::decode::Format;
use crate::decode::otlp::OtlpEncoding;
use crate::intake::Batch;

/// Bytes that keys and the names of attributes add to a stored chunk, and to a summary.
const BESIDE_A_CHUNK: usize = 113;
const BESIDE_A_SUMMARY: usize = 128;

/// Maximum difference between a size and the expected one, in percent.
const ROOM: usize = 5;

/// A standard batch.
#[derive(Debug, Clone, Copy)]
enum Sent {
    /// Spans in Upblit's own JSON, without attributes.
    Spans(usize),
    /// Spans in Upblit's own JSON, with 20 to 22 attributes.
    SpansWithAttributes(usize),
    /// The same, and every third span has a prompt of 20 KB.
    SpansWithPrompts(usize),
    /// Spans in OTLP, with the same attributes.
    Otlp(usize),
    /// Log records in Upblit's own JSON.
    Records(usize),
}

impl Sent {
    fn chunk(self) -> PackedChunk {
        let start = "2026-01-31T12:30:00Z".parse().unwrap();
        let traffic = |count| Traffic::of(u32::try_from(count).unwrap(), start);
        let json = |value: serde_json::Value| value.to_string().into_bytes();
        let otlp = Format::Otlp(OtlpEncoding::Protobuf);
        let (signal, format, body) = match self {
            Self::Spans(n) => (Signal::Traces, Format::Native, json(traffic(n).spans(n))),
            Self::SpansWithAttributes(n) => {
                let spans = traffic(n).with_attributes().spans(n);
                (Signal::Traces, Format::Native, json(spans))
            }
            Self::SpansWithPrompts(n) => {
                let spans = traffic(n).with_prompts().spans(n);
                (Signal::Traces, Format::Native, json(spans))
            }
            Self::Otlp(n) => (Signal::Traces, otlp, traffic(n).otlp_spans(n)),
            Self::Records(n) => (Signal::Logs, Format::Native, json(traffic(n).records(n))),
        };
        let batch = Batch::new(&body, signal, format, "Labcdefghij".parse().unwrap()).unwrap();
        let at = Reception {
            now: clock::after(start, Duration::from_secs(10)),
            retention: Duration::from_secs(30 * 24 * 60 * 60),
        };
        let (mut chunks, report) = batch.locate().unwrap().decode().unwrap().pack(at).unwrap();
        assert_eq!((chunks.len(), report.rejected, report.truncated), (1, 0, 0));
        chunks.remove(0)
    }
}

fn write_units(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

/// The chunks and sizes of the measurement by which the stored form was chosen. Prompts make up most of
/// their chunk, which had 140,081 bytes in the JSON of form 2.
const CHUNKS: [(Sent, usize); 10] = [
    (Sent::Spans(100), 2_722),
    (Sent::SpansWithAttributes(100), 5_688),
    (Sent::Otlp(100), 6_189),
    (Sent::Otlp(512), 25_428),
    (Sent::SpansWithPrompts(100), 138_978),
    (Sent::Records(100), 1_870),
    (Sent::Otlp(10), 1_675),
    (Sent::Otlp(1), 773),
    // Only the write units were measured, 12 and 23. These are the largest sizes with that many.
    (Sent::Spans(512), 12 * 1024 - BESIDE_A_CHUNK),
    (Sent::SpansWithAttributes(512), 23 * 1024 - BESIDE_A_CHUNK),
];

#[test]
fn chunks_have_the_bytes_and_write_units_for_which_their_form_was_chosen() {
    let wrong: Vec<_> = CHUNKS
        .into_iter()
        .map(|(sent, expected)| (sent, expected, sent.chunk().events.len()))
        .filter(|(_, expected, bytes)| {
            let is_near = expected.abs_diff(*bytes) * 100 <= expected * ROOM;
            let units = |bytes| write_units(bytes + BESIDE_A_CHUNK);
            !is_near || units(*bytes) != units(*expected)
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "batch, expected and actual bytes: {wrong:?}"
    );
}

#[test]
fn the_summary_of_a_batch_of_a_hundred_events_takes_one_write_unit() {
    for (sent, _) in CHUNKS {
        let chunk = sent.chunk();
        if chunk.count <= 100 {
            let units = write_units(chunk.summary.len() + BESIDE_A_SUMMARY);
            assert_eq!(units, 1, "{sent:?}: {} bytes", chunk.summary.len());
        }
    }
}

//! Chunk summaries: what lists, filters and metrics need to know about the events of a
//! chunk without reading it.

mod stats;

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::codec::compress;
use crate::batch::Signal;
use crate::event::{Event, EventRef, Span, SpanKind};
pub use stats::{Durations, Minute, Stats};

/// Largest compressed summary of a batch of usual size. With its keys, the item then
/// stays below 1 KB, which is one write unit.
const SMALL_SUMMARY_BYTES: usize = 850;

/// Bytes per event that the summary of a larger batch may take. The event itself takes
/// about 35 bytes in the chunk.
const SUMMARY_BYTES_PER_EVENT: usize = 8;

/// Largest summary of any batch, so that one query page holds many.
const MAX_SUMMARY_BYTES: usize = 16 * 1024;

/// Counts, list rows and trace fingerprints of the events of a chunk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Counts by minute of the hour, 0 to 59.
    pub minutes: BTreeMap<u8, Minute>,
    /// Number of log records by level. `None`: did not fit, so any level may occur.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<BTreeMap<String, u32>>,
    /// One list row per trace. `None`: did not fit, so the chunk has to be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<Entry>>,
    /// Counts by [`fingerprint`] of the trace. `None`: did not fit, so any trace may occur.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traces: Option<BTreeMap<u32, TraceCounts>>,
}

/// Number of events of one trace in the chunk, and how many of them failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceCounts(pub u32, pub u32);

/// A list row for a trace: its root span or, if the root is not in the chunk, the
/// earliest span of the trace that is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Id of the trace.
    pub trace_id: String,
    /// Display name of the span.
    pub name: String,
    /// Service that recorded the span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Role of the span in the trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SpanKind>,
    /// Start time, in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// Duration in milliseconds, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// HTTP status of the response, 100 to 599.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Whether the span failed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_error: bool,
    /// Whether the span is the root of the trace.
    #[serde(default = "default_is_root", skip_serializing_if = "is_true")]
    pub is_root: bool,
}

/// Four-byte fingerprint of a trace id. Enough to skip nearly all chunks that do not
/// hold the trace.
pub fn fingerprint(trace_id: &str) -> u32 {
    let hash = Sha256::digest(trace_id.as_bytes());
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// The list row of each trace among these spans, in the order of first appearance.
pub fn entries<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Vec<Entry> {
    let mut order = Vec::new();
    let mut best = BTreeMap::<&str, &Span>::new();
    for span in spans {
        let trace_id = span.trace_id.as_str();
        match best.get(trace_id) {
            None => {
                order.push(trace_id);
                best.insert(trace_id, span);
            }
            Some(other) if rank(span) < rank(other) => {
                best.insert(trace_id, span);
            }
            Some(_) => {}
        }
    }
    let found = order.into_iter().filter_map(|id| best.get(id).copied());
    found.map(Entry::of).collect()
}

/// Roots come first, then the earliest.
fn rank(span: &Span) -> (bool, i64, &str) {
    (span.parent_span_id.is_some(), span.start_ns, &span.span_id)
}

impl Entry {
    fn of(span: &Span) -> Self {
        Self {
            trace_id: span.trace_id.clone(),
            name: span.display_name(),
            service: span.service().map(str::to_owned),
            kind: span.kind,
            start_ms: span.start().as_millisecond(),
            duration_ms: span.duration_ms,
            status: span.status,
            is_error: span.is_error(),
            is_root: span.parent_span_id.is_none(),
        }
    }
}

impl Summary {
    /// Summarizes the events of a chunk.
    pub fn of<E: Event>(events: &[&E]) -> Self {
        let mut summary = Self {
            traces: Some(traces(events)),
            ..Self::default()
        };
        let mut spans = Vec::new();
        let mut levels = BTreeMap::new();
        for event in events {
            let minute = summary.minute_of(*event);
            match event.by_signal() {
                EventRef::Span(span) => {
                    minute.count(span.is_error(), span.duration_ms, span.is_request());
                    spans.push(span);
                }
                EventRef::Log(record) => {
                    minute.count(record.is_error(), None, true);
                    *levels.entry(record.level.clone()).or_default() += 1;
                }
            }
        }
        match E::SIGNAL {
            Signal::Traces => summary.entries = Some(entries(spans)),
            Signal::Logs => summary.levels = Some(levels),
        }
        summary
    }

    /// Encodes the summary as zstd-compressed JSON. Omits what does not fit, in the order
    /// of list rows, trace counts and levels. The counts by minute always fit.
    ///
    /// # Errors
    /// When compression fails, which no input can cause.
    pub fn encode(mut self, events: usize) -> std::io::Result<Vec<u8>> {
        let most = (events * SUMMARY_BYTES_PER_EVENT).clamp(SMALL_SUMMARY_BYTES, MAX_SUMMARY_BYTES);
        loop {
            let encoded = compress(&self)?;
            if encoded.len() <= most || !self.leave_out() {
                return Ok(encoded);
            }
        }
    }

    /// Decodes a stored summary.
    ///
    /// # Errors
    /// When the bytes are not an encoded summary.
    pub fn decode(encoded: &[u8]) -> std::io::Result<Self> {
        Ok(serde_json::from_slice(&zstd::decode_all(encoded)?)?)
    }

    /// Whether the chunk may hold events of the trace with this [`fingerprint`].
    pub fn may_hold(&self, trace: u32) -> bool {
        self.traces
            .as_ref()
            .is_none_or(|traces| traces.contains_key(&trace))
    }

    /// Omits one optional part; false if none is left.
    fn leave_out(&mut self) -> bool {
        self.entries.take().is_some()
            || self.traces.take().is_some()
            || self.levels.take().is_some()
    }

    fn minute_of(&mut self, event: &impl Event) -> &mut Minute {
        let minute = event.start().as_second().div_euclid(60).rem_euclid(60);
        self.minutes
            .entry(u8::try_from(minute).unwrap_or_default())
            .or_default()
    }
}

/// Counts by trace. A repeated span counts once. Log records have no id, so each counts.
fn traces<E: Event>(events: &[&E]) -> BTreeMap<u32, TraceCounts> {
    let mut traces = BTreeMap::<u32, TraceCounts>::new();
    let mut seen = HashSet::new();
    for event in events {
        let Some(trace_id) = event.trace_id() else {
            continue;
        };
        let is_new = match event.by_signal() {
            EventRef::Span(span) => seen.insert((trace_id, &span.span_id)),
            EventRef::Log(_) => true,
        };
        if is_new {
            let counts = traces.entry(fingerprint(trace_id)).or_default();
            counts.0 += 1;
            counts.1 += u32::from(event.is_error());
        }
    }
    traces
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_true(value: &bool) -> bool {
    *value
}

fn default_is_root() -> bool {
    true
}

//! What lists, filters and metrics need to know of a batch without opening it.

mod stats;

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::blob::compress;
use crate::batch::Signal;
use crate::event::{Event, EventRef, Span, SpanKind};
pub use stats::{Durations, Minute, Stats};

/// A head of a usual batch is one write unit: its summary stays below this,
/// compressed, so that with its keys it stays below 1 KB.
const SMALL_SUMMARY_BYTES: usize = 850;

/// What the summary of a larger batch may take for each event, beside some 35
/// bytes of the blob.
const SUMMARY_BYTES_PER_EVENT: usize = 8;

/// Most of any summary: a page of heads should hold many.
const MAX_SUMMARY_BYTES: usize = 16 * 1024;

/// What the head tells of its blob's events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// By minute of the batch's hour, 0 to 59.
    pub minutes: BTreeMap<u8, Minute>,
    /// Logs by level. `None`: did not fit, any level may be inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<BTreeMap<String, u32>>,
    /// A row for each trace. `None`: did not fit, so the blob has to be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<Entry>>,
    /// By [`fingerprint`] of the trace. `None`: did not fit, any trace may be inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traces: Option<BTreeMap<u32, TraceCounts>>,
}

/// How many events of one trace a batch holds, and how many of them failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceCounts(pub u32, pub u32);

/// What a list shows of a trace: its root span or, where that is not in the
/// batch, the earliest span that is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The trace.
    pub trace_id: String,
    /// The span's name.
    pub name: String,
    /// The service it ran in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Its role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<SpanKind>,
    /// When it started, in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Whether it failed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_error: bool,
    /// Whether it is the root.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub is_root: bool,
}

/// Four bytes that stand for a trace id: enough to leave out nearly all blobs
/// that do not hold a trace.
pub fn fingerprint(trace_id: &str) -> u32 {
    let hash = Sha256::digest(trace_id.as_bytes());
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// The list's row for each trace among these spans, in the order of first appearance.
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
    /// Sums up a blob's events.
    pub fn of<E: Event>(events: &[&E]) -> Self {
        let mut summary = Self {
            traces: Some(traces(events)),
            ..Self::default()
        };
        let (mut spans, mut levels) = (Vec::new(), BTreeMap::new());
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

    /// The summary as stored: JSON, zstd. What does not fit is left out, the most
    /// easily found elsewhere first; all that is left then is bounded by the hour.
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

    /// Reads a stored summary.
    ///
    /// # Errors
    /// When it is not one.
    pub fn decode(encoded: &[u8]) -> std::io::Result<Self> {
        Ok(serde_json::from_slice(&zstd::decode_all(encoded)?)?)
    }

    /// Whether events of this trace may be inside.
    pub fn may_hold(&self, trace: u32) -> bool {
        self.traces
            .as_ref()
            .is_none_or(|traces| traces.contains_key(&trace))
    }

    /// Whether there was anything to leave out.
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

/// Counts by trace. The same span again is counted once; log records have no id.
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

fn yes() -> bool {
    true
}

//! What lists, filters and metrics need to know of a batch without opening it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::event::{Event, LogRecord, Span};
use super::sketch::Sketch;

/// A head is one write unit: its summary stays below this, compressed, so that
/// with its keys it stays below 1 KB.
const MAX_SUMMARY_BYTES: usize = 850;

/// What the head tells of its blob's events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// By minute of the batch's hour, 0 to 59.
    pub minutes: BTreeMap<u8, Minute>,
    /// Logs by level. `None`: did not fit, any level may be inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<BTreeMap<String, u32>>,
    /// A row for each root span. `None`: did not fit, so the blob has to be opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<Vec<RootSpan>>,
    /// [`fingerprint`]s of the traces. `None`: did not fit, any trace may be inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traces: Option<BTreeSet<u32>>,
}

/// The events of one minute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Minute {
    /// How many.
    pub count: u32,
    /// How many failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub errors: u32,
    /// Durations of those that tell one; logs have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durations: Option<Durations>,
}

/// Durations, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Durations {
    /// How many.
    pub count: u32,
    /// All together.
    pub sum: f64,
    /// The shortest.
    pub min: f64,
    /// The longest.
    pub max: f64,
    /// Their distribution.
    pub sketch: Sketch,
}

/// What a list of traces shows of a root span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RootSpan {
    /// The trace.
    pub trace_id: String,
    /// Method and address.
    pub name: String,
    /// When it started, in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<f64>,
    /// HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// Four bytes that stand for a trace id: enough to leave out nearly all blobs
/// that do not hold a trace.
pub fn fingerprint(trace_id: &str) -> u32 {
    let hash = Sha256::digest(trace_id.as_bytes());
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// An event that can be summed up in a head.
pub trait Summarize: Event + Sized {
    /// Adds this event to the summary.
    fn add_to(&self, summary: &mut Summary);
}

impl Summarize for Span {
    fn add_to(&self, summary: &mut Summary) {
        let minute = summary.minute_of(self);
        minute.errors += u32::from(self.is_error());
        if let Some(duration) = self.duration_ms {
            minute.add_duration(duration);
        }
        if self.parent_span_id.is_none() {
            summary.roots.get_or_insert_default().push(RootSpan {
                trace_id: self.trace_id.clone(),
                name: self.name(),
                start_ms: self.start().as_millisecond(),
                duration_ms: self.duration_ms,
                status: self.status,
            });
        }
    }
}

impl Summarize for LogRecord {
    fn add_to(&self, summary: &mut Summary) {
        summary.minute_of(self).errors += u32::from(self.is_error());
        let levels = summary.levels.get_or_insert_default();
        *levels.entry(self.level.clone()).or_default() += 1;
    }
}

impl Summary {
    /// Sums up a blob's events.
    pub fn of<'a, E: Summarize + 'a>(events: impl IntoIterator<Item = &'a E>) -> Self {
        let mut summary = Self {
            levels: Some(BTreeMap::new()),
            roots: Some(Vec::new()),
            traces: Some(BTreeSet::new()),
            ..Self::default()
        };
        for event in events {
            event.add_to(&mut summary);
            let traces = summary.traces.get_or_insert_default();
            traces.extend(event.trace_id().map(fingerprint));
        }
        summary
    }

    /// The summary as stored: JSON, zstd. What does not fit in one write unit
    /// is left out, the most easily found elsewhere first; all that is left then
    /// is bounded by the number of events.
    ///
    /// # Errors
    /// When compression fails, which no input can cause.
    pub fn encode(mut self) -> std::io::Result<Vec<u8>> {
        loop {
            let encoded = compress(&self)?;
            if encoded.len() <= MAX_SUMMARY_BYTES || !self.leave_out() {
                return Ok(encoded);
            }
        }
    }

    /// Whether there was anything to leave out.
    fn leave_out(&mut self) -> bool {
        self.roots.take().is_some() || self.traces.take().is_some() || self.levels.take().is_some()
    }

    /// Reads a stored summary.
    ///
    /// # Errors
    /// When it is not one.
    pub fn decode(encoded: &[u8]) -> std::io::Result<Self> {
        Ok(serde_json::from_slice(&zstd::decode_all(encoded)?)?)
    }

    fn minute_of(&mut self, event: &impl Event) -> &mut Minute {
        let minute = event.start().as_second().div_euclid(60).rem_euclid(60);
        let minute = self
            .minutes
            .entry(u8::try_from(minute).unwrap_or_default())
            .or_default();
        minute.count += 1;
        minute
    }
}

impl Minute {
    fn add_duration(&mut self, duration: f64) {
        let durations = self.durations.get_or_insert_with(|| Durations {
            count: 0,
            sum: 0.0,
            min: duration,
            max: duration,
            sketch: Sketch::default(),
        });
        durations.count += 1;
        durations.sum += duration;
        durations.min = durations.min.min(duration);
        durations.max = durations.max.max(duration);
        durations.sketch.add(duration);
    }
}

pub(super) fn compress(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    zstd::encode_all(&*serde_json::to_vec(value)?, ZSTD_LEVEL)
}

/// Level 3 is within 5 % of level 9's size on spans, at a fraction of its time.
const ZSTD_LEVEL: i32 = 3;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

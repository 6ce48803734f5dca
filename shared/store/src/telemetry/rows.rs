//! Chunk summaries and chunks as stored, in the current form and in form 2.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_bytes::ByteBuf;

use super::Gaps;
use crate::attribute::Item;
use crate::keys;
use upblit_base::clock;
use upblit_telemetry::batch::HOUR;
use upblit_telemetry::chunk::summary::{Extent, Summary};
use upblit_telemetry::chunk::{Form, FormError, Position};
use upblit_telemetry::query::cursor::ChunkPlace;

/// A stored chunk summary, with its statistics still encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSummary {
    /// Position of the chunk and its summary.
    pub position: Position,
    /// Shard that holds them.
    pub shard: u32,
    /// Start of the first event of the chunk.
    pub from: Timestamp,
    /// Number of events in the chunk.
    pub count: u32,
    /// Size of the stored chunk, in bytes.
    pub bytes: usize,
    /// Memory that its events take once they are decoded, in bytes: a maximum, or an estimate for
    /// form 2.
    pub memory: usize,
    /// Expiry of the chunk and its summary.
    pub expires_at: Timestamp,
    form: Form,
    summary: Vec<u8>,
}

impl StoredSummary {
    /// Decodes the summary. `None` if it cannot be read, which becomes a gap.
    pub fn summary(&self, gaps: &Gaps) -> Option<Summary> {
        let summary = Summary::decode(&self.summary);
        let unreadable = |error: &FormError| {
            gaps.record(self.hour(), &keys::chunk(self.position), *error);
        };
        summary.inspect_err(unreadable).ok()
    }

    /// Drops the encoded statistics. [`Self::summary`] must not be called afterwards.
    #[must_use]
    pub fn without_summary(self) -> Self {
        Self {
            summary: Vec::new(),
            ..self
        }
    }

    /// Returns the maximum memory that its events take once they are decoded, as the summary states
    /// it, in bytes; `usize::MAX` for form 2, whose summaries do not state it.
    pub fn stated_memory(&self) -> usize {
        match self.form {
            Form::Two => usize::MAX,
            Form::Three => self.memory,
        }
    }

    /// Returns whether it was written by a release that marks hours instead of storing late arrivals.
    pub fn is_form_2(&self) -> bool {
        self.form == Form::Two
    }

    /// Returns where the chunk and its summary are stored.
    pub fn place(&self) -> ChunkPlace {
        ChunkPlace {
            position: self.position,
            shard: u8::try_from(self.shard).unwrap_or(u8::MAX),
        }
    }

    /// Returns the start of the hour in which the events started.
    pub fn hour(&self) -> Timestamp {
        clock::floor(self.position.at, HOUR)
    }
}

/// A summary as stored. In form 2 the extent is in separate attributes.
#[derive(Deserialize)]
pub(crate) struct SummaryRow {
    pub(super) sk: String,
    #[serde(deserialize_with = "form")]
    format: u8,
    from_ms: Option<i64>,
    count: Option<u32>,
    bytes: Option<usize>,
    #[serde(default)]
    summary: ByteBuf,
    /// Whether all its events were deleted.
    #[serde(default)]
    deleted: bool,
    pub(super) expires_at: i64,
}

/// Attribute of chunks and summaries all of whose events were deleted. They stay until they would have
/// expired, so that the batch is not stored again if it is sent again.
pub(super) const DELETED: &str = "deleted";

/// Whether all events of a chunk or summary were deleted.
pub(crate) fn is_deleted(item: &Item) -> bool {
    item.get(DELETED)
        .is_some_and(|value| value.as_bool() == Ok(&true))
}

/// A chunk as stored.
#[derive(Deserialize)]
pub(crate) struct ChunkRow {
    pub(super) pk: String,
    pub(super) sk: String,
    #[serde(deserialize_with = "form")]
    format: u8,
    #[serde(default)]
    events: ByteBuf,
    /// Whether all its events were deleted.
    #[serde(default)]
    deleted: bool,
}

/// The form of an item. A number beyond one byte becomes 255, which is an unknown form.
fn form<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let form = i64::deserialize(deserializer)?;
    Ok(u8::try_from(form).unwrap_or(u8::MAX))
}

/// Largest memory that the events of a chunk of form 2 take in usual traffic, per stored byte.
const FORM_2_MEMORY: usize = 40;

impl SummaryRow {
    /// The summary, unless its events were deleted or it cannot be read.
    pub(crate) fn stored(self, shard: u32, gaps: &Gaps) -> Option<StoredSummary> {
        if self.deleted {
            return None;
        }
        let position = keys::parse_chunk(&self.sk)?;
        let hour = clock::floor(position.at, HOUR);
        let read =
            Form::numbered(self.format).and_then(|form| Ok((form, self.extent(form, hour)?)));
        let read = read.inspect_err(|error| gaps.record(hour, &self.sk, *error));
        let (form, extent) = read.ok()?;
        Some(StoredSummary {
            position,
            shard,
            from: clock::after(hour, Duration::from_millis(extent.from_ms.into())),
            count: extent.count,
            bytes: extent.bytes,
            memory: extent.memory,
            expires_at: clock::from_seconds(self.expires_at),
            form,
            summary: self.summary.into_vec(),
        })
    }

    fn extent(&self, form: Form, hour: Timestamp) -> Result<Extent, FormError> {
        match (form, self.from_ms, self.count, self.bytes) {
            (Form::Three, ..) => Extent::of(&self.summary),
            (Form::Two, Some(from_ms), Some(count), Some(bytes)) => Ok(Extent {
                from_ms: u32::try_from(from_ms.saturating_sub(hour.as_millisecond()))
                    .unwrap_or_default(),
                count,
                bytes,
                memory: bytes.saturating_mul(FORM_2_MEMORY),
            }),
            (Form::Two, ..) => Err(FormError::Damaged("a summary of form 2")),
        }
    }
}

impl ChunkRow {
    /// Whether all its events were deleted.
    pub(super) fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// Size of the encoded events, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.events.len()
    }

    /// Decodes the events of the chunk.
    pub(crate) fn decoded<T>(
        &self,
        decode: impl FnOnce(&[u8]) -> Result<T, FormError>,
    ) -> Result<T, FormError> {
        Form::numbered(self.format)?;
        decode(&self.events)
    }
}

//! Form 2 of chunks and summaries, which is read but no longer written: zstd-compressed JSON
//! without a header.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::bytes::FormError;
use super::json;
use super::sketch::Sketch;
use super::summary::cut;
use super::summary::{Durations, Entry, Minute, Operations, Stats, Summary, TraceCounts};
use crate::event::{Event, ResourceScope, SpanKind, nanoseconds};

/// Largest size of decompressed JSON, in bytes. Its tree may not take more either.
const MAX_JSON: u64 = json::MAX_TREE as u64;

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FormError> {
    let damaged = FormError::Damaged("JSON of form 2");
    let decoder = zstd::Decoder::new(bytes).map_err(|_| damaged)?;
    let mut text = String::new();
    let mut decoder = decoder.take(MAX_JSON + 1);
    decoder.read_to_string(&mut text).map_err(|_| damaged)?;
    if text.len() as u64 > MAX_JSON {
        return Err(FormError::TooLarge);
    }
    json::read(&text, damaged)
}

#[derive(Deserialize)]
struct Group<E> {
    #[serde(default, rename = "origin")]
    resource_scope: Option<ResourceScope>,
    events: Vec<E>,
}

/// Decodes the events of a chunk.
pub(super) fn events<E: Event>(chunk: &[u8]) -> Result<Vec<E>, FormError> {
    let groups: Vec<Group<E>> = read(chunk)?;
    let mut events = Vec::new();
    for group in groups {
        let resource_scope = group.resource_scope.map(Arc::new);
        events.extend(group.events.into_iter().map(|mut event| {
            event.set_resource_scope(resource_scope.clone());
            event
        }));
    }
    Ok(events)
}

#[derive(Deserialize)]
struct StoredSummary {
    minutes: BTreeMap<u8, StoredMinute>,
    levels: Option<BTreeMap<String, u64>>,
    entries: Option<Vec<StoredEntry>>,
    traces: Option<BTreeMap<u32, (u32, u32)>>,
}

#[derive(Deserialize)]
struct StoredMinute {
    all: StoredStats,
    requests: Option<StoredStats>,
}

#[derive(Deserialize)]
struct StoredStats {
    count: u64,
    #[serde(default)]
    errors: u64,
    durations: Option<StoredDurations>,
}

#[derive(Deserialize)]
struct StoredDurations {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    sketch: BTreeMap<u16, u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredEntry {
    trace_id: String,
    name: String,
    service: Option<String>,
    kind: Option<SpanKind>,
    start_ms: i64,
    duration_ms: Option<f64>,
    status: Option<u16>,
    #[serde(default)]
    is_error: bool,
    is_root: Option<bool>,
}

/// Decodes a summary. Form 2 has no operations and no filter.
pub(super) fn summary(bytes: &[u8]) -> Result<Summary, FormError> {
    let stored: StoredSummary = read(bytes)?;
    Ok(Summary {
        minutes: stored
            .minutes
            .into_iter()
            .map(|(at, minute)| (at, minute.into()))
            .collect(),
        levels: stored.levels,
        rows_are_complete: stored.entries.is_some(),
        rows: stored
            .entries
            .into_iter()
            .flatten()
            .map(Entry::from)
            .collect(),
        traces: stored.traces.map(traces),
        operations: Operations::default(),
        filter: None,
    })
}

/// Converts the counts by fingerprint. Fingerprints have four bytes in form 2, and three now.
fn traces(stored: BTreeMap<u32, (u32, u32)>) -> BTreeMap<u32, Option<TraceCounts>> {
    let mut traces = BTreeMap::new();
    for (fingerprint, (events, errors)) in stored {
        traces
            .entry(fingerprint >> 8)
            .and_modify(|counts| *counts = None)
            .or_insert(Some(TraceCounts { events, errors }));
    }
    traces
}

impl From<StoredMinute> for Minute {
    fn from(stored: StoredMinute) -> Self {
        Self::from_parts(stored.all.into(), stored.requests.map(Stats::from))
    }
}

impl From<StoredStats> for Stats {
    fn from(stored: StoredStats) -> Self {
        Self {
            count: stored.count,
            errors: stored.errors,
            durations: stored.durations.map(Durations::from),
        }
    }
}

impl From<StoredDurations> for Durations {
    fn from(stored: StoredDurations) -> Self {
        Self {
            count: stored.count,
            sum: nanoseconds(stored.sum).into(),
            min: nanoseconds(stored.min),
            max: nanoseconds(stored.max),
            sketch: Sketch::from_counts(stored.sketch),
        }
    }
}

impl From<StoredEntry> for Entry {
    fn from(stored: StoredEntry) -> Self {
        Self {
            trace_id: stored.trace_id,
            name: cut(&stored.name),
            service: stored.service.as_deref().map(cut),
            kind: stored.kind,
            start_ms: stored.start_ms,
            duration_ms: stored.duration_ms,
            status: stored.status,
            is_error: stored.is_error,
            is_root: stored.is_root.unwrap_or(true),
        }
    }
}

//! A trace's spans may lie in batches around the one that lists it: other
//! services send their own.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use shared::base::clock;
use shared::store::telemetry::StoredHead;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::head::{Summary, TraceCounts, fingerprint};
use shared::telemetry::event::Span;
use shared::telemetry::query::listing::Gathered;
use shared::telemetry::query::window::Window;
use shared::web::error::Error;

use super::{Candidate, Row};
use crate::archive::Archive;
use crate::page::Rows;

/// How much earlier than its entry a part of the trace may be placed, by clocks
/// that disagree, or because the entry is not its first span.
const BEFORE: Duration = Duration::from_secs(60);

/// How much later than its end: spans wait to be sent.
const AFTER: Duration = Duration::from_secs(5 * 60);

/// Heads of the surroundings that are looked at. In busier times a row counts
/// the spans that were found.
const MAX_HEADS: usize = 2_000;

/// Bytes of the blobs around that are opened.
const MAX_BLOB_BYTES: usize = 16 * 1024 * 1024;

/// Adds a row for each candidate whose trace is listed in its place.
///
/// # Errors
/// When storage fails.
pub(super) async fn complete(
    state: &crate::State,
    archive: &Archive,
    candidates: Vec<Candidate>,
    rows: &mut Rows,
) -> Result<(), Error> {
    let heads = surrounding(state, archive, &candidates).await?;
    let alone: Vec<Option<TraceCounts>> = candidates
        .iter()
        .map(|candidate| counts_if_alone(&heads, candidate))
        .collect();
    let scattered: HashSet<u32> = candidates
        .iter()
        .zip(&alone)
        .filter(|(_, alone)| alone.is_none())
        .map(|(candidate, _)| fingerprint(&candidate.entry.trace_id))
        .collect();
    let opened = open(state, archive, &heads, &scattered).await?;
    for (candidate, alone) in candidates.iter().zip(alone) {
        let counts = match alone {
            Some(TraceCounts(spans, errors)) => Some((spans as usize, errors as usize)),
            None => gathered_counts(&opened, candidate),
        };
        if let Some(counts) = counts {
            rows.push(candidate.entry.start(), &row(candidate, counts))?;
        }
    }
    Ok(())
}

/// The heads around that may hold spans of these traces.
async fn surrounding(
    state: &crate::State,
    archive: &Archive,
    candidates: &[Candidate],
) -> Result<Vec<(StoredHead, Summary)>, Error> {
    let first = candidates.iter().map(|candidate| candidate.entry.start());
    let last = candidates.iter().map(|candidate| candidate.entry.end());
    let (Some(first), Some(last)) = (first.min(), last.max()) else {
        return Ok(Vec::new());
    };
    let window = Window {
        from: clock::before(first, BEFORE),
        to: clock::after(last, AFTER),
    };
    let traces: HashSet<u32> = candidates
        .iter()
        .map(|candidate| fingerprint(&candidate.entry.trace_id))
        .collect();
    let mut heads = Vec::new();
    let keep = |head: StoredHead| {
        let summary = head.summary()?;
        if traces.iter().any(|trace| summary.may_hold(*trace)) {
            heads.push((head, summary));
        }
        Ok(())
    };
    let range = archive.heads_at(Signal::Traces, window);
    state.database.each_head(&range, MAX_HEADS, keep).await?;
    heads.sort_by_key(|(head, _)| head.position);
    Ok(heads)
}

/// What the head counted, where no other batch holds spans of the trace.
fn counts_if_alone(heads: &[(StoredHead, Summary)], candidate: &Candidate) -> Option<TraceCounts> {
    let trace = fingerprint(&candidate.entry.trace_id);
    let mut holding = heads.iter().filter(|(_, summary)| summary.may_hold(trace));
    match (holding.next(), holding.next()) {
        (Some((head, summary)), None) if head.position == candidate.chunk => {
            summary.traces.as_ref()?.get(&trace).copied()
        }
        _ => None,
    }
}

async fn open(
    state: &crate::State,
    archive: &Archive,
    heads: &[(StoredHead, Summary)],
    traces: &HashSet<u32>,
) -> Result<BTreeMap<shared::telemetry::chunk::Position, Vec<Span>>, Error> {
    let mut bytes = 0;
    let worth_it = heads
        .iter()
        .filter(|(_, summary)| traces.iter().any(|trace| summary.may_hold(*trace)))
        .map(|(head, _)| head)
        .take_while(|head| {
            bytes += head.bytes;
            bytes <= MAX_BLOB_BYTES
        });
    let closed: Vec<&StoredHead> = worth_it.collect();
    let opened = state.database.open(archive.application_id, &closed).await?;
    let places = closed.into_iter().map(|head| head.position);
    Ok(places.zip(opened).collect())
}

/// Distinct spans and failures over all batches; `None` when the trace is listed
/// in another's place.
fn gathered_counts(
    opened: &BTreeMap<shared::telemetry::chunk::Position, Vec<Span>>,
    candidate: &Candidate,
) -> Option<(usize, usize)> {
    let mut gathered = Gathered::default();
    for (chunk, spans) in opened {
        let of_trace = spans
            .iter()
            .filter(|span| span.trace_id == candidate.entry.trace_id);
        gathered.add(*chunk, of_trace.collect());
    }
    match gathered.home() {
        Some(home) if home != candidate.chunk => None,
        _ => Some(gathered.counts()),
    }
}

fn row<'a>(candidate: &'a Candidate, (spans, errors): (usize, usize)) -> Row<'a> {
    let entry = &candidate.entry;
    Row {
        trace_id: &entry.trace_id,
        name: &entry.name,
        service: entry.service.as_deref(),
        kind: entry.kind,
        start_time: entry.start(),
        duration_ms: entry.duration_ms,
        status: entry.status,
        is_error: entry.is_error,
        span_count: spans,
        error_count: errors,
        has_root: entry.is_root,
    }
}

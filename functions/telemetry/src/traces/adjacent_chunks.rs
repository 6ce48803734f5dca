//! Span counts of listed traces, including spans in adjacent chunks. Several services may send spans of
//! a trace, each in its own batches.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use shared::base::clock;
use shared::store::telemetry::StoredSummary;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::Position;
use shared::telemetry::chunk::codec::{self, Rows};
use shared::telemetry::chunk::summary::{Entry, Summary, fingerprint};
use shared::telemetry::event::Span;
use shared::telemetry::query::listing::Gathered;
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;

use crate::archive::Archive;
use crate::page::{Found, one_by_one};

/// Time before the start of a row in which other chunks of its trace are searched. Clocks differ,
/// and the row may not be the first span.
const BEFORE: Duration = Duration::from_secs(60);

/// Time after the end of a row in which other chunks of its trace are searched. SDKs send spans in
/// batches, so some arrive later.
const AFTER: Duration = Duration::from_secs(5 * 60);

/// Maximum number of adjacent chunk summaries to read. Beyond it, a row counts only spans in the
/// chunks whose summaries were read.
const MAX_SUMMARIES: usize = 2_000;

/// Maximum memory for the decoded events of adjacent chunks, in bytes.
const MAX_MEMORY: usize = 128 * 1024 * 1024;

/// A row, and the chunk that lists it.
type Candidate<'a> = (Position, &'a Entry);

/// Span counts of a trace across all its chunks.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    /// Number of distinct spans.
    pub(super) spans: usize,
    /// Number of spans that failed.
    pub(super) errors: usize,
}

/// Adds counts to rows, and drops a row if its trace is listed under another chunk. Processes as many
/// rows at a time as the page still has room for.
pub(super) fn completed<'a>(
    state: &'a crate::State,
    archive: &'a Archive,
    entries: impl Stream<Item = Result<Found<Entry>, Error>> + Send + 'a,
    limit: usize,
) -> impl Stream<Item = Result<Found<(Entry, Counts)>, Error>> + Send + 'a {
    let batches = stream::try_unfold((Box::pin(entries), limit), move |(mut entries, room)| {
        async move {
            let next = entries.by_ref().take(room.max(1));
            let next: Vec<Found<Entry>> = next.try_collect().await?;
            if next.is_empty() {
                return Ok(None);
            }
            let batch = match room {
                // The page is full. The next row only shows where the next page begins.
                0 => next
                    .into_iter()
                    .map(|Found { at, .. }| Found { at, row: None })
                    .collect(),
                _ => complete(state, archive, next).await?,
            };
            let room = room - batch.iter().filter(|found| found.row.is_some()).count();
            Ok(Some((batch, (entries, room))))
        }
    });
    one_by_one(batches)
}

async fn complete(
    state: &crate::State,
    archive: &Archive,
    found: Vec<Found<Entry>>,
) -> Result<Vec<Found<(Entry, Counts)>>, Error> {
    let candidates = found.iter();
    let candidates: Vec<Candidate> = candidates
        .filter_map(|found| Some((found.at.chunk, found.row.as_ref()?)))
        .collect();
    let mut counts = counts(state, archive, &candidates).await?.into_iter();
    let completed = found.into_iter().filter_map(|Found { at, row }| match row {
        None => Some(Found { at, row: None }),
        Some(entry) => counts.next().flatten().map(|counts| Found {
            at,
            row: Some((entry, counts)),
        }),
    });
    Ok(completed.collect())
}

/// The counts of each candidate; `None` for a trace that is listed under another chunk.
async fn counts(
    state: &crate::State,
    archive: &Archive,
    candidates: &[Candidate<'_>],
) -> Result<Vec<Option<Counts>>, Error> {
    let summaries = surrounding(state, archive, candidates).await?;
    let alone: Vec<Option<Counts>> = candidates
        .iter()
        .map(|candidate| counts_if_alone(&summaries, candidate))
        .collect();
    let scattered: HashSet<u32> = candidates
        .iter()
        .zip(&alone)
        .filter(|(_, alone)| alone.is_none())
        .map(|((_, entry), _)| fingerprint(&entry.trace_id))
        .collect();
    let opened = open(state, archive, &summaries, &scattered).await?;
    let counts = candidates.iter().zip(alone);
    let counts =
        counts.map(|(candidate, alone)| alone.or_else(|| gathered_counts(&opened, candidate)));
    Ok(counts.collect())
}

/// The summaries of adjacent chunks that may hold spans of these traces.
async fn surrounding(
    state: &crate::State,
    archive: &Archive,
    candidates: &[Candidate<'_>],
) -> Result<Vec<(StoredSummary, Summary)>, Error> {
    let first = candidates.iter().map(|(_, entry)| entry.start());
    let last = candidates.iter().map(|(_, entry)| entry.end());
    let listed_in = candidates.iter().map(|(chunk, _)| chunk.at);
    let (Some(first), Some(last), Some(at)) = (first.min(), last.max(), listed_in.max()) else {
        return Ok(Vec::new());
    };
    // A batch can span a full hour, so a row's chunk can be positioned long after the row.
    let window = TimeWindow {
        from: clock::before(first, BEFORE),
        to: clock::after(last, AFTER).max(clock::after(at, Duration::from_millis(1))),
    };
    let traces: HashSet<u32> = candidates
        .iter()
        .map(|(_, entry)| fingerprint(&entry.trace_id))
        .collect();
    let mut summaries = Vec::new();
    let keep = |stored: StoredSummary| {
        if let Some(summary) = stored.summary(&archive.gaps)
            && traces.iter().any(|trace| summary.may_hold_trace(*trace))
        {
            summaries.push((stored, summary));
        }
        Ok(())
    };
    let range = archive.summaries_at(Signal::Traces, window);
    state
        .database
        .each_summary(&range, MAX_SUMMARIES, keep)
        .await?;
    summaries.sort_by_key(|(stored, _)| stored.position);
    Ok(summaries)
}

/// The counts in the summary, if no other chunk holds spans of the trace.
fn counts_if_alone(
    summaries: &[(StoredSummary, Summary)],
    (chunk, entry): &Candidate,
) -> Option<Counts> {
    let trace = fingerprint(&entry.trace_id);
    let mut holding = summaries
        .iter()
        .filter(|(_, summary)| summary.may_hold_trace(trace));
    match (holding.next(), holding.next()) {
        (Some((stored, summary)), None) if stored.position == *chunk => {
            let counts = (*summary.traces.as_ref()?.get(&trace)?)?;
            Some(Counts {
                spans: counts.events as usize,
                errors: counts.errors as usize,
            })
        }
        _ => None,
    }
}

async fn open(
    state: &crate::State,
    archive: &Archive,
    summaries: &[(StoredSummary, Summary)],
    traces: &HashSet<u32>,
) -> Result<BTreeMap<Position, Vec<Span>>, Error> {
    let mut memory = 0;
    let worth_it = summaries
        .iter()
        .filter(|(_, summary)| traces.iter().any(|trace| summary.may_hold_trace(*trace)))
        .map(|(stored, _)| stored)
        .take_while(|stored| {
            memory += stored.memory;
            memory <= MAX_MEMORY
        });
    let closed: Vec<&StoredSummary> = worth_it.collect();
    let range = archive.summaries(Signal::Traces, archive.everything());
    let opened = state
        .database
        .open(&range, &closed, |chunk| codec::decode(chunk, Rows::All))
        .await?;
    let places = closed.into_iter().map(|stored| stored.position);
    Ok(places.zip(opened).collect())
}

/// The counts over all chunks; `None` if the trace is listed under another chunk.
fn gathered_counts(
    opened: &BTreeMap<Position, Vec<Span>>,
    (listed_in, entry): &Candidate,
) -> Option<Counts> {
    let mut gathered = Gathered::default();
    for (chunk, spans) in opened {
        let of_trace = spans.iter().filter(|span| span.trace_id == entry.trace_id);
        gathered.add(*chunk, of_trace.collect());
    }
    match gathered.home() {
        Some(home) if home != *listed_in => None,
        _ => {
            let (spans, errors) = gathered.counts();
            Some(Counts { spans, errors })
        }
    }
}

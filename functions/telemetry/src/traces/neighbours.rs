//! A trace's spans may lie in batches around the one that lists it: other
//! services send their own.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use shared::base::clock;
use shared::store::telemetry::StoredHead;
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::Position;
use shared::telemetry::chunk::head::{Entry, Summary, TraceCounts, fingerprint};
use shared::telemetry::event::Span;
use shared::telemetry::query::listing::Gathered;
use shared::telemetry::query::window::Window;
use shared::web::error::Error;

use crate::archive::Archive;
use crate::page::{Found, one_by_one};

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

/// An entry, and the chunk that lists it.
type Candidate<'a> = (Position, &'a Entry);

/// Spans of a trace, in all chunks.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    /// Distinct spans.
    pub(super) spans: usize,
    /// Those that failed.
    pub(super) errors: usize,
}

/// The entries whose trace is listed in their place, with its counts. The chunks
/// around are read for as many entries together as the page has room for.
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
                // The page is full: what comes next is only where the next one begins.
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

/// The counts of each candidate; `None` for a trace that is listed elsewhere.
async fn counts(
    state: &crate::State,
    archive: &Archive,
    candidates: &[Candidate<'_>],
) -> Result<Vec<Option<Counts>>, Error> {
    let heads = surrounding(state, archive, candidates).await?;
    let alone: Vec<Option<Counts>> = candidates
        .iter()
        .map(|candidate| counts_if_alone(&heads, candidate))
        .collect();
    let scattered: HashSet<u32> = candidates
        .iter()
        .zip(&alone)
        .filter(|(_, alone)| alone.is_none())
        .map(|((_, entry), _)| fingerprint(&entry.trace_id))
        .collect();
    let opened = open(state, archive, &heads, &scattered).await?;
    let counts = candidates.iter().zip(alone);
    let counts =
        counts.map(|(candidate, alone)| alone.or_else(|| gathered_counts(&opened, candidate)));
    Ok(counts.collect())
}

/// The heads around that may hold spans of these traces.
async fn surrounding(
    state: &crate::State,
    archive: &Archive,
    candidates: &[Candidate<'_>],
) -> Result<Vec<(StoredHead, Summary)>, Error> {
    let first = candidates.iter().map(|(_, entry)| entry.start());
    let last = candidates.iter().map(|(_, entry)| entry.end());
    let (Some(first), Some(last)) = (first.min(), last.max()) else {
        return Ok(Vec::new());
    };
    let window = Window {
        from: clock::before(first, BEFORE),
        to: clock::after(last, AFTER),
    };
    let traces: HashSet<u32> = candidates
        .iter()
        .map(|(_, entry)| fingerprint(&entry.trace_id))
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
fn counts_if_alone(heads: &[(StoredHead, Summary)], (chunk, entry): &Candidate) -> Option<Counts> {
    let trace = fingerprint(&entry.trace_id);
    let mut holding = heads.iter().filter(|(_, summary)| summary.may_hold(trace));
    match (holding.next(), holding.next()) {
        (Some((head, summary)), None) if head.position == *chunk => {
            let TraceCounts(spans, errors) = *summary.traces.as_ref()?.get(&trace)?;
            Some(Counts {
                spans: spans as usize,
                errors: errors as usize,
            })
        }
        _ => None,
    }
}

async fn open(
    state: &crate::State,
    archive: &Archive,
    heads: &[(StoredHead, Summary)],
    traces: &HashSet<u32>,
) -> Result<BTreeMap<Position, Vec<Span>>, Error> {
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

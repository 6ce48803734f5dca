//! Completes the rows of traces with the spans in adjacent chunks. Several services may send spans
//! of a trace, each in batches of its own.
//!
//! A trace is listed at its root span or, without one, at its earliest span. So a chunk's row is
//! dropped if another chunk has a better one. For the row of a root, other chunks are searched from
//! a minute before it until five minutes after its end; for a row without root, also in the hour
//! before. Each search reads at most 2,000 summaries. With conditions on spans, a trace is listed
//! at the first span that meets them, and its row is dropped if another chunk has an earlier one.

mod found;

use std::collections::BTreeMap;
use std::time::Duration;

use foldhash::HashSet;
use shared::base::clock;
use shared::store::telemetry::{Direction, StoredSummary};
use shared::telemetry::batch::{HOUR, Signal};
use shared::telemetry::chunk::Position;
use shared::telemetry::chunk::codec::{self, Rows};
use shared::telemetry::chunk::summary::{Entry, TraceCounts, fingerprint};
use shared::telemetry::query::cursor::RowKey;
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;

use self::found::Found;
use super::TraceList;
use crate::archive::Archive;

/// Time before the start of a row in which other chunks of its trace are searched. Clocks differ,
/// and the row may not be the first span.
const BEFORE: Duration = Duration::from_secs(60);

/// Time after the end of a row in which other chunks of its trace are searched. SDKs send spans in
/// batches, so some arrive later.
const AFTER: Duration = Duration::from_secs(5 * 60);

/// Time before a row without root in which the root, or an earlier span, is searched. Messages
/// wait in queues.
const BEFORE_WITHOUT_ROOT: Duration = HOUR;

/// Maximum number of adjacent chunk summaries to read in each of the two searches. Beyond it, a row
/// counts only spans in the chunks whose summaries were read.
const MAX_SUMMARIES: usize = 2_000;

/// Maximum number of queries for the root of rows without one, and how many more are allowed for
/// each shard.
const MAX_QUERIES: usize = 4;
const QUERIES_PER_SHARD: usize = 2;

/// Maximum number of chunks to open together. Beyond it, a row counts only spans in the opened
/// chunks.
const MAX_CHUNKS: usize = 200;

/// Maximum memory for the decoded events of adjacent chunks that are looked up together, in bytes.
const MAX_MEMORY: usize = 128 * 1024 * 1024;

/// A row of a chunk.
pub(super) struct Candidate {
    /// The row.
    pub(super) entry: Entry,
    /// Chunk that lists it.
    pub(super) chunk: Position,
    /// Its place in the list, in milliseconds.
    pub(super) place_ms: i64,
    /// Spans of the trace in this chunk, if known.
    pub(super) own: Option<TraceCounts>,
}

/// Span counts of a trace across its chunks.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    /// Number of distinct spans.
    pub(super) spans: usize,
    /// Number of spans that failed.
    pub(super) errors: usize,
}

impl From<TraceCounts> for Counts {
    fn from(counts: TraceCounts) -> Self {
        Self {
            spans: counts.events as usize,
            errors: counts.errors as usize,
        }
    }
}

impl Candidate {
    fn fingerprint(&self) -> u32 {
        fingerprint(&self.entry.trace_id)
    }

    /// Place of the row in the list.
    pub(super) fn key(&self) -> RowKey {
        RowKey::of_trace(self.place_ms, &self.entry.trace_id)
    }
}

/// Adds counts to rows. Returns `None` for a trace that is listed elsewhere and, if only failed
/// traces are wanted, for a trace without a failed span.
pub(super) async fn completed(
    state: &crate::State,
    archive: &Archive,
    list: &TraceList,
    candidates: Vec<Candidate>,
) -> Result<Vec<Option<(Entry, Counts)>>, Error> {
    let failed_only = list.failed_only();
    let lookup = Lookup { state, archive };
    let near = lookup.surrounding(&candidates).await?;
    let may_have_failed = |candidate: &Candidate| !failed_only || near.may_have_failed(candidate);
    let (wanted, _): (Vec<&Candidate>, Vec<&Candidate>) = candidates
        .iter()
        .partition(|candidate| may_have_failed(candidate));
    let mut found = Found::default();
    let scattered = wanted.iter().copied();
    let scattered = scattered.filter(|candidate| near.alone(candidate).is_none());
    lookup.open(&near, scattered, &mut found).await?;
    let without_root = found.without_root(&wanted);
    let earlier = lookup.earlier(&without_root).await?;
    let with_earlier = without_root.iter().copied();
    let with_earlier: Vec<&Candidate> = with_earlier
        .filter(|candidate| earlier.holding(candidate).next().is_some())
        .collect();
    lookup
        .open(&earlier, with_earlier.iter().copied(), &mut found)
        .await?;
    let own_chunks = with_earlier
        .into_iter()
        .filter(|candidate| near.alone(candidate).is_some());
    lookup.open(&near, own_chunks, &mut found).await?;
    let mut rows = found.rows(&near, list);
    let completed = candidates.iter().map(|candidate| {
        let is_wanted = may_have_failed(candidate);
        let (entry, counts) = is_wanted.then(|| rows.row(candidate))??;
        (!failed_only || counts.errors > 0).then_some((entry, counts))
    });
    Ok(completed.collect())
}

/// Chunks that may hold spans of the candidates, with the counts of these traces in their
/// summaries.
struct Adjacent(Vec<(StoredSummary, OfTraces)>);

/// Counts of some traces by fingerprint. `None` if the summary does not list its traces, so that
/// any may occur.
struct OfTraces(Option<BTreeMap<u32, Option<TraceCounts>>>);

impl OfTraces {
    fn may_hold(&self, trace: u32) -> bool {
        self.0
            .as_ref()
            .is_none_or(|traces| traces.contains_key(&trace))
    }

    fn counts(&self, trace: u32) -> Option<TraceCounts> {
        self.0.as_ref()?.get(&trace).copied().flatten()
    }
}

impl Adjacent {
    fn holding(&self, candidate: &Candidate) -> impl Iterator<Item = &(StoredSummary, OfTraces)> {
        let trace = candidate.fingerprint();
        self.0
            .iter()
            .filter(move |(_, traces)| traces.may_hold(trace))
    }

    /// Returns the counts in the summary if no other chunk holds spans of the trace.
    fn alone(&self, candidate: &Candidate) -> Option<Counts> {
        let mut holding = self.holding(candidate);
        match (holding.next(), holding.next()) {
            (None, _) => Some(candidate.own?.into()),
            (Some((stored, _)), None) if stored.position == candidate.chunk => {
                Some(candidate.own?.into())
            }
            _ => None,
        }
    }

    fn may_have_failed(&self, candidate: &Candidate) -> bool {
        let trace = candidate.fingerprint();
        let may_have_failed =
            |counts: Option<TraceCounts>| counts.is_none_or(|counts| counts.errors > 0);
        may_have_failed(candidate.own)
            || self
                .holding(candidate)
                .any(|(_, traces)| may_have_failed(traces.counts(trace)))
    }
}

/// Reads adjacent chunks for one request.
struct Lookup<'a> {
    state: &'a crate::State,
    archive: &'a Archive,
}

impl Lookup<'_> {
    /// Reads the summaries around the candidates.
    async fn surrounding(&self, candidates: &[Candidate]) -> Result<Adjacent, Error> {
        let rows = candidates.iter().map(|candidate| &candidate.entry);
        let first = rows.clone().map(Entry::start).min();
        let last = rows.map(Entry::end).max();
        let listed_in = candidates.iter().map(|candidate| candidate.chunk.at).max();
        let (Some(first), Some(last), Some(at)) = (first, last, listed_in) else {
            return Ok(Adjacent(Vec::new()));
        };
        // A chunk may hold events of a full hour, so its position can be long after the row.
        let window = TimeWindow {
            from: clock::before(first, BEFORE),
            to: clock::after(last, AFTER).max(clock::after(at, Duration::from_millis(1))),
        };
        let traces: HashSet<u32> = candidates.iter().map(Candidate::fingerprint).collect();
        let mut summaries = Vec::new();
        let keep = |stored: StoredSummary| {
            summaries.extend(self.holding(stored, &traces));
            Ok(())
        };
        let range = self.archive.summaries_at(Signal::Traces, window);
        let database = &self.state.database;
        database.each_summary(&range, MAX_SUMMARIES, keep).await?;
        summaries.sort_by_key(|(stored, _)| stored.position);
        Ok(Adjacent(summaries))
    }

    /// Reads the summaries of the hour before those [`surrounding`](Self::surrounding) candidates
    /// without root.
    async fn earlier(&self, candidates: &[&Candidate]) -> Result<Adjacent, Error> {
        let starts = candidates.iter().map(|candidate| candidate.entry.start());
        let (Some(first), Some(last)) = (starts.clone().min(), starts.max()) else {
            return Ok(Adjacent(Vec::new()));
        };
        let window = TimeWindow {
            from: clock::before(first, BEFORE_WITHOUT_ROOT),
            to: clock::before(last, BEFORE),
        };
        let traces: HashSet<u32> = candidates
            .iter()
            .map(|candidate| candidate.fingerprint())
            .collect();
        let range = self.archive.summaries_at(Signal::Traces, window);
        let queries = MAX_QUERIES + QUERIES_PER_SHARD * range.shards as usize;
        let database = &self.state.database;
        let mut walk = database.walk(range, Direction::Older, queries);
        let mut summaries = Vec::new();
        for _ in 0..MAX_SUMMARIES {
            let Some(stored) = walk.next().await? else {
                break;
            };
            summaries.extend(self.holding(stored, &traces));
        }
        Ok(Adjacent(summaries))
    }

    /// Returns the summary if it may hold one of these traces.
    fn holding(
        &self,
        stored: StoredSummary,
        traces: &HashSet<u32>,
    ) -> Option<(StoredSummary, OfTraces)> {
        let summary = stored.summary(&self.archive.gaps)?;
        let held = summary.traces.map(|mut held| {
            held.retain(|trace, _| traces.contains(trace));
            held
        });
        let may_hold = held.as_ref().is_none_or(|held| !held.is_empty());
        may_hold.then(|| (stored.without_summary(), OfTraces(held)))
    }

    /// Opens the chunks that may hold spans of these candidates, as far as memory allows.
    async fn open<'c>(
        &self,
        adjacent: &Adjacent,
        candidates: impl Iterator<Item = &'c Candidate>,
        found: &mut Found,
    ) -> Result<(), Error> {
        let candidates: Vec<&Candidate> = candidates.collect();
        let traces: HashSet<u32> = candidates
            .iter()
            .map(|candidate| candidate.fingerprint())
            .collect();
        let ids: HashSet<&str> = candidates
            .iter()
            .map(|candidate| &*candidate.entry.trace_id)
            .collect();
        let mut memory = found.memory;
        let worth_it = adjacent
            .0
            .iter()
            .filter(|(stored, _)| !found.spans.has_chunk(stored.position))
            .filter(|(_, held)| traces.iter().any(|trace| held.may_hold(*trace)))
            .map(|(stored, _)| stored)
            .take_while(|stored| {
                let fits = memory + stored.memory <= MAX_MEMORY;
                memory += if fits { stored.memory } else { 0 };
                fits
            })
            .take(MAX_CHUNKS);
        let closed: Vec<&StoredSummary> = worth_it.collect();
        found.memory = memory;
        if closed.is_empty() {
            return Ok(());
        }
        let range = self
            .archive
            .summaries_for_list(Signal::Traces, self.archive.everything());
        let opened = self.state.database.open(&range, &closed, |place, chunk| {
            let Some(stored) = closed.get(place) else {
                return Ok(());
            };
            let most = stored.stated_memory();
            let spans = codec::decode_within(chunk, Rows::OfTraces(&ids), most)?;
            found.spans.add(stored.position, spans);
            Ok(())
        });
        opened.await?;
        // Chunks that cannot be read are not opened again.
        for stored in closed {
            found.spans.add(stored.position, Vec::new());
        }
        Ok(())
    }
}

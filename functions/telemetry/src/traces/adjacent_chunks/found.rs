//! The spans of listed traces that opened chunks hold.

use foldhash::{HashMap, HashMapExt as _, HashSet};
use shared::telemetry::chunk::summary::{Entry, entries};
use shared::telemetry::event::Span;
use shared::telemetry::query::by_trace::SpansByTrace;
use shared::telemetry::query::listing::Gathered;

use super::super::TraceList;
use super::{Adjacent, Candidate, Counts};

/// The spans of chunks that were opened.
#[derive(Default)]
pub(super) struct Found {
    pub(super) spans: SpansByTrace,
    /// Memory of the events of these chunks, in bytes.
    pub(super) memory: usize,
}

impl Found {
    fn of(&self, trace: &str) -> Gathered<'_> {
        let mut gathered = Gathered::default();
        for span in self.spans.of(trace).flatten() {
            gathered.add(span);
        }
        gathered
    }

    /// Returns the candidates without a root span, neither in their row nor among the spans found.
    pub(super) fn without_root<'c>(&self, candidates: &[&'c Candidate]) -> Vec<&'c Candidate> {
        let traces: HashSet<&str> = candidates
            .iter()
            .filter(|candidate| !candidate.entry.is_root)
            .map(|candidate| &*candidate.entry.trace_id)
            .collect();
        let has_no_root = |trace: &&str| !self.of(trace).best().is_some_and(Span::is_root);
        let traces: HashSet<&str> = traces.into_iter().filter(has_no_root).collect();
        let candidates = candidates.iter().copied();
        candidates
            .filter(|candidate| !candidate.entry.is_root)
            .filter(|candidate| traces.contains(&*candidate.entry.trace_id))
            .collect()
    }

    /// Returns the rows of a list.
    pub(super) fn rows<'a>(&'a self, near: &'a Adjacent, list: &'a TraceList) -> Rows<'a> {
        Rows {
            found: self,
            near,
            list,
            known: HashMap::new(),
        }
    }

    /// Returns what was found of a trace; `None` if nothing was.
    fn trace(&self, trace: &str, list: &TraceList) -> Option<FoundTrace> {
        let gathered = self.of(trace);
        let row = Entry::of(gathered.best()?);
        let (spans, errors) = gathered.counts();
        let is_by_spans = !list.filter.spans.is_open();
        let first_match =
            is_by_spans.then(|| gathered.first_match(&list.filter.spans, list.window));
        Some(FoundTrace {
            nearest: self.nearest(trace, &row, list),
            row,
            counts: Counts { spans, errors },
            first_match: first_match.flatten(),
        })
    }

    /// Returns the place at which a chunk may list a trace that is nearest to the trace's row, in
    /// milliseconds.
    fn nearest(&self, trace: &str, row: &Entry, list: &TraceList) -> Option<i64> {
        let of_chunks = self.spans.of(trace).flat_map(entries);
        let is_listed = |entry: &Entry| entry.start_ms == row.start_ms || list.shows(entry);
        let places = of_chunks.filter(is_listed).map(|entry| entry.start_ms);
        places.min_by_key(|place| distance(*place, row))
    }
}

/// Returns the distance of a place from the start of a row. Of two places at the same distance, the
/// earlier comes first.
fn distance(place: i64, row: &Entry) -> (u64, i64) {
    (place.abs_diff(row.start_ms), place)
}

/// A trace of which spans were found.
struct FoundTrace {
    row: Entry,
    counts: Counts,
    /// The start of the first span that meets the conditions on spans, in milliseconds.
    first_match: Option<i64>,
    nearest: Option<i64>,
}

impl FoundTrace {
    /// Returns where the trace is listed, in milliseconds: at the start of its row, if the chunk
    /// with that span lists it there. A chunk with another version of that span or of an earlier
    /// one may not; then the place is the nearest row of a chunk.
    fn place(&self, candidate: &Candidate) -> i64 {
        let own = candidate.place_ms;
        let places = self.nearest.into_iter().chain([own]);
        let nearest = places.min_by_key(|place| distance(*place, &self.row));
        nearest.unwrap_or(own)
    }
}

/// Creates the rows of a list. What was found of a trace is evaluated once, although several chunks
/// may list it.
pub(super) struct Rows<'a> {
    found: &'a Found,
    near: &'a Adjacent,
    list: &'a TraceList,
    known: HashMap<&'a str, Option<FoundTrace>>,
}

impl<'a> Rows<'a> {
    /// Returns the row of the trace; `None` if another chunk has a better one.
    pub(super) fn row(&mut self, candidate: &'a Candidate) -> Option<(Entry, Counts)> {
        let list = self.list;
        let trace = &*candidate.entry.trace_id;
        let known = self.known.entry(trace);
        let Some(trace) = known.or_insert_with(|| self.found.trace(trace, list)) else {
            let own = || candidate.own.map(Counts::from);
            let unknown = Counts {
                spans: 0,
                errors: 0,
            };
            let counts = self.near.alone(candidate).or_else(own).unwrap_or(unknown);
            return Some((candidate.entry.clone(), counts));
        };
        let is_here = if list.filter.spans.is_open() {
            list.window.contains(trace.row.start()) && candidate.place_ms == trace.place(candidate)
        } else {
            // The candidate's own chunk may not be among those that were opened.
            let first = trace.first_match;
            first.is_none_or(|first| candidate.place_ms <= first)
        };
        is_here.then(|| (trace.row.clone(), trace.counts))
    }
}

//! What the opened chunks hold of the listed traces.

use std::collections::BTreeMap;

use shared::telemetry::chunk::Position;
use shared::telemetry::chunk::summary::{Entry, entries};
use shared::telemetry::event::Span;
use shared::telemetry::query::listing::Gathered;

use super::super::TraceList;
use super::{Adjacent, Candidate, Counts};

/// The spans of chunks that were opened.
#[derive(Default)]
pub(super) struct Found {
    pub(super) spans: BTreeMap<Position, Vec<Span>>,
    /// Memory of the events of these chunks, in bytes.
    pub(super) memory: usize,
}

impl Found {
    fn of(&self, candidate: &Candidate) -> Gathered<'_> {
        let mut gathered = Gathered::default();
        for span in self.spans.values().flatten() {
            if span.trace_id == candidate.entry.trace_id {
                gathered.add(span);
            }
        }
        gathered
    }

    /// Whether a root span of the trace was found.
    pub(super) fn has_root(&self, candidate: &Candidate) -> bool {
        candidate.entry.is_root || self.of(candidate).best().is_some_and(Span::is_root)
    }

    /// The row of the trace; `None` if another chunk has a better one.
    pub(super) fn row(
        &self,
        candidate: &Candidate,
        near: &Adjacent,
        list: &TraceList,
    ) -> Option<(Entry, Counts)> {
        let gathered = self.of(candidate);
        let Some(best) = gathered.best() else {
            let own = || candidate.own.map(Counts::from);
            let unknown = Counts {
                spans: 0,
                errors: 0,
            };
            let counts = near.alone(candidate).or_else(own).unwrap_or(unknown);
            return Some((candidate.entry.clone(), counts));
        };
        let best = Entry::of(best);
        let is_here = if list.filter.spans.is_open() {
            list.window.contains(best.start())
                && candidate.place_ms == self.place(candidate, &best, list)
        } else {
            // The candidate's own chunk may not be among those that were opened.
            let first = gathered.first_match(&list.filter.spans, list.window);
            first.is_none_or(|first| candidate.place_ms <= first)
        };
        let (spans, errors) = gathered.counts();
        is_here.then_some((best, Counts { spans, errors }))
    }

    /// Where the trace is listed, in milliseconds: at the start of its row, where the chunk with
    /// that span lists it. If a chunk has another version of that span or of an earlier one, none
    /// may list it there, so the nearest row of a chunk is its place.
    fn place(&self, candidate: &Candidate, row: &Entry, list: &TraceList) -> i64 {
        let own = candidate.place_ms;
        let of_chunks = self.spans.values().flat_map(|spans| {
            let of_trace = |span: &&Span| span.trace_id == candidate.entry.trace_id;
            entries(spans.iter().filter(of_trace))
        });
        let is_listed = |entry: &Entry| entry.start_ms == row.start_ms || list.shows(entry);
        let places = of_chunks.filter(is_listed).map(|entry| entry.start_ms);
        let distance = |place: &i64| (place.abs_diff(row.start_ms), *place);
        places.chain([own]).min_by_key(distance).unwrap_or(own)
    }
}

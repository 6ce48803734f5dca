//! The spans of several chunks, found by their trace.

use std::collections::BTreeMap;
use std::ops::Range;

use foldhash::HashMap;

use crate::chunk::Position;
use crate::event::Span;

/// Spans of several chunks. The spans of a trace are found without looking at the others, so that the
/// time for a page of traces does not grow with the number of rows times the number of spans.
#[derive(Debug, Default)]
pub struct SpansByTrace {
    /// The spans of each chunk, sorted by trace.
    chunks: BTreeMap<Position, Vec<Span>>,
    /// The range of each trace's spans in each chunk.
    places: HashMap<String, BTreeMap<Position, Range<usize>>>,
}

impl SpansByTrace {
    /// Returns whether a chunk was added.
    pub fn has_chunk(&self, chunk: Position) -> bool {
        self.chunks.contains_key(&chunk)
    }

    /// Adds the spans of a chunk, unless they were added before.
    pub fn add(&mut self, chunk: Position, mut spans: Vec<Span>) {
        if self.has_chunk(chunk) {
            return;
        }
        spans.sort_by(|one, other| one.trace_id.cmp(&other.trace_id));
        let mut start = 0;
        for of_trace in spans.chunk_by(|one, other| one.trace_id == other.trace_id) {
            let end = start + of_trace.len();
            if let Some(span) = of_trace.first() {
                let places = self.places.entry(span.trace_id.clone()).or_default();
                places.insert(chunk, start..end);
            }
            start = end;
        }
        self.chunks.insert(chunk, spans);
    }

    /// Returns the spans of a trace by chunk, in the order of the chunks.
    pub fn of(&self, trace: &str) -> impl Iterator<Item = &[Span]> {
        let places = self.places.get(trace).into_iter().flatten();
        places.filter_map(|(chunk, range)| self.chunks.get(chunk)?.get(range.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(number: u8) -> Position {
        Position {
            hash: [number; 16],
            ..Position::default()
        }
    }

    fn span(trace: usize, id: usize) -> Span {
        Span {
            trace_id: trace.to_string(),
            span_id: id.to_string(),
            ..Span::default()
        }
    }

    #[test]
    fn a_page_of_all_traces_walks_each_span_once() {
        let mut found = SpansByTrace::default();
        for chunk in 0..50 {
            let spans = (0..200).map(|index| span(index % 100, index));
            found.add(position(chunk), spans.collect());
        }
        let traces = (0..100).map(|trace: usize| trace.to_string());
        let walked = traces.map(|trace| found.of(&trace).map(<[Span]>::len).sum::<usize>());
        assert_eq!(walked.sum::<usize>(), 50 * 200);
    }

    #[test]
    fn the_spans_of_a_trace_are_in_the_order_of_chunks_and_of_their_chunk() {
        let mut found = SpansByTrace::default();
        found.add(position(2), vec![span(1, 5), span(0, 6), span(1, 4)]);
        found.add(position(1), vec![span(2, 7), span(1, 9)]);
        found.add(position(3), vec![]);
        // A chunk is not added twice.
        found.add(position(1), vec![span(1, 8)]);
        let ids = |trace: &str| -> Vec<Vec<String>> {
            let ids = |spans: &[Span]| spans.iter().map(|span| span.span_id.clone()).collect();
            found.of(trace).map(ids).collect()
        };
        assert_eq!(ids("1"), [vec!["9"], vec!["5", "4"]]);
        assert_eq!(ids("0"), [["6"]]);
        assert!(ids("3").is_empty());
        assert!(found.has_chunk(position(3)) && !found.has_chunk(position(4)));
    }
}

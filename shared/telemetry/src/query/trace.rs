//! The spans of one trace as a tree, regardless of the order in which they arrived and of
//! duplicates.

mod skew;

use foldhash::{HashMap, HashMapExt as _, HashSet, HashSetExt as _};
use jiff::{SignedDuration, Timestamp};

use super::window::TimeWindow;
use crate::event::versions::distinct_of;
use crate::event::{Event, Span, SpanKind};

/// The spans of one trace, each once, depth first: a span follows its parent, and
/// siblings are sorted by start. The tree is flat, because a chain may be thousands of
/// spans deep and no JSON parser reads that many levels.
#[derive(Debug, Default, PartialEq)]
pub struct Tree {
    /// Each span after its parent.
    pub spans: Vec<TreeSpan>,
}

/// A span and its place in a [`Tree`].
#[derive(Debug, PartialEq)]
pub struct TreeSpan {
    /// Number of ancestors.
    pub depth: usize,
    /// The span as it was sent.
    pub span: Span,
    /// What to add to its times, in nanoseconds, if the clock of its service was behind; 0 if not.
    pub skew_ns: i64,
}

impl TreeSpan {
    /// Returns the start time, corrected.
    pub fn start(&self) -> Timestamp {
        corrected(self.span.start(), self.skew_ns)
    }

    /// Returns the end time, corrected.
    pub fn end(&self) -> Timestamp {
        corrected(self.span.end(), self.skew_ns)
    }
}

fn corrected(at: Timestamp, skew_ns: i64) -> Timestamp {
    let skew = SignedDuration::from_nanos(skew_ns);
    at.checked_add(skew).unwrap_or(at)
}

impl Tree {
    /// Builds the tree. A span is at the top if its parent is missing, or if it is the first span of a
    /// cycle.
    pub fn of(spans: Vec<Span>) -> Self {
        let mut spans = distinct_of(spans);
        // A client comes before the server that shares its id.
        let key = |span: &Span| (span.start_ns, span.kind == Some(SpanKind::Server));
        spans.sort_by(|a, b| (key(a), &a.span_id).cmp(&(key(b), &b.span_id)));
        let order = depth_first(&spans);
        let skews = skew::skews(&spans, &order);
        let mut spans: Vec<Option<Span>> = spans.into_iter().map(Some).collect();
        let mut take = |place: Place| {
            Some(TreeSpan {
                depth: place.depth,
                span: spans.get_mut(place.index)?.take()?,
                skew_ns: skews.get(place.index).copied().unwrap_or_default(),
            })
        };
        Self {
            spans: order.into_iter().filter_map(&mut take).collect(),
        }
    }

    /// Returns the first start and the last end, corrected for clock skew; `None` without spans.
    pub fn extent(&self) -> Option<(Timestamp, Timestamp)> {
        let bounds = self.spans.iter().map(|span| (span.start(), span.end()));
        bounds.reduce(|(from, to), (start, end)| (from.min(start), to.max(end)))
    }

    /// Returns the number of spans that failed.
    pub fn errors(&self) -> usize {
        self.spans
            .iter()
            .filter(|in_tree| in_tree.span.is_error())
            .count()
    }

    /// Returns the distinct services, in the order of first appearance.
    pub fn services(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let services = self.spans.iter();
        let services = services.filter_map(|in_tree| in_tree.span.service());
        services.filter(|service| seen.insert(*service)).collect()
    }
}

/// Returns the first start and the last end of these spans; `None` without spans.
pub fn extent<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Option<(Timestamp, Timestamp)> {
    let bounds = spans.into_iter().map(|span| (span.start(), span.end()));
    bounds.reduce(|(from, to), (start, end)| (from.min(start), to.max(end)))
}

/// Returns the window that should hold all spans of a trace, given those already found: their
/// extent, widened by `margin` for batching and clock differences. `None` without spans.
pub fn surroundings(found: &[Span], margin: std::time::Duration) -> Option<TimeWindow> {
    let (from, to) = extent(found)?;
    Some(TimeWindow {
        from: upblit_base::clock::before(from, margin),
        to: upblit_base::clock::after(to, margin),
    })
}

/// Returns whether there are spans and none of their parents is missing.
pub fn is_whole(spans: &[Span]) -> bool {
    let ids: HashSet<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
    let mut parents = spans
        .iter()
        .filter_map(|span| span.parent_span_id.as_deref());
    !spans.is_empty() && parents.all(|parent| ids.contains(parent))
}

/// Spans by their ids, to find the parent of a span.
struct Parents<'a> {
    by_id: HashMap<&'a str, usize>,
    /// The clients that share their id with a server.
    clients: HashMap<&'a str, usize>,
}

impl<'a> Parents<'a> {
    fn of(spans: &'a [Span]) -> Self {
        let mut by_id = HashMap::new();
        let mut clients = HashMap::new();
        for (index, span) in spans.iter().enumerate() {
            let id = span.span_id.as_str();
            if span.kind == Some(SpanKind::Client) {
                clients.insert(id, index);
                by_id.entry(id).or_insert(index);
            } else {
                // Spans below a shared id are usually those of the server.
                by_id.insert(id, index);
            }
        }
        Self { by_id, clients }
    }

    fn of_span(&self, spans: &[Span], index: usize) -> Option<usize> {
        let span = spans.get(index)?;
        if span.kind == Some(SpanKind::Server)
            && let Some(client) = self.clients.get(span.span_id.as_str())
        {
            return Some(*client);
        }
        self.by_id.get(span.parent_span_id.as_deref()?).copied()
    }
}

/// Place of a span in the tree.
#[derive(Debug, Clone, Copy)]
struct Place {
    depth: usize,
    index: usize,
    parent: Option<usize>,
}

/// Returns the places of the spans, depth first. Not recursive, because chains may be long.
fn depth_first(spans: &[Span]) -> Vec<Place> {
    let parents = Parents::of(spans);
    let parent = |index: usize| parents.of_span(spans, index);
    let mut children = vec![Vec::new(); spans.len()];
    let mut tops = Vec::new();
    for index in 0..spans.len() {
        match parent(index).and_then(|of| children.get_mut(of)) {
            Some(siblings) => siblings.push(index),
            None => tops.push(index),
        }
    }
    let mut order = Vec::with_capacity(spans.len());
    let mut visited = vec![false; spans.len()];
    // Top spans come first. Spans that they do not reach form cycles; each starts at its first span.
    for start in tops.into_iter().chain(0..spans.len()) {
        let mut stack = vec![Place {
            depth: 0,
            index: start,
            parent: None,
        }];
        while let Some(place) = stack.pop() {
            if std::mem::replace(&mut visited[place.index], true) {
                continue;
            }
            order.push(place);
            let below = children[place.index].iter().rev();
            stack.extend(below.map(|child| Place {
                depth: place.depth + 1,
                index: *child,
                parent: Some(place.index),
            }));
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(id: &str, parent: Option<&str>, start_ns: i64) -> Span {
        Span {
            span_id: id.to_owned(),
            parent_span_id: parent.map(str::to_owned),
            start_ns,
            duration_ms: Some(1.0),
            ..Span::default()
        }
    }

    fn shape(spans: Vec<Span>) -> Vec<(usize, String)> {
        let tree = Tree::of(spans);
        let ids = tree.spans.into_iter();
        ids.map(|placed| (placed.depth, placed.span.span_id))
            .collect()
    }

    fn expected(shape: &[(usize, &str)]) -> Vec<(usize, String)> {
        let owned = shape.iter().map(|(depth, id)| (*depth, (*id).to_owned()));
        owned.collect()
    }

    #[test]
    fn spans_follow_their_parents_and_siblings_are_sorted_by_start() {
        let spans = vec![
            span("late", Some("root"), 30),
            span("deep", Some("early"), 25),
            span("early", Some("root"), 20),
            span("root", None, 10),
            span("early", Some("root"), 20),
        ];
        let shape = shape(spans);
        let tree = [(0, "root"), (1, "early"), (2, "deep"), (1, "late")];
        assert_eq!(shape, expected(&tree));
    }

    #[test]
    fn spans_with_a_missing_or_cyclic_parent_are_shown_at_the_top() {
        let orphan = vec![span("b", Some("gone"), 2), span("a", None, 1)];
        assert_eq!(shape(orphan), expected(&[(0, "a"), (0, "b")]));
        assert_eq!(shape(vec![span("a", Some("a"), 1)]), expected(&[(0, "a")]));
        let cycle = vec![
            span("b", Some("a"), 2),
            span("a", Some("b"), 1),
            span("root", None, 3),
        ];
        assert_eq!(shape(cycle), expected(&[(0, "root"), (0, "a"), (1, "b")]));
    }

    #[test]
    fn a_trace_is_complete_when_no_parent_is_missing() {
        assert!(!is_whole(&[]));
        assert!(is_whole(&[span("b", Some("a"), 2), span("a", None, 1)]));
        assert!(!is_whole(&[span("b", Some("gone"), 2), span("a", None, 1)]));
    }

    #[test]
    fn a_chain_of_ten_thousand_spans_becomes_a_tree() {
        let chain = (0..10_000).map(|n: i64| span(&n.to_string(), Some(&(n - 1).to_string()), n));
        let tree = Tree::of(chain.collect());
        assert_eq!(tree.spans.last().map(|last| last.depth), Some(9_999));
        let (from, to) = tree.extent().unwrap();
        assert_eq!(to.duration_since(from).as_nanos(), 1_009_999);
    }

    #[test]
    fn a_server_is_below_the_client_whose_id_it_shares() {
        let of_kind = |kind, parent, start_ns| Span {
            kind: Some(kind),
            ..span("shared", parent, start_ns)
        };
        let spans = vec![
            span("below", Some("shared"), 4),
            of_kind(SpanKind::Server, Some("root"), 3),
            of_kind(SpanKind::Client, Some("root"), 2),
            span("root", None, 1),
        ];
        let tree = [(0, "root"), (1, "shared"), (2, "shared"), (3, "below")];
        assert_eq!(shape(spans), expected(&tree));
    }

    #[test]
    fn a_finished_version_of_a_span_is_shown() {
        let unfinished = Span {
            duration_ms: None,
            ..span("a", None, 1)
        };
        for spans in [
            vec![unfinished.clone(), span("a", None, 1)],
            vec![span("a", None, 1), unfinished.clone()],
        ] {
            let tree = Tree::of(spans);
            let spans = tree.spans.iter();
            let durations: Vec<_> = spans.map(|placed| placed.span.duration_ms).collect();
            assert_eq!(durations, [Some(1.0)]);
        }
    }

    proptest! {
        #[test]
        fn every_span_appears_once_whatever_its_parent(
            parents in prop::collection::vec(prop::option::of(0usize..40), 0..40),
        ) {
            let spans: Vec<Span> = parents
                .iter()
                .enumerate()
                .map(|(n, p)| span(&n.to_string(), p.map(|p| p.to_string()).as_deref(), 0))
                .collect();
            let mut ids: Vec<_> = Tree::of(spans.clone()).spans.into_iter().map(|placed| placed.span.span_id).collect();
            ids.sort();
            let mut all: Vec<_> = spans.into_iter().map(|s| s.span_id).collect();
            all.sort();
            prop_assert_eq!(ids, all);
        }
    }
}

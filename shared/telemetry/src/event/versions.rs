//! Versions of a span. SDKs repeat a batch whose response was lost, and some send a span when it
//! starts and again when it has ended.

use std::cmp::Ordering;

use foldhash::{HashMap, HashMapExt as _};

use super::{Event, Span, SpanKind};

/// What versions of one span have in common. A client and a server may share an id, as Zipkin's
/// do; they are two spans.
type Identity<'a> = (&'a str, Option<SpanKind>, Option<&'a str>);

/// Returns the identity of a span within its trace.
fn identity(span: &Span) -> Identity<'_> {
    (&span.span_id, span.kind, span.service())
}

/// Returns each span once, in its best version, in the order of first appearance.
pub(crate) fn distinct<'a>(spans: impl IntoIterator<Item = &'a Span>) -> Vec<&'a Span> {
    let spans: Vec<&Span> = spans.into_iter().collect();
    let places = best_places(&spans);
    let best = places.into_iter().filter_map(|place| spans.get(place));
    best.copied().collect()
}

/// Like [`distinct`], for owned spans.
pub(crate) fn distinct_of(spans: Vec<Span>) -> Vec<Span> {
    let places = best_places(&spans.iter().collect::<Vec<_>>());
    let mut spans: Vec<Option<Span>> = spans.into_iter().map(Some).collect();
    let best = places.into_iter();
    best.filter_map(|place| spans.get_mut(place)?.take())
        .collect()
}

/// Returns the index of the best version of each span, in the order of first appearance.
fn best_places(spans: &[&Span]) -> Vec<usize> {
    let mut known = HashMap::<(&str, Identity<'_>), usize>::new();
    let mut best: Vec<usize> = Vec::new();
    for (place, span) in spans.iter().enumerate() {
        let key = (&*span.trace_id, identity(span));
        let at = *known.entry(key).or_insert(best.len());
        match best.get_mut(at) {
            None => best.push(place),
            Some(other) if compare(span, spans[*other]) == Ordering::Greater => *other = place,
            Some(_) => {}
        }
    }
    best
}

/// Compares two versions of a span: a finished one is better than an unfinished one, and then the
/// one that ended later. Otherwise their contents decide, so that the order of arrival does not.
fn compare(span: &Span, other: &Span) -> Ordering {
    let rank = |span: &Span| {
        let is_finished = span.duration_ms.is_some();
        (
            is_finished,
            span.end(),
            span.start_ns,
            span.outcome.is_some(),
        )
    };
    rank(span).cmp(&rank(other)).then_with(|| {
        if span == other {
            return Ordering::Equal;
        }
        let content = |span: &Span| serde_json::to_string(span).unwrap_or_default();
        content(span).cmp(&content(other))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(kind: Option<SpanKind>, duration_ms: Option<f64>) -> Span {
        Span {
            span_id: "s".to_owned(),
            kind,
            duration_ms,
            ..Span::default()
        }
    }

    #[test]
    fn a_finished_version_is_better_than_an_unfinished_one_in_any_order() {
        let finished = span(None, Some(1.0));
        let unfinished = span(None, None);
        for versions in [[&finished, &unfinished], [&unfinished, &finished]] {
            assert_eq!(distinct(versions), [&finished]);
        }
        assert_eq!(distinct([&finished, &finished.clone()]).len(), 1);
    }

    #[test]
    fn of_two_finished_versions_the_order_of_arrival_does_not_decide() {
        let one = Span {
            status: Some(200),
            ..span(None, Some(1.0))
        };
        let other = Span {
            status: Some(500),
            ..span(None, Some(1.0))
        };
        assert_eq!(distinct([&one, &other]), distinct([&other, &one]));
    }

    #[test]
    fn a_client_and_a_server_with_one_id_are_two_spans() {
        let client = span(Some(SpanKind::Client), Some(2.0));
        let server = span(Some(SpanKind::Server), Some(1.0));
        assert_eq!(distinct([&client, &server, &client]).len(), 2);
    }
}

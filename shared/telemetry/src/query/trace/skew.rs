//! Clock skew within a trace. A span cannot start before its parent: if it seems to, the clock of its
//! service was behind. It is then shown in the middle of the parent, as in Jaeger, because the time that
//! the request took in either direction is unknown. A span that starts or ends late is shown as sent,
//! because work may continue after its parent.

use super::Place;
use crate::event::{Event, Span};

/// A start that is earlier by up to this is not corrected, in nanoseconds. SDKs round times to
/// milliseconds.
const TOLERANCE_NS: i64 = 1_000_000;

/// Returns what to add to the times of each span, in nanoseconds, by index. Spans of the service of their
/// parent share its clock, and so its skew.
pub(super) fn skews(spans: &[Span], order: &[Place]) -> Vec<i64> {
    let mut skews = vec![0_i64; spans.len()];
    for place in order {
        let Some(parent) = place.parent else {
            continue;
        };
        if let (Some(span), Some(above)) = (spans.get(place.index), spans.get(parent)) {
            let of_parent = skews[parent];
            skews[place.index] = skew(span, above, of_parent);
        }
    }
    skews
}

fn skew(span: &Span, parent: &Span, of_parent: i64) -> i64 {
    let inherited = if span.service() == parent.service() {
        of_parent
    } else {
        0
    };
    let parent_start = parent.start_ns.saturating_add(of_parent);
    let start = span.start_ns.saturating_add(inherited);
    if start >= parent_start.saturating_sub(TOLERANCE_NS) {
        return inherited;
    }
    let room = length_ns(parent).saturating_sub(length_ns(span));
    let middle = parent_start.saturating_add(room.max(0) / 2);
    middle.saturating_sub(span.start_ns)
}

fn length_ns(span: &Span) -> i64 {
    let length = span.end().duration_since(span.start());
    i64::try_from(length.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::Tree;
    use super::*;

    const MS: i64 = 1_000_000;

    fn span(id: &str, parent: Option<&str>, service: &str, start_ms: i64, duration: f64) -> Span {
        Span {
            span_id: id.to_owned(),
            parent_span_id: parent.map(str::to_owned),
            attributes: [("service.name".to_owned(), service.into())]
                .into_iter()
                .collect(),
            start_ns: start_ms * MS,
            duration_ms: Some(duration),
            ..Span::default()
        }
    }

    fn skews_ms(spans: Vec<Span>) -> Vec<(String, i64)> {
        let tree = Tree::of(spans);
        let skews = tree.spans.into_iter();
        skews
            .map(|placed| (placed.span.span_id, placed.skew_ns / MS))
            .collect()
    }

    #[test]
    fn a_span_before_its_parent_is_moved_into_it_with_all_spans_of_its_service() {
        let spans = vec![
            span("root", None, "shop", 10_000, 120.0),
            span("server", Some("root"), "pay", 7_000, 100.0),
            span("query", Some("server"), "pay", 7_020, 50.0),
            span("back", Some("query"), "shop", 10_040, 5.0),
        ];
        let (from, to) = Tree::of(spans.clone()).extent().unwrap();
        assert_eq!(to.duration_since(from).as_millis(), 120);
        let expected = [
            ("root", 0),
            ("server", 3_010),
            ("query", 3_010),
            ("back", 0),
        ];
        let expected = expected.map(|(id, skew)| (id.to_owned(), skew));
        assert_eq!(skews_ms(spans), expected);
    }

    #[test]
    fn a_longer_span_starts_with_its_parent() {
        let spans = vec![
            span("root", None, "shop", 10_000, 10.0),
            span("job", Some("root"), "jobs", 9_000, 500.0),
        ];
        assert_eq!(skews_ms(spans)[1], ("job".to_owned(), 1_000));
    }

    #[test]
    fn rounding_and_late_work_are_no_skew() {
        let spans = vec![
            span("root", None, "shop", 10_000, 10.0),
            span("rounded", Some("root"), "pay", 9_999, 1.0),
            span("late", Some("root"), "pay", 60_000, 1.0),
        ];
        assert!(skews_ms(spans).iter().all(|(_, skew)| *skew == 0));
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let mut spans = vec![
            span("root", None, "a", 0, f64::MAX),
            span("child", Some("root"), "b", 0, f64::MAX),
        ];
        spans[0].start_ns = i64::MAX;
        spans[1].start_ns = i64::MIN;
        assert!(Tree::of(spans).extent().is_some());
    }
}

use super::*;
use crate::chunk::summary::newest_first;

fn span(id: &str, parent: Option<&str>) -> Span {
    Span {
        trace_id: "Trace-1".to_owned(),
        span_id: id.to_owned(),
        parent_span_id: parent.map(str::to_owned),
        method: Some("GET".to_owned()),
        url: Some("/Cart".to_owned()),
        duration_ms: Some(20.0),
        status: Some(200),
        ..Span::default()
    }
}

fn entry(span: &Span) -> Entry {
    crate::chunk::summary::entries([span]).remove(0)
}

fn place(number: u8) -> Position {
    Position {
        at: clock::from_millis(i64::from(number)),
        hash: [0; 16],
    }
}

#[test]
fn a_status_filter_is_ok_error_a_class_or_a_code() {
    for text in [
        "", "OK", "6xx", "0xx", "20", "2000", "2x0", "abc", "5XX", "600",
    ] {
        assert_eq!(text.parse::<StatusFilter>(), Err(InvalidStatus), "{text:?}");
    }
    let matches = |filter: &str, status, is_error| {
        let filter = TraceFilter {
            status: Some(filter.parse().unwrap()),
            ..TraceFilter::default()
        };
        filter.matches(&Entry {
            status,
            is_error,
            ..entry(&span("a", None))
        })
    };
    assert!(matches("ok", None, false) && !matches("ok", Some(200), true));
    assert!(matches("error", None, true) && !matches("error", Some(500), false));
    assert!(matches("5xx", Some(503), true) && !matches("5xx", Some(404), true));
    assert!(matches("404", Some(404), true) && !matches("404", None, true));
}

#[test]
fn a_trace_matches_only_if_it_meets_every_condition() {
    let filter = |least, text: Option<&str>| TraceFilter {
        status: None,
        min_duration_ms: least,
        text: text.map(str::to_owned),
    };
    let entry = entry(&span("a", None));
    assert!(TraceFilter::default().is_open() && TraceFilter::default().matches(&entry));
    assert!(filter(Some(20.0), Some("get /cart")).matches(&entry));
    assert!(filter(None, Some("trace-1")).matches(&entry));
    assert!(!filter(Some(20.1), None).matches(&entry));
    assert!(!filter(Some(1.0), Some("post")).matches(&entry));
    let untimed = Entry {
        duration_ms: None,
        ..entry
    };
    assert!(
        !filter(Some(0.0), None).matches(&untimed),
        "unknown is not long"
    );
}

#[test]
fn a_chunk_is_not_read_if_its_summary_rules_it_out() {
    let summary = Summary::of(&[&span("a", None)]);
    let error = TraceFilter {
        status: Some(StatusFilter::Error),
        ..TraceFilter::default()
    };
    assert!(!error.may_match(&summary), "none failed");
    let long = |least| TraceFilter {
        min_duration_ms: Some(least),
        ..TraceFilter::default()
    };
    assert!(long(20.0).may_match(&summary) && !long(20.1).may_match(&summary));
}

#[test]
fn a_trace_in_several_chunks_is_listed_at_exactly_one_of_them() {
    let root = span("a", None);
    let child = span("b", Some("a"));
    let mut gathered = Gathered::default();
    assert_eq!(gathered.home(), None);
    gathered.add(place(3), vec![&child]);
    gathered.add(place(2), vec![&child]);
    gathered.add(place(1), vec![]);
    assert_eq!(
        gathered.home(),
        Some(place(2)),
        "no root: the first that holds any"
    );
    gathered.add(place(5), vec![&root]);
    gathered.add(place(4), vec![&root, &child]);
    assert_eq!(
        gathered.home(),
        Some(place(4)),
        "the first that holds the root"
    );
}

#[test]
fn a_span_sent_twice_counts_once() {
    let (root, failed) = (
        span("a", None),
        Span {
            status: Some(500),
            ..span("b", Some("a"))
        },
    );
    let mut gathered = Gathered::default();
    gathered.add(place(1), vec![&root, &failed]);
    gathered.add(place(2), vec![&failed, &root]);
    assert_eq!(gathered.counts(), (2, 1));
}

#[test]
fn rows_of_a_chunk_are_listed_newest_first() {
    let at = |ms, id: &str| Entry {
        start_ms: ms,
        trace_id: id.to_owned(),
        ..entry(&span("a", None))
    };
    let sorted = newest_first(vec![at(1, "a"), at(3, "b"), at(3, "c"), at(2, "d")]);
    let ids: Vec<_> = sorted.iter().map(|e| e.trace_id.as_str()).collect();
    assert_eq!(ids, ["c", "b", "d", "a"]);
    assert_eq!(at(1_000, "a").end(), clock::from_millis(1_020));
}

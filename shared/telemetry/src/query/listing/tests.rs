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
        let entry = Entry {
            status,
            is_error,
            ..entry(&span("a", None))
        };
        filter.matches(&entry) && filter.accepts(&entry, 0)
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
        ..TraceFilter::default()
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
    assert!(
        error.may_match(&summary),
        "a span of the trace in another chunk may have failed"
    );
    let root = entry(&span("a", None));
    assert!(error.accepts(&root, 1) && !error.accepts(&root, 0));
    let long = |least| TraceFilter {
        min_duration_ms: Some(least),
        ..TraceFilter::default()
    };
    assert!(long(20.0).may_match(&summary) && !long(20.1).may_match(&summary));
}

#[test]
fn a_trace_is_listed_at_its_earliest_root_whichever_chunk_holds_it() {
    let at = |id: &str, parent, start_ns| Span {
        start_ns,
        ..span(id, parent)
    };
    let late = at("c", Some("x"), 9);
    let early = at("b", Some("x"), 1);
    let root = at("a", None, 5);
    let other_root = at("d", None, 6);
    let best = |spans: &[&Span]| {
        let mut gathered = Gathered::default();
        spans.iter().for_each(|span| gathered.add(span));
        gathered.best().map(|span| span.span_id.clone())
    };
    assert_eq!(best(&[]), None);
    assert_eq!(best(&[&late, &early]).as_deref(), Some("b"));
    assert_eq!(
        best(&[&late, &other_root, &early, &root]).as_deref(),
        Some("a")
    );
}

#[test]
fn a_span_sent_twice_counts_once() {
    let root = span("a", None);
    let failed = Span {
        status: Some(500),
        ..span("b", Some("a"))
    };
    let mut gathered = Gathered::default();
    for span in [&root, &failed, &failed, &root] {
        gathered.add(span);
    }
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

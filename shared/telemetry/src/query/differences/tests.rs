mod chunks;

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use upblit_base::clock;

use super::*;
use crate::batch::HOUR;
use crate::chunk::summary::Summary;
use crate::event::{Event, ResourceScope, Span};

fn span(trace: &str, service: &str, attributes: Value) -> Span {
    let resource = json!({ "service.name": service, "host.name": format!("{service}-1") });
    Span {
        trace_id: trace.to_owned(),
        name: Some("GET /cart".to_owned()),
        duration_ms: Some(10.0),
        attributes: attributes.as_object().unwrap().clone(),
        resource_scope: Some(Arc::new(ResourceScope {
            resource: resource.as_object().unwrap().clone(),
            ..ResourceScope::default()
        })),
        ..Span::default()
    }
}

fn failed(span: Span) -> Span {
    Span {
        status: Some(500),
        ..span
    }
}

fn population(selection: Selection) -> Population {
    Population {
        selection,
        filter: SpanFilter::default(),
        window: TimeWindow {
            from: Timestamp::UNIX_EPOCH,
            to: "2026-01-31T12:00:00Z".parse().unwrap(),
        },
    }
}

fn chunks<'a>(population: &'a Population, stored: &[Vec<Span>]) -> Chunks<'a> {
    let mut chunks = Chunks::new(population);
    for spans in stored {
        let hour = clock::floor(spans[0].start(), HOUR);
        chunks.add(hour, &Summary::of(&spans.iter().collect::<Vec<_>>()));
    }
    chunks
}

/// Compares the spans of these chunks. The summaries of all are known, and the chunks at the indexes
/// `read` are read.
fn differences(population: &Population, stored: &[Vec<Span>], read: &[usize]) -> Differences {
    let chunks = chunks(population, stored);
    let mut comparison = Comparison::new(population, &chunks);
    for place in read {
        comparison.add(*place, &stored[*place]);
    }
    comparison.finish()
}

fn shown(differences: &Differences) -> Vec<(String, [u64; 4])> {
    let values = differences.values.iter();
    let shown = values.map(|difference| {
        let Difference {
            field,
            value,
            selected,
            others,
            ..
        } = difference;
        let name = match field {
            Field::Service => "service",
            Field::Name => "name",
            Field::Attribute(name) => name,
        };
        let counts = [selected.count, selected.of, others.count, others.of];
        (format!("{name}={value}"), counts)
    });
    shown.collect()
}

#[test]
fn the_customer_of_nearly_all_failed_traces_ranks_first_and_ids_do_not_appear() {
    let mut spans = Vec::new();
    for n in 0..1_010 {
        let customer = if n < 9 || n == 10 { 7 } else { n % 100 + 10 };
        let trace = format!("trace {n}");
        let attributes = json!({ "customer": customer, "request.id": n, "plan": n % 2 == 0 });
        let span = span(&trace, "shop", attributes);
        spans.push(if n < 10 { failed(span) } else { span });
    }
    let found = differences(&population(Selection::Failed), &[spans], &[0]);
    assert_eq!((found.selected, found.others), (10, 1_000));
    assert_eq!(
        shown(&found),
        [("customer=7".to_owned(), [9, 10, 1, 1_000])]
    );
    assert!(!found.is_small() && !found.is_truncated);
}

#[test]
fn a_trace_is_failed_if_a_span_of_it_failed_in_a_chunk_that_is_not_read() {
    let of_shop = (0..60).map(|n| {
        let version = if n < 20 { "2" } else { "1" };
        span(&format!("trace {n}"), "shop", json!({ "version": version }))
    });
    let of_pay = (0..20).map(|n| failed(span(&format!("trace {n}"), "pay", json!({}))));
    let stored = [of_shop.collect(), of_pay.collect()];
    let found = differences(&population(Selection::Failed), &stored, &[0]);
    assert_eq!(shown(&found), [("version=2".to_owned(), [20, 20, 0, 40])]);
}

#[test]
fn slow_traces_without_a_root_are_compared_only_if_a_span_is_slow() {
    let spans = [("slow", 900.0), ("unknown", 90.0)].map(|(trace, duration)| Span {
        parent_span_id: Some("a".to_owned()),
        duration_ms: Some(duration),
        ..span(trace, "shop", json!({}))
    });
    let slow = population(Selection::Slow(500.0));
    let found = differences(&slow, &[spans.to_vec()], &[0]);
    assert_eq!((found.selected, found.others), (1, 0));
}

#[test]
fn attributes_that_say_that_a_span_failed_separate_only_slow_traces() {
    let attributes = |of: &str| {
        json!({
            "error": of, "error.type": of, "exception.message": of, "http.status_code": of,
            "otel.status_description": of, "rpc.grpc.status_code": of, "errors": of,
        })
    };
    let spans = (0..60).map(|n| match n {
        0..20 => Span {
            duration_ms: Some(900.0),
            ..failed(span(&n.to_string(), "shop", attributes("timeout")))
        },
        _ => span(&n.to_string(), "shop", attributes("none")),
    });
    let stored = [spans.collect()];
    let found = differences(&population(Selection::Failed), &stored, &[0]);
    assert_eq!(
        shown(&found),
        [("errors=timeout".to_owned(), [20, 20, 0, 40])]
    );
    let found = differences(&population(Selection::Slow(500.0)), &stored, &[0]);
    assert_eq!(found.values.len(), 7);
}

#[test]
fn shares_are_of_the_traces_with_spans_of_the_service() {
    let spans = (0..100).map(|n| {
        let trace = format!("trace {n}");
        match n {
            0..20 => failed(span(&trace, "db", json!({ "query": "slow" }))),
            20..40 => span(&trace, "db", json!({ "query": "fast" })),
            _ => span(&trace, "mail", json!({})),
        }
    });
    let found = differences(&population(Selection::Failed), &[spans.collect()], &[0]);
    assert_eq!(
        shown(&found),
        [
            ("query=slow".to_owned(), [20, 20, 0, 20]),
            ("service=db".to_owned(), [20, 20, 20, 80]),
        ]
    );
}

#[test]
fn slow_traces_are_judged_at_their_root_and_only_traces_that_meet_the_filter_are_compared() {
    let mut spans = Vec::new();
    for n in 0..60 {
        let trace = format!("trace {n}");
        let (duration, query) = if n < 20 {
            (900.0, "all")
        } else {
            (90.0, "one")
        };
        let service = if n % 3 == 2 { "mail" } else { "shop" };
        spans.push(Span {
            duration_ms: Some(duration),
            ..span(&trace, service, json!({ "query": query }))
        });
        // Work that outlives the request.
        spans.push(Span {
            parent_span_id: Some("a".to_owned()),
            duration_ms: Some(5_000.0),
            ..span(&trace, service, json!({}))
        });
    }
    let slow = population(Selection::Slow(500.0));
    let of_shop = Population {
        filter: SpanFilter {
            service: Some("shop".parse().unwrap()),
            ..SpanFilter::default()
        },
        ..slow
    };
    let found = differences(&of_shop, &[spans], &[0]);
    assert_eq!((found.selected, found.others), (14, 26));
    assert_eq!(shown(&found), [("query=all".to_owned(), [14, 14, 0, 26])]);
}

#[test]
fn small_samples_say_so_and_spans_outside_of_the_window_do_not_count() {
    let mut spans: Vec<Span> = (0..12)
        .map(|n| failed(span(&format!("failed {n}"), "shop", json!({}))))
        .collect();
    spans.extend((0..12).map(|n| span(&n.to_string(), "shop", json!({}))));
    let mut population = population(Selection::Failed);
    let found = differences(&population, &[spans.clone()], &[0]);
    assert_eq!(
        (found.selected, found.others, found.is_small()),
        (12, 12, false)
    );
    let few = differences(&population, &[spans[3..].to_vec()], &[0]);
    assert_eq!((few.selected, few.others, few.is_small()), (9, 12, true));
    population.window.from = population.window.to;
    let none = differences(&population, &[spans], &[0]);
    assert_eq!((none.selected, none.others, none.is_small()), (0, 0, true));
}

#[test]
fn the_number_of_counted_values_is_bounded() {
    let many = population(Selection::Failed);
    let spans = (0..300).map(|n| {
        let keys = (0..200).map(|key| (format!("key {key}"), json!(format!("{n} {key}"))));
        let attributes = Value::Object(keys.collect());
        failed(span(&n.to_string(), "shop", attributes))
    });
    let stored = [
        spans.collect(),
        vec![failed(span("more", "shop", json!({})))],
    ];
    let chunks = chunks(&many, &stored);
    let mut comparison = Comparison::new(&many, &chunks);
    let counted = comparison.add(0, &stored[0]);
    assert_eq!(counted.len(), 249, "the next has the value above the limit");
    assert!(comparison.is_full());
    assert_eq!(comparison.add(1, &stored[1]).len(), 0);
    let found = comparison.finish();
    assert!(found.is_truncated);
    assert_eq!(found.selected, 250);
}

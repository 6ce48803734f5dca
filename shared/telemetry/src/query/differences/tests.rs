use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use upblit_base::clock;

use super::*;
use crate::batch::HOUR;
use crate::chunk::summary::{Summary, TraceCounts, fingerprint};
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

/// Compares the spans of these chunks, of which the summaries of all are known and these are read.
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

/// Names of two traces with the same fingerprint.
fn of_one_fingerprint() -> [String; 2] {
    let mut known = HashMap::new();
    let mut names = (0..).map(|n| format!("trace {n}"));
    let found = names.find_map(|name| {
        let other = known.insert(fingerprint(&name), name.clone())?;
        Some([other, name])
    });
    found.unwrap()
}

#[test]
fn a_trace_does_not_fail_by_the_fingerprint_of_another_at_another_time() {
    let [one, other] = of_one_fingerprint();
    let all = population(Selection::Failed);
    for (minutes, selected) in [(0, 1), (9, 1), (21, 0), (600, 0)] {
        let later = Span {
            start_ns: minutes * 60 * 1_000_000_000,
            ..span(&other, "shop", json!({}))
        };
        let stored = [vec![failed(span(&one, "pay", json!({})))], vec![later]];
        let found = differences(&all, &stored, &[1]);
        assert_eq!(found.selected, selected, "{minutes} minutes later");
    }
}

#[test]
fn more_traces_than_are_remembered_are_reported() {
    let all = population(Selection::Failed);
    for (traces, is_truncated) in [(1_000_000, false), (1_000_001, true)] {
        let counts = (0..traces).map(|fingerprint| (fingerprint, Some(TraceCounts::default())));
        let mut chunks = Chunks::new(&all);
        let summary = Summary {
            traces: Some(counts.collect()),
            ..Summary::default()
        };
        chunks.add(Timestamp::UNIX_EPOCH, &summary);
        let found = Comparison::new(&all, &chunks).finish();
        assert_eq!(found.is_truncated, is_truncated, "{traces}");
    }
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
fn a_service_is_compared_only_in_traces_of_which_all_chunks_are_read() {
    let of = |service: &'static str, traces: std::ops::Range<usize>| {
        let spans = traces.map(move |n| {
            let span = span(&format!("trace {n}"), service, json!({}));
            if n < 20 && service == "pay" {
                failed(span)
            } else {
                span
            }
        });
        spans.collect::<Vec<_>>()
    };
    // Both services are in every trace. Related chunks are read: all of the failed traces.
    let stored = [
        of("pay", 0..20),
        of("shop", 0..20),
        of("pay", 20..60),
        of("shop", 20..60),
    ];
    let failed = population(Selection::Failed);
    for read in [&[0, 1, 2][..], &[0, 1, 3], &[0, 1, 2, 3]] {
        let found = differences(&failed, &stored, read);
        assert_eq!((found.selected, found.others), (20, 40));
        assert_eq!(shown(&found), [], "{read:?}");
    }
    let only_pay = [of("pay", 0..20), of("shop", 20..60), of("shop", 60..90)];
    let found = differences(&failed, &only_pay, &[0, 1]);
    assert_eq!(shown(&found), [("service=pay".to_owned(), [20, 20, 0, 40])]);
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
fn chunks_with_selected_traces_are_read_with_related_ones_and_some_of_the_rest() {
    let healthy = |n: usize| vec![span(&format!("trace {n}"), "shop", json!({}))];
    let mut stored: Vec<Vec<Span>> = (0..200).map(healthy).collect();
    stored[50] = vec![failed(span("failed", "pay", json!({})))];
    stored[120] = vec![span("failed", "shop", json!({}))];
    stored[121] = vec![span("failed", "mail", json!({}))];
    let all = population(Selection::Failed);
    let chosen = chunks(&all, &stored).chosen(|_, _| true);
    assert_eq!(chosen.len(), 32);
    assert_eq!(chosen[..4], [50, 120, 121, 0], "in the order of choice");
    assert!(chosen.contains(&199), "{chosen:?}");
    let of_pay = Population {
        filter: SpanFilter {
            service: Some("pay".parse().unwrap()),
            ..SpanFilter::default()
        },
        ..all
    };
    let of_pay = chunks(&of_pay, &stored).chosen(|_, _| true);
    assert_eq!(of_pay, [50, 120, 121], "one that matches, and two related");
    let slow = population(Selection::Slow(1_000.0));
    let of_slow = chunks(&slow, &stored[..4]).chosen(|place, _| place != 2);
    assert_eq!(of_slow, [0, 1, 3], "what fits, without a slow one");
}

#[test]
fn each_group_of_chunks_has_a_share_of_the_room() {
    let healthy = |n: usize| vec![span(&format!("trace {n}"), "shop", json!({}))];
    let mut stored: Vec<Vec<Span>> = (0..200).map(healthy).collect();
    for n in 0..20 {
        let trace = format!("failed {n}");
        stored[n] = vec![failed(span(&trace, "pay", json!({})))];
        stored[100 + n] = vec![span(&trace, "shop", json!({}))];
    }
    let all = population(Selection::Failed);
    let mut groups = Vec::new();
    chunks(&all, &stored).chosen(|_, group| {
        let fits = groups.len() < group.part_of(8);
        groups.extend(fits.then_some(group));
        fits
    });
    let [selected, related, rest] = [Group::Selected, Group::Related, Group::Rest];
    let mut expected = vec![selected; 4];
    expected.extend([related, related, rest, rest]);
    assert_eq!(groups, expected);
}

#[test]
fn what_is_counted_is_bounded() {
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

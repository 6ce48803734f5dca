use std::collections::{HashMap, HashSet};

use super::*;
use crate::demo::step::{Role, Step};
use crate::demo::telemetry::{Outcome, Service, Span};

/// 2027-01-15T18:00:00Z, the busiest hour.
const EVENING: i64 = 1_800_036_000;

/// Events of the slices from `from`, in Unix time.
fn generate(seed: u64, from: i64, seconds: i64) -> Events {
    let traffic = Traffic::new(seed);
    let mut events = Events::default();
    for number in Traffic::slice_at(from)..Traffic::slice_at(from + seconds) {
        let slice = traffic.slice(number);
        events.spans.extend(slice.spans);
        events.logs.extend(slice.logs);
    }
    events
}

fn roots(events: &Events) -> Vec<&Span> {
    events
        .spans
        .iter()
        .filter(|span| span.parent.is_none())
        .collect()
}

#[test]
fn the_same_seed_generates_the_same_events() {
    assert_eq!(generate(1, EVENING, 600), generate(1, EVENING, 600));
    assert_ne!(generate(1, EVENING, 600), generate(2, EVENING, 600));
}

#[test]
fn every_span_but_the_root_has_its_parent_in_the_same_trace() {
    let events = generate(1, EVENING, 3_600);
    let known: HashSet<_> = events
        .spans
        .iter()
        .map(|span| (span.trace_id, span.span_id))
        .collect();
    assert_eq!(known.len(), events.spans.len(), "ids are distinct");
    for span in &events.spans {
        match span.parent {
            Some(parent) => assert!(known.contains(&(span.trace_id, parent))),
            None => assert_eq!(span.service, Service::Web),
        }
    }
    let is_known = |trace, span| known.contains(&(trace, span));
    assert!(
        events
            .logs
            .iter()
            .all(|log| is_known(log.trace_id, log.span_id))
    );
}

#[test]
fn synchronous_child_spans_end_before_their_parents() {
    let events = generate(1, EVENING, 3_600);
    let by_id: HashMap<_, _> = events
        .spans
        .iter()
        .map(|span| (span.span_id, span))
        .collect();
    for span in &events.spans {
        assert!(span.start_ns <= span.end_ns);
        let Some(parent) = span.parent.and_then(|id| by_id.get(&id)) else {
            continue;
        };
        assert!(parent.start_ns <= span.start_ns);
        if span.kind != crate::demo::telemetry::Kind::Consumer {
            assert!(span.end_ns <= parent.end_ns, "{span:?} in {parent:?}");
        }
    }
}

#[test]
fn requests_start_in_their_slice() {
    let first_slice = Traffic::slice_at(EVENING);
    for slice in first_slice..first_slice + 60 {
        let start = slice * SLICE_SECONDS * NANOS;
        let events = Traffic::new(1).slice(slice);
        for root in roots(&events) {
            assert!((start..start + SLICE_SECONDS * NANOS).contains(&root.start_ns));
        }
    }
}

#[test]
fn an_evening_is_busier_than_a_night() {
    let evening = roots(&generate(1, EVENING, 3_600)).len();
    let night = roots(&generate(1, EVENING + 12 * 3_600, 3_600)).len();
    assert!((2_500..4_000).contains(&evening), "{evening}");
    assert!(night * 3 < evening, "{night} and {evening}");
}

#[test]
fn few_requests_fail_and_failures_come_in_bursts() {
    let failed = |events: &Events| {
        let roots = roots(events);
        let failed = roots
            .iter()
            .filter(|root| root.outcome == Outcome::ChildFailed)
            .count();
        (failed, roots.len())
    };
    let day: Vec<_> = (0..144)
        .map(|i| failed(&generate(1, EVENING + i * 600, 600)))
        .collect();
    let all: usize = day.iter().map(|(_, requests)| requests).sum();
    let bad: usize = day.iter().map(|(failed, _)| failed).sum();
    let worst = day
        .iter()
        .map(|(failed, requests)| failed * 100 / requests.max(&1))
        .max();
    assert!(
        (0.002..0.04).contains(&(bad as f64 / all as f64)),
        "{bad} of {all}"
    );
    assert!(worst > Some(10), "{worst:?} % in the worst ten minutes");
}

#[test]
fn for_ten_minutes_one_customer_fails_in_one_service_because_of_one_query() {
    let morning = EVENING - EVENING.rem_euclid(LARGEST_CUSTOMER_EVERY) + LARGEST_CUSTOMER_AT;
    let failures = |from: i64, seconds: i64| {
        let events = generate(1, from, seconds);
        let queries = events.spans.into_iter();
        let is_failure = |span: &Span| {
            matches!(span.outcome, Outcome::Failed(_)) && span.name == "SELECT order_lines"
        };
        queries.filter(is_failure).collect::<Vec<Span>>()
    };
    let during = failures(morning, LARGEST_CUSTOMER_FOR);
    assert!((270..=300).contains(&during.len()), "{}", during.len());
    for span in &during {
        assert_eq!(span.service, Service::Checkout);
        assert_eq!(span.attributes["customer.id"], "C-017");
        assert_eq!(span.attributes["shop.city"], "Prague");
        assert!(span.duration_ms() > 500.0, "{span:?}");
    }
    assert!(failures(morning - 600, 600).len() < 5);
    assert!(failures(morning + 600, 600).len() < 5);
}

#[test]
fn every_service_sends_spans_and_logs_have_every_level() {
    let events = generate(1, EVENING, 4 * 3_600);
    let services: HashSet<_> = events.spans.iter().map(|span| span.service).collect();
    assert_eq!(services.len(), Service::ALL.len());
    let levels: HashSet<_> = events.logs.iter().map(|log| log.level.name()).collect();
    assert_eq!(levels.len(), 4, "{levels:?}");
}

#[test]
fn a_call_has_the_name_of_the_route_it_calls() {
    fn check(step: &Step) {
        if let (Role::Call, [called]) = (step.role, step.children) {
            assert_eq!(step.name, called.name);
            assert_ne!(step.service, called.service);
        }
        step.children.iter().for_each(check);
    }
    ENDPOINTS.iter().for_each(|endpoint| check(&endpoint.step));
}

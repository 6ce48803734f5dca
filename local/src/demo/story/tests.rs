use std::collections::{HashMap, HashSet};

use super::*;
use crate::demo::step::{Role, Step};
use crate::demo::telemetry::{Outcome, Service, Span};

/// 2027-01-15T18:00:00Z, the busiest hour.
const EVENING: i64 = 1_800_036_000;

fn told(seed: u64, from: i64, seconds: i64) -> Told {
    let story = Story::new(seed);
    let mut told = Told::default();
    for slice in Story::slice_at(from)..Story::slice_at(from + seconds) {
        let slice = story.slice(slice);
        told.spans.extend(slice.spans);
        told.logs.extend(slice.logs);
    }
    told
}

fn roots(told: &Told) -> Vec<&Span> {
    told.spans
        .iter()
        .filter(|span| span.parent.is_none())
        .collect()
}

#[test]
fn the_same_seed_tells_the_same() {
    assert_eq!(told(1, EVENING, 600), told(1, EVENING, 600));
    assert_ne!(told(1, EVENING, 600), told(2, EVENING, 600));
}

#[test]
fn every_span_but_the_page_has_its_parent_in_the_same_trace() {
    let told = told(1, EVENING, 3_600);
    let known: HashSet<_> = told
        .spans
        .iter()
        .map(|span| (span.trace_id, span.span_id))
        .collect();
    assert_eq!(known.len(), told.spans.len(), "ids are distinct");
    for span in &told.spans {
        match span.parent {
            Some(parent) => assert!(known.contains(&(span.trace_id, parent))),
            None => assert_eq!(span.service, Service::Web),
        }
    }
    let is_known = |trace, span| known.contains(&(trace, span));
    assert!(
        told.logs
            .iter()
            .all(|log| is_known(log.trace_id, log.span_id))
    );
}

#[test]
fn what_is_waited_for_happens_within_what_waits() {
    let told = told(1, EVENING, 3_600);
    let by_id: HashMap<_, _> = told.spans.iter().map(|span| (span.span_id, span)).collect();
    for span in &told.spans {
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
    let number = Story::slice_at(EVENING);
    for slice in number..number + 60 {
        let first = slice * SLICE_SECONDS * NANOS;
        let told = Story::new(1).slice(slice);
        for root in roots(&told) {
            assert!((first..first + SLICE_SECONDS * NANOS).contains(&root.start_ns));
        }
    }
}

#[test]
fn an_evening_is_busier_than_a_night() {
    let (evening, night) = (
        told(1, EVENING, 3_600),
        told(1, EVENING + 12 * 3_600, 3_600),
    );
    let (evening, night) = (roots(&evening).len(), roots(&night).len());
    assert!((2_500..4_000).contains(&evening), "{evening}");
    assert!(night * 3 < evening, "{night} and {evening}");
}

#[test]
fn most_goes_well_and_incidents_are_bursts() {
    let failed = |told: &Told| {
        let roots = roots(told);
        let failed = roots
            .iter()
            .filter(|root| root.outcome == Outcome::Failed)
            .count();
        (failed, roots.len())
    };
    let day: Vec<_> = (0..144)
        .map(|i| failed(&told(1, EVENING + i * 600, 600)))
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
fn every_service_is_heard_of_and_logs_have_every_level() {
    let told = told(1, EVENING, 4 * 3_600);
    let services: HashSet<_> = told.spans.iter().map(|span| span.service).collect();
    assert_eq!(services.len(), Service::ALL.len());
    let levels: HashSet<_> = told.logs.iter().map(|log| log.level.name()).collect();
    assert_eq!(levels.len(), 4, "{levels:?}");
}

#[test]
fn who_asks_a_service_names_what_it_answers() {
    fn check(step: &Step) {
        if let (Role::Call, [called]) = (step.role, step.within) {
            assert_eq!(step.name, called.name);
            assert_ne!(step.service, called.service);
        }
        step.within.iter().for_each(check);
    }
    ENDPOINTS.iter().for_each(|endpoint| check(&endpoint.step));
}

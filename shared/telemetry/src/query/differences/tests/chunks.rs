//! What the summaries of chunks say, and which chunks are read.

use std::collections::HashMap;

use super::*;
use crate::chunk::summary::{TraceCounts, fingerprint};

/// Returns the names of two traces with the same fingerprint.
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

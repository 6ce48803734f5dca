//! Versions of one span that differ in their times: a trace stays one row, on every page size.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::{all_pages, send, span, start, with};

/// A version of a span of trace `t`, times in milliseconds.
#[derive(Debug, Clone)]
struct Version {
    span: u8,
    is_root: bool,
    start: i64,
    duration: Option<i64>,
}

fn any_version() -> impl Strategy<Value = Version> {
    let duration = prop::option::of(0..400_i64);
    (0..4_u8, 0..3_000_i64, duration).prop_map(|(span, start, duration)| Version {
        span,
        is_root: start % 5 == 0,
        start,
        duration,
    })
}

impl Version {
    fn sent(&self) -> Value {
        let parent = (!self.is_root).then_some("elsewhere");
        let sent = span("t", &format!("s{}", self.span), parent, self.start);
        with(sent, json!({ "durationMs": self.duration }))
    }

    /// A finished version is better, then the one that ended later, then the one that began later.
    fn compare(&self, other: &Self) -> Ordering {
        let rank = |version: &Self| {
            let end = version.start + version.duration.unwrap_or_default();
            (version.duration.is_some(), end, version.start)
        };
        rank(self).cmp(&rank(other))
    }
}

/// Number of spans, and the start of the row: of the earliest root or else of the earliest span.
fn expected(batches: &[Vec<Version>]) -> (usize, i64) {
    let mut best = BTreeMap::<u8, &Version>::new();
    for version in batches.iter().flatten() {
        let kept = best.entry(version.span).or_insert(version);
        if version.compare(kept) == Ordering::Greater {
            *kept = version;
        }
    }
    let first = best.values().min_by_key(|v| (!v.is_root, v.start)).unwrap();
    (best.len(), first.start)
}

async fn assert_one_row(batches: &[Vec<Version>]) {
    let (_, ada, sdk) = start().await;
    for batch in batches {
        send(&sdk, batch.iter().map(Version::sent).collect()).await;
    }
    // Traces on both sides, so that pages end beside the one of interest.
    send(&sdk, vec![span("before", "b", None, -1)]).await;
    send(&sdk, vec![span("after", "a", None, 3_000)]).await;
    let (spans, start) = expected(batches);
    let start = crate::support::backend::start() + jiff::SignedDuration::from_millis(start);
    for query in ["", "&limit=1"] {
        let rows = all_pages(&ada, &sdk, "traces", query).await;
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row["traceId"].as_str().unwrap(), &row["spanCount"]))
            .collect();
        let one = json!(1);
        let expected = [("after", &one), ("t", &json!(spans)), ("before", &one)];
        assert_eq!(shown, expected, "{query} {batches:?}");
        let shown = shared::base::clock::rfc3339(start);
        assert_eq!(rows[1]["startTime"], shown, "{query} {batches:?}");
    }
}

#[test]
fn a_trace_whose_spans_have_versions_with_different_times_is_one_row() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let batches = prop::collection::vec(prop::collection::vec(any_version(), 1..4), 1..4);
    let config = Config {
        cases: 60,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&batches, |batches| {
            runtime.block_on(assert_one_row(&batches));
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn a_trace_stays_listed_when_a_better_version_of_its_first_span_began_later() {
    let version = |span, start, duration| Version {
        span,
        is_root: false,
        start,
        duration,
    };
    let first = vec![version(4, 871, None), version(1, 2_873, Some(5))];
    let second = vec![version(4, 2_874, Some(5))];
    assert_one_row(&[first.clone(), second.clone()]).await;
    assert_one_row(&[second, first]).await;
}

#[tokio::test]
async fn a_span_that_failed_in_its_finished_version_makes_the_trace_a_failed_one() {
    for are_together in [true, false] {
        let (_, ada, sdk) = start().await;
        let begun = span("t", "root", None, 0);
        let begun = with(begun, json!({ "durationMs": null, "responseStatus": null }));
        let failed = with(span("t", "root", None, 0), json!({ "responseStatus": 503 }));
        let versions = vec![begun, failed];
        let batches = if are_together {
            vec![versions]
        } else {
            versions.into_iter().map(|version| vec![version]).collect()
        };
        for batch in batches {
            send(&sdk, batch).await;
        }
        let rows = all_pages(&ada, &sdk, "traces", "&status=error").await;
        assert_eq!(rows.len(), 1, "{are_together}");
        assert_eq!(
            (&rows[0]["spanCount"], &rows[0]["errorCount"]),
            (&json!(1), &json!(1))
        );
        let rows = all_pages(&ada, &sdk, "traces", "&status=ok").await;
        assert!(rows.is_empty(), "{are_together} {rows:?}");
    }
}

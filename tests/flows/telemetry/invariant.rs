//! One invariant over random histories: what was acknowledged is listed once and counted once. It holds
//! however often and wherever a batch is sent, whichever clock a writer or reader has, and whatever was
//! read before.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use shared::base::clock::rfc3339;
use shared::identity::application::Shards;
use shared::store::telemetry::RollupsOf;
use shared::telemetry::batch::Signal;

use super::{all_pages, ask, span, start};
use crate::support::backend;
use crate::support::{Sdk, SignedIn};

const MINUTE: i64 = 60_000;

/// Number of batches that a history may send, each any number of times.
const BATCHES: usize = 4;

/// A trace of a batch: how many minutes before the start of the test, and its number of spans.
type Trace = (i64, usize);

#[derive(Debug, Clone)]
enum Step {
    /// Sends a batch, for the first time or again, from a writer whose clock differs by this many
    /// minutes.
    Send { batch: usize, clock: i64 },
    /// Changes the number of shards, which only grows.
    Shards(u8),
    /// Lets minutes pass.
    Later(u64),
    /// Compares the responses for a window, in units of five minutes before the start of the test.
    Read {
        from: i64,
        length: i64,
        limit: u8,
        /// Minutes by which the clock of the reader is ahead.
        clock: i64,
    },
}

fn any_step() -> impl Strategy<Value = Step> {
    let clock = prop_oneof![3 => Just(0), 1 => Just(-145), 1 => Just(90)];
    let ahead = prop_oneof![3 => Just(0), 1 => Just(90)];
    prop_oneof![
        5 => (0..BATCHES, clock).prop_map(|(batch, clock)| Step::Send { batch, clock }),
        1 => (2..=16_u8).prop_map(Step::Shards),
        2 => (1..150_u64).prop_map(Step::Later),
        4 => (0..150_i64, 1..160_i64, 1..30_u8, ahead).prop_map(|(from, length, limit, clock)| {
            Step::Read { from, length, limit, clock }
        }),
    ]
}

fn any_history() -> impl Strategy<Value = (Vec<Vec<Trace>>, Vec<Step>)> {
    let trace = (prop_oneof![0..12_i64, 0..400_i64], 1..4_usize);
    let batch = prop::collection::vec(trace, 1..6);
    let batches = prop::collection::vec(batch, BATCHES);
    (batches, prop::collection::vec(any_step(), 6..16))
}

/// The product, and what it has acknowledged.
struct Model {
    ada: SignedIn,
    sdk: Sdk,
    shards: u8,
    /// Starts of the acknowledged spans by trace and id.
    acknowledged: BTreeMap<String, BTreeMap<String, Timestamp>>,
}

impl Model {
    async fn new() -> Self {
        let (_, ada, sdk) = start().await;
        Self {
            ada,
            sdk,
            shards: 1,
            acknowledged: BTreeMap::new(),
        }
    }

    async fn take(&mut self, step: &Step, batches: &[Vec<Trace>]) {
        match *step {
            Step::Send { batch, clock } => self.send(batch, &batches[batch], clock).await,
            Step::Shards(shards) if shards > self.shards => {
                self.shards = shards;
                let path = format!("/applications/{}", self.sdk.application_id);
                let changed = self.ada.patch(&path, json!({ "shards": shards })).await;
                assert_eq!(changed.status, 200, "{}", changed.text());
                // Longer than ingest caches the settings of a key.
                self.sdk.backend.later(11);
            }
            Step::Shards(_) => {}
            Step::Later(minutes) => {
                self.sdk.backend.later(minutes * 60);
                self.ada = self.sdk.backend.sign_in("ada").await;
            }
            Step::Read {
                from,
                length,
                limit,
                clock,
            } => {
                let from = backend::start() - SignedDuration::from_mins(from * 5);
                let to = from + SignedDuration::from_mins(length * 5);
                self.read(from, to, limit, clock).await;
            }
        }
    }

    async fn send(&mut self, number: usize, traces: &[Trace], clock: i64) {
        let mut spans = Vec::new();
        for (index, (ago, count)) in traces.iter().enumerate() {
            let trace = format!("trace-{number}-{index}");
            for place in 0..*count {
                let id = format!("{number}-{index}-{place}");
                let root = format!("{number}-{index}-0");
                let parent = (place > 0).then_some(&*root);
                let after = place as i64 - ago * MINUTE;
                spans.push(span(&trace, &id, parent, after));
            }
        }
        let instance = self.sdk.backend.with_a_clock_ahead(clock * 60);
        let writer = Sdk {
            backend: instance,
            ..self.sdk.clone()
        };
        let report = writer.traces(json!({ "traces": spans })).await.json();
        let errors = report["errors"].as_array().unwrap();
        let rejected: BTreeSet<u64> = errors
            .iter()
            .map(|e| e["index"].as_u64().unwrap())
            .collect();
        for (index, span) in (0..).zip(&spans) {
            if !rejected.contains(&index) {
                let text = |name: &str| span[name].as_str().unwrap().to_owned();
                let at = text("startTime").parse().unwrap();
                let trace = self.acknowledged.entry(text("traceId")).or_default();
                trace.insert(text("spanId"), at);
            }
        }
    }

    /// Compares the stored rollups with the summaries, in all shards that were ever used.
    async fn check_rollups(&self) {
        let of = RollupsOf {
            application_id: self.sdk.application_id.parse().unwrap(),
            signal: Signal::Traces,
        };
        let shards = Shards::try_from(i64::from(self.shards)).unwrap();
        let now = backend::start();
        for day in ["2026-01-30T00:00:00Z", "2026-01-31T00:00:00Z"] {
            let database = &self.sdk.backend.database;
            let checked = database.check_rollup(of, shards, day.parse().unwrap(), now);
            let checked = checked.await.unwrap();
            assert!(checked.agrees(), "{day}: {checked:?}");
        }
    }

    /// Compares list and metrics of a window with what was acknowledged.
    async fn read(&self, from: Timestamp, to: Timestamp, limit: u8, clock: i64) {
        let reader = match clock {
            0 => self.ada.clone(),
            clock => {
                let instance = self.sdk.backend.with_a_clock_ahead(clock * 60);
                instance.sign_in("ada").await
            }
        };
        let window = format!("&from={}&to={}", rfc3339(from), rfc3339(to));
        let within = |at: &Timestamp| from <= *at && *at < to;
        let expected: BTreeMap<&str, usize> = self
            .acknowledged
            .iter()
            .filter(|(_, spans)| spans.values().min().is_some_and(within))
            .map(|(trace, spans)| (trace.as_str(), spans.len()))
            .collect();
        let query = format!("{window}&limit={limit}");
        let rows = all_pages(&reader, &self.sdk, "traces", &query).await;
        let listed: Vec<(&str, usize)> = rows.iter().map(listed).collect();
        let distinct: BTreeMap<&str, usize> = listed.iter().copied().collect();
        assert_eq!(listed.len(), distinct.len(), "a trace is listed twice");
        assert_eq!(distinct, expected, "listed");
        let spans = self.acknowledged.values().flat_map(BTreeMap::values);
        let count = spans.filter(|at| within(at)).count();
        let metrics = ask(&reader, &self.sdk, "metrics", &window).await;
        assert_eq!(metrics["total"]["count"], count, "counted: {window}");
    }
}

/// Id and number of spans of a row.
fn listed(row: &Value) -> (&str, usize) {
    let spans = row["spanCount"].as_u64().unwrap();
    (row["traceId"].as_str().unwrap(), spans.try_into().unwrap())
}

#[test]
fn what_was_acknowledged_is_listed_and_counted_once() {
    let config = Config {
        cases: 16,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = proptest::test_runner::TestRng::deterministic_rng(config.rng_algorithm);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome = runner.run(&any_history(), |(batches, steps)| {
        runtime.block_on(async {
            let mut model = Model::new().await;
            for step in &steps {
                model.take(step, &batches).await;
            }
            let from = backend::start() - SignedDuration::from_hours(9);
            let to = backend::start() + SignedDuration::from_hours(1);
            model.read(from, to, 200, 0).await;
            model.check_rollups().await;
        });
        Ok(())
    });
    outcome.unwrap();
}

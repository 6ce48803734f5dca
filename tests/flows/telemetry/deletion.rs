//! Deletion of traces and of time ranges: what was deleted is neither listed nor counted, also if it is
//! sent again, and everything else stays.

mod concurrent;
mod rules;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use shared::identity::application::Shards;
use shared::store::telemetry::RollupsOf;
use shared::telemetry::batch::Signal;

use super::{all_pages, ask, record, send, send_logs, span};
use crate::support::{Backend, Sdk, SignedIn, backend};

const MINUTE: i64 = 60_000;

/// Seven hours until now, of which six are sealed.
const LONG: &str = "&from=2026-01-31T05:30:00Z&to=2026-01-31T12:31:00Z";

/// An application with a batch of spans and one of log records for every hour of six. Each
/// has three traces, and one trace is in all of them.
pub struct Shop {
    pub ada: SignedIn,
    pub sdk: Sdk,
}

/// An event of a [`Shop`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sent {
    is_log: bool,
    trace: String,
    /// Milliseconds after the start of the test.
    at: i64,
}

impl Sent {
    fn json(&self) -> Value {
        if self.is_log {
            return record(
                "info",
                &format!("at {}", self.at),
                Some(&self.trace),
                self.at,
            );
        }
        span(
            &self.trace,
            &format!("{}-{}", self.trace, -self.at),
            None,
            self.at,
        )
    }
}

const BATCHES: i64 = 6;

impl Shop {
    pub async fn open(backend: &Backend, name: &str, shards: u64) -> Self {
        let ada = backend.sign_in(name).await;
        let sdk = ada.sdk().await;
        if shards > 1 {
            let path = format!("/applications/{}", sdk.application_id);
            let raised = ada.patch(&path, json!({ "shards": shards })).await;
            assert_eq!(raised.status, 200);
        }
        Self { ada, sdk }
    }

    /// The events of a batch, which is `number` hours old.
    fn batch(number: i64, is_log: bool) -> Vec<Sent> {
        let sent = |trace: String, seconds: i64| Sent {
            is_log,
            trace,
            at: -number * 60 * MINUTE - seconds * 1_000,
        };
        vec![
            sent(format!("a-{number}"), 2),
            sent(format!("b-{number}"), 1),
            sent("everywhere".to_owned(), 3),
        ]
    }

    pub fn everything() -> Vec<Sent> {
        let batches = (0..BATCHES).flat_map(|number| [(number, false), (number, true)]);
        let events = batches.flat_map(|(number, is_log)| Self::batch(number, is_log));
        events.collect()
    }

    pub async fn send(&self) {
        for number in 0..BATCHES {
            let json = |is_log| Self::batch(number, is_log).iter().map(Sent::json).collect();
            send(&self.sdk, json(false)).await;
            send_logs(&self.sdk, json(true)).await;
        }
    }

    /// Deletes until it is complete. Returns the number of deleted events.
    pub async fn delete(&self, path: &str, query: &str) -> u64 {
        let mut deleted = 0;
        let mut cursor = String::new();
        loop {
            let address = address(&self.sdk, path, &format!("{query}{cursor}"));
            let response = self.ada.delete(&address).await.json();
            assert_eq!(response["gaps"], json!([]));
            deleted += response["deletedEvents"].as_u64().unwrap();
            match response["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return deleted,
            }
        }
    }

    /// Checks that lists and metrics have these events and no others, and that rollups and chunks agree.
    pub async fn has(&self, expected: &[Sent], when: &str) {
        let mut listed = BTreeSet::new();
        for (path, is_log) in [("traces", false), ("logs", true)] {
            let of_signal = || expected.iter().filter(move |sent| sent.is_log == is_log);
            let traces: BTreeSet<String> = of_signal().map(|sent| sent.trace.clone()).collect();
            listed.clear();
            let mut rows = 0;
            for row in all_pages(&self.ada, &self.sdk, path, &format!("{LONG}&limit=7")).await {
                listed.insert(row["traceId"].as_str().unwrap().to_owned());
                rows += if is_log {
                    1
                } else {
                    row["spanCount"].as_u64().unwrap_or(1)
                };
            }
            assert_eq!(listed, traces, "{when}: {path}");
            let signal = format!("{LONG}&signal={path}&step=300");
            let metrics = ask(&self.ada, &self.sdk, "metrics", &signal).await;
            assert_eq!(metrics["gaps"], json!([]), "{when}");
            let counted = metrics["total"]["count"].as_u64();
            assert_eq!(
                counted,
                Some(of_signal().count() as u64),
                "{when}: metrics of {path}"
            );
            if is_log {
                assert_eq!(Some(rows), counted, "{when}");
            }
        }
        self.is_consistent(when).await;
    }

    pub async fn is_consistent(&self, when: &str) {
        let database = &self.sdk.backend.database;
        let findings = crate::admin::findings(&self.sdk.backend).await;
        assert_eq!(findings, Vec::<String>::new(), "{when}");
        for signal in [Signal::Traces, Signal::Logs] {
            let of = RollupsOf {
                application_id: self.sdk.application_id.parse().unwrap(),
                signal,
            };
            let shards = Shards::try_from(16).unwrap();
            let day = "2026-01-31T00:00:00Z".parse().unwrap();
            let checked = database.check_rollup(of, shards, day, backend::start());
            let checked = checked.await.unwrap();
            assert!(checked.agrees(), "{when}: {checked:?}");
        }
    }

    /// The numbers of events in the audit log.
    pub async fn audited(&self) -> Vec<Value> {
        let path = format!("/applications/{}/audit?limit=100", self.sdk.application_id);
        let log = self.ada.get(&path).await.json();
        let entries = log["entries"].as_array().unwrap().iter();
        let deletions = entries.filter(|entry| entry["action"] == "telemetry.deleted");
        deletions.map(|entry| entry["telemetry"].clone()).collect()
    }
}

fn address(sdk: &Sdk, path: &str, query: &str) -> String {
    format!(
        "/telemetry{path}?applicationId={}{query}",
        sdk.application_id
    )
}

/// A deletion, and whether it deletes an event.
struct Case {
    path: &'static str,
    query: &'static str,
    deletes: fn(&Sent) -> bool,
}

const CASES: [Case; 7] = [
    Case {
        path: "/traces/everywhere",
        query: "",
        deletes: |sent| sent.trace == "everywhere",
    },
    Case {
        path: "/traces/a-4",
        query: "",
        deletes: |sent| sent.trace == "a-4",
    },
    Case {
        path: "/traces/unknown",
        query: "",
        deletes: |_| false,
    },
    Case {
        path: "",
        query: "&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z",
        deletes: |_| true,
    },
    // Whole hours, and the chunks of others.
    Case {
        path: "",
        query: "&from=2026-01-31T08:00:00Z&to=2026-01-31T10:00:00Z",
        deletes: |sent| (-270 * MINUTE..-150 * MINUTE).contains(&sent.at),
    },
    // Ends within a batch: `b` is one second before 10:30, `a` two seconds, and `everywhere` three.
    Case {
        path: "",
        query: "&from=2026-01-31T09:10:00Z&to=2026-01-31T10:29:58Z",
        deletes: |sent| (-200 * MINUTE..-120 * MINUTE - 2_000).contains(&sent.at),
    },
    Case {
        path: "",
        query: "&from=2026-01-31T09:10:00Z&to=2026-01-31T12:29:59Z&signal=logs",
        deletes: |sent| sent.is_log && (-200 * MINUTE..-1_000).contains(&sent.at),
    },
];

/// What is stored before the deletion.
const HISTORIES: [(&str, u64, bool); 2] = [
    ("late arrivals in 16 shards", 16, false),
    ("rollups with late arrivals in them", 1, true),
];

#[tokio::test]
async fn what_was_deleted_is_neither_listed_nor_counted_even_if_it_is_sent_again() {
    for (history, shards, is_rolled_up) in HISTORIES {
        for case in &CASES {
            let backend = Backend::start().await;
            let shop = Shop::open(&backend, "ada", shards).await;
            let other = Shop::open(&backend, "eve", 1).await;
            shop.send().await;
            other.send().await;
            let mut left = Shop::everything();
            if is_rolled_up {
                shop.has(&left, history).await;
            }
            let when = format!("{history}: {}{}", case.path, case.query);
            left.retain(|sent| !(case.deletes)(sent));
            let gone = (Shop::everything().len() - left.len()) as u64;
            assert_eq!(shop.delete(case.path, case.query).await, gone, "{when}");
            let audited = shop.audited().await;
            let in_log: u64 = audited
                .iter()
                .map(|entry| entry["events"].as_u64().unwrap())
                .sum();
            assert_eq!(in_log, gone, "{when}: {audited:?}");
            shop.has(&left, &when).await;
            shop.send().await;
            shop.has(&left, &format!("{when}, sent again")).await;
            assert_eq!(shop.delete(case.path, case.query).await, 0, "{when}, again");
            other
                .has(&Shop::everything(), "the other application")
                .await;
        }
    }
}

#[tokio::test]
async fn a_batch_across_two_open_hours_stays_deleted_when_it_is_sent_again() {
    let backend = Backend::start().await;
    // 13:05, so that the hour before is not sealed.
    backend.clock.advance(Duration::from_secs(35 * 60));
    let shop = Shop::open(&backend, "ada", 1).await;
    let spans = |trace: &str| {
        [29, 32].map(|minute| span(trace, &format!("{trace}-{minute}"), None, minute * MINUTE))
    };
    let batch = || [spans("gone"), spans("kept")].concat();
    send(&shop.sdk, batch()).await;
    assert_eq!(shop.delete("/traces/gone", "").await, 2);
    send(&shop.sdk, batch()).await;
    let window = "&from=2026-01-31T12:30:00Z&to=2026-01-31T13:10:00Z&signal=traces&step=300";
    let metrics = ask(&shop.ada, &shop.sdk, "metrics", window).await;
    assert_eq!(metrics["total"]["count"], 2);
    assert_eq!(shop.delete("/traces/gone", "").await, 0);
}

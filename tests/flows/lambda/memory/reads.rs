//! The largest memory that queries take: each kind of stored telemetry with each query.

mod stores;

use std::collections::BTreeSet;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use shared::base::clock::{self, rfc3339};

use super::super::deployment::Deployment;
use super::super::function::{Function, binary};
use super::bodies::Kind;
use super::{ingest, most_memory, sending};
use crate::events::event;
use crate::support::{Sdk, SignedIn};
use stores::{NESTED, STORES, Store, TRACE};

/// Lambda's largest response, in bytes, in which the body is a JSON string.
const LARGEST_ANSWER: usize = 6 * 1024 * 1024;

/// Number of pages that are read of each list. Those after the first one may continue with chunks that
/// it began.
const PAGES: usize = 3;

/// Queries of an application: path, and parameters without the application. `{from}` is 30 days ago.
const QUESTIONS: &[(&str, &str)] = &[
    ("/telemetry/traces", "limit=200"),
    ("/telemetry/traces", "limit=200&status=error"),
    ("/telemetry/traces", "limit=200&q=nowhere"),
    ("/telemetry/traces", "limit=200&attr=k:v"),
    ("/telemetry/traces", "limit=200&attr=k:v&q=nowhere"),
    ("/telemetry/traces/{trace}", ""),
    ("/telemetry/traces/{trace}", "at={now}"),
    ("/telemetry/traces", "limit=200&from={from}&q=nowhere"),
    ("/telemetry/logs", "limit=200"),
    ("/telemetry/logs", "limit=200&from={from}&attr=k:v"),
    ("/telemetry/logs", "limit=200&q=word"),
    ("/telemetry/logs", "limit=200&attr=k:v"),
    ("/telemetry/logs", "limit=200&traceId={trace}"),
    ("/telemetry/metrics", "from={from}&step=86400"),
    ("/telemetry/metrics", "from={from}&step=86400&signal=logs"),
];

/// An application with stored telemetry, its user, and the function that reads it.
struct Reading<'a> {
    ada: &'a SignedIn,
    sdk: Sdk,
    telemetry: Function,
}

impl<'a> Reading<'a> {
    /// Stores telemetry in an application of its own: that of one day through the process of ingest,
    /// older telemetry through the routers.
    async fn of(
        store: &Store,
        deployment: &Deployment,
        ingest: &Function,
        ada: &'a SignedIn,
    ) -> Self {
        let sdk = ada.sdk().await;
        let path = format!("/applications/{}", sdk.application_id);
        let settings = json!({ "shards": store.shards });
        assert_eq!(ada.patch(&path, settings).await.status, 200);
        let now = sdk.backend.clock.now();
        for batches in store.batches {
            for number in 0..batches.count {
                let days = store.days - 1;
                let age = days * 86_400 * number as u64 / batches.count as u64;
                let answer = if days == 0 {
                    let body = (batches.body)(&sdk, number);
                    let event = sending(batches.kind, &body, &sdk.key);
                    ingest.answer(&event).await
                } else {
                    // The process has the time of this machine, for which these events are too old.
                    sdk.backend
                        .clock
                        .set(clock::before(now, Duration::from_secs(age)));
                    let body = (batches.body)(&sdk, number);
                    let path = match batches.kind {
                        Kind::NativeTraces => "/ingest/traces",
                        _ => "/ingest/logs",
                    };
                    sdk.send(path, &[], body).await
                };
                assert_eq!(answer.status, 200, "{}: {}", store.name, answer.text());
                assert_eq!(answer.json()["rejected"], 0, "{}", store.name);
            }
        }
        sdk.backend.clock.set(now);
        let telemetry = deployment.function("telemetry").await;
        Self {
            ada,
            sdk,
            telemetry,
        }
    }

    /// The event of a query.
    fn event(&self, path: &str, query: &str) -> Value {
        let mut event = event("telemetry/traces");
        let now = self.sdk.backend.clock.now();
        let from = clock::before(now, Duration::from_secs(30 * 86_400));
        let fill = |text: &str| {
            text.replace("{trace}", TRACE)
                .replace("{now}", &rfc3339(now))
                .replace("{from}", &rfc3339(from))
        };
        let path = fill(path);
        event["headers"]["authorization"] = format!("Bearer {}", self.ada.token).into();
        event["rawPath"] = path.as_str().into();
        event["requestContext"]["http"]["path"] = path.into();
        let application = format!("applicationId={}&", self.sdk.application_id);
        event["rawQueryString"] = (application + &fill(query)).into();
        event["queryStringParameters"] = Value::Null;
        event
    }

    /// Reads up to this many pages.
    async fn pages(&self, (path, query): (&str, &str), most: usize) -> Pages {
        let mut pages = Pages::default();
        let mut cursor = String::new();
        self.telemetry.reset_peak();
        for _ in 0..most {
            let event = self.event(path, &format!("{query}{cursor}"));
            let answer = self.telemetry.answer(&event).await;
            pages.status = answer.status;
            let in_lambda = Value::from(answer.text()).to_string().len();
            pages.largest = pages.largest.max(in_lambda);
            if answer.status != 200 {
                break;
            }
            let page = answer.json();
            for rows in ["traces", "logs", "spans"] {
                let rows = page[rows].as_array().into_iter().flatten();
                pages.rows.extend(rows.cloned());
            }
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        pages.peak_kb = self.telemetry.peak_kb();
        pages
    }
}

/// The pages of a query.
#[derive(Default)]
struct Pages {
    /// Of the last page.
    status: StatusCode,
    rows: Vec<Value>,
    /// Size of the largest, in bytes as Lambda counts them.
    largest: usize,
    /// Largest memory of the process meanwhile, in kB.
    peak_kb: u64,
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "a table to read")]
async fn no_query_takes_more_than_its_share_of_the_memory_of_telemetry() {
    // A debug build takes minutes to store the telemetry.
    if !binary("ingest").ends_with("bootstrap") {
        return;
    }
    let deployment = Deployment::start().await;
    let ada = deployment.backend.sign_in("ada").await;
    let ingest = ingest(&deployment).await;
    let most = most_memory("telemetry");
    println!("| Stored | Question | Status | Rows | Answer, KB | Peak, MB |");
    println!("|---|---|--:|--:|--:|--:|");
    let mut failures = Vec::new();
    for store in STORES {
        let reading = Reading::of(store, &deployment, &ingest, &ada).await;
        for question in QUESTIONS {
            let pages = reading.pages(*question, PAGES).await;
            let line = format!(
                "| {} | `{}?{}` | {} | {} | {} | {} |",
                store.name,
                question.0,
                question.1,
                pages.status.as_u16(),
                pages.rows.len(),
                pages.largest / 1024,
                pages.peak_kb / 1024
            );
            println!("{line}");
            // A trace of log records alone is not found.
            let is_answered = pages.status == 200 || pages.status == 404;
            if pages.peak_kb > most || pages.largest > LARGEST_ANSWER || !is_answered {
                failures.push(line);
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test]
async fn pages_that_end_for_their_memory_show_every_row_once() {
    if !binary("ingest").ends_with("bootstrap") {
        return;
    }
    let deployment = Deployment::start().await;
    let ada = deployment.backend.sign_in("ada").await;
    let ingest = ingest(&deployment).await;
    let (name, traces, records) = NESTED;
    let store = STORES.iter().find(|store| store.name == name).unwrap();
    let reading = Reading::of(store, &deployment, &ingest, &ada).await;
    for (path, id, most) in [
        ("/telemetry/traces", "/traceId", traces),
        ("/telemetry/logs", "/attributes/number", records),
    ] {
        let pages = reading.pages((path, "limit=200&attr=k:v"), 100).await;
        assert_eq!(pages.status, 200, "{path}");
        let ids = pages.rows.iter().map(|row| row.pointer(id).unwrap());
        let distinct: BTreeSet<String> = ids.map(Value::to_string).collect();
        assert_eq!((pages.rows.len(), distinct.len()), (most, most), "{path}");
    }
}

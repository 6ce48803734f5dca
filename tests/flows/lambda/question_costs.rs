//! What requests other than batches cost the whole process: CPU time, and instructions, which do not depend
//! on the machine's load. There is no TLS to the stand-ins, because a handshake takes more than most
//! requests. Linux only.

use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use shared::base::clock;
use shared::base::environment::Env;
use traffic::Traffic;

use super::deployment::Deployment;
use super::function::{Function, binary};
use crate::events::{Values, cases, filled, values};
use crate::support::callers::Sdk;

/// Batches of 100 spans and of 100 log records, one of each every five seconds, about which is asked.
const BATCHES: u64 = 60;

/// Requests of each kind. The first ones are not counted: they fill the memories of the instance.
const REQUESTS: usize = 14;
const WARM_UP: usize = 4;

/// A kind of request.
struct Kind {
    name: &'static str,
    /// Name of its event, which begins with its function.
    case: &'static str,
    /// Million instructions that a request takes at most: half as many again as measured, because the queries
    /// of an hour's first minutes read two hours.
    most: f64,
}

#[rustfmt::skip]
const KINDS: [Kind; 12] = [
    Kind { name: "List of traces", case: "telemetry/traces", most: 52.2 },
    Kind { name: "The same with a key", case: "telemetry/traces_as_a_machine", most: 96.6 },
    Kind { name: "One trace", case: "telemetry/trace", most: 25.5 },
    Kind { name: "List of log records", case: "telemetry/logs", most: 24.5 },
    Kind { name: "Metrics", case: "telemetry/metrics", most: 18.0 },
    Kind { name: "Metrics by service", case: "telemetry/metrics_by_service", most: 18.1 },
    Kind { name: "Names and values of fields", case: "telemetry/fields", most: 327.5 },
    Kind { name: "Differences", case: "telemetry/differences", most: 306.2 },
    Kind { name: "Refresh", case: "refresh/refresh", most: 1.5 },
    Kind { name: "Applications", case: "applications/list", most: 2.2 },
    Kind { name: "Keys of an application", case: "apikey/list", most: 3.2 },
    Kind { name: "Key check and limits, empty batch", case: "ingest/otlp_traces_empty", most: 0.7 },
];

/// A deployment with telemetry of the last minutes.
struct Store {
    deployment: Deployment,
    /// Of the user whose telemetry it is.
    values: Values,
}

impl Store {
    async fn filled() -> Self {
        let deployment = Deployment::start().await;
        let values = values(&deployment.backend, "ada", &"{{APPLICATION_ID}}".into()).await;
        let value = |name| values.iter().find(|(each, _)| *each == name).unwrap();
        let sdk = Sdk {
            backend: deployment.backend.clone(),
            application_id: value("APPLICATION_ID").1.clone(),
            key: value("API_KEY").1.clone(),
        };
        let now = deployment.backend.clock.now();
        let start = clock::before(now, Duration::from_secs(5 * (BATCHES + 1)));
        let mut traffic = Traffic::of(100, start).with_attributes();
        let mut logging = Traffic::of(100, start);
        for _ in 0..BATCHES {
            for response in [
                sdk.traces(traffic.spans(100)).await,
                sdk.logs(logging.records(100)).await,
            ] {
                assert_eq!(response.json()["accepted"], 100, "{response:?}");
            }
        }
        Self { deployment, values }
    }

    /// Events of a kind, and the status of their responses. A refresh token is moved once.
    async fn requests(&self, kind: &Kind, count: usize, run: &str) -> (Vec<Value>, StatusCode) {
        let case = cases()
            .into_iter()
            .find(|case| case.name == kind.case)
            .unwrap();
        let mut events = Vec::new();
        for request in 0..count {
            let event = if case.event.to_string().contains("REFRESH_TOKEN") {
                let login = format!("{run}-{request}");
                filled(
                    &case.event,
                    &values(&self.deployment.backend, &login, &case.event).await,
                )
            } else {
                filled(&case.event, &self.values)
            };
            events.push(event);
        }
        (events, StatusCode::from_u16(case.status).unwrap())
    }

    /// Median CPU time of a request, in milliseconds.
    async fn cpu(&self, kind: &Kind) -> f64 {
        let (events, status) = self.requests(kind, REQUESTS, "cpu").await;
        let name = function_of(kind);
        let settings = self.deployment.settings_without_tls(name);
        let function = Function::start(name, &settings).await;
        let mut spent = function.cpu();
        let mut times = Vec::new();
        for event in &events {
            send(&function, event, status).await;
            let now = function.cpu();
            times.push(now - spent);
            spent = now;
        }
        let mut times = times.split_off(WARM_UP);
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1_000.0
    }

    /// Instructions of a process that has answered this many requests.
    async fn count(&self, kind: &Kind, valgrind: &str, requests: usize) -> u64 {
        let run = format!("counted-{requests}");
        let (events, status) = self.requests(kind, requests, &run).await;
        let name = function_of(kind);
        let settings = self.deployment.settings_without_tls(name);
        let counts = Path::new(env!("CARGO_TARGET_TMPDIR")).join("requests.callgrind");
        let function = Function::start_counted(name, &settings, valgrind, &counts).await;
        for event in &events {
            send(&function, event, status).await;
        }
        function.counted(&counts).await
    }
}

fn function_of(kind: &Kind) -> &'static str {
    kind.case.split_once('/').unwrap().0
}

/// Sends an event, and waits until the function asks for the next one.
async fn send(function: &Function, event: &Value, status: StatusCode) {
    let response = function.answer(event).await;
    assert_eq!(response.status, status, "{response:?}");
    function.api.polled().await;
}

#[tokio::test]
#[ignore = "needs release binaries, and Valgrind"]
#[expect(clippy::print_stdout, reason = "a table to read")]
async fn no_request_takes_more_than_its_number_of_instructions() {
    // The path of Valgrind's program.
    let Some(valgrind) = Env::process().optional("VALGRIND").map(str::to_owned) else {
        return;
    };
    let store = Store::filled().await;
    println!("| Request | CPU, ms | Million instructions |\n|---|--:|--:|");
    let mut expensive = Vec::new();
    for kind in KINDS
        .iter()
        .filter(|kind| binary(function_of(kind)).exists())
    {
        let cpu = store.cpu(kind).await;
        let few = store.count(kind, &valgrind, WARM_UP).await;
        let many = store.count(kind, &valgrind, REQUESTS).await;
        let taken = many.saturating_sub(few) as f64 / (REQUESTS - WARM_UP) as f64 / 1e6;
        println!("| {} | {cpu:.2} | {taken:.2} |", kind.name);
        if taken > kind.most {
            expensive.push(format!("{}: {taken:.2}", kind.name));
        }
    }
    assert!(expensive.is_empty(), "{expensive:#?}");
}

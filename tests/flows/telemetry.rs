//! Telemetry queries: accepted events are visible at once, to members and not to strangers, and the cost
//! of a query depends on its window, not on what is stored.

mod busy;
mod calls;
mod deletion;
mod differences;
mod fields;
mod form_2;
mod invariant;
mod logs;
mod long_traces;
mod metrics;
mod paging;
mod requests;
mod rollups;
mod searches;
mod trace;
mod trace_ids;
mod traces;
mod unreadable;
mod versions;
mod volume;

use serde_json::{Value, json};
use shared::base::clock::rfc3339;

use crate::support::callers::Sdk;
use crate::support::{Backend, SignedIn};

/// A user with an application, and an SDK that sends to it. The first query of the day has been sent.
async fn start() -> (Backend, SignedIn, Sdk) {
    let backend = Backend::start().await;
    let ada = backend.sign_in("ada").await;
    let sdk = ada.sdk().await;
    ada.lease_read_units(&sdk.application_id).await;
    (backend, ada, sdk)
}

/// A span that starts `after_ms` milliseconds after the start of the test.
fn span(trace: &str, id: &str, parent: Option<&str>, after_ms: i64) -> Value {
    let start = crate::support::backend::start() + jiff::SignedDuration::from_millis(after_ms);
    json!({
        "startTime": rfc3339(start), "requestMethod": "GET", "requestURL": format!("/{id}"),
        "responseStatus": 200, "traceId": trace, "spanId": id, "parentSpanId": parent,
        "durationMs": 10.0,
    })
}

/// A log record written `after_ms` milliseconds after the start of the test.
fn record(level: &str, message: &str, trace: Option<&str>, after_ms: i64) -> Value {
    let at = crate::support::backend::start() + jiff::SignedDuration::from_millis(after_ms);
    json!({
        "timestamp": rfc3339(at), "level": level, "type": "app", "message": message,
        "traceId": trace, "clientTimestamp": null,
    })
}

/// The event with these fields replaced.
fn with(mut event: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else {
        panic!("the changes are not an object");
    };
    event.as_object_mut().unwrap().extend(changes);
    event
}

async fn send(sdk: &Sdk, spans: Vec<Value>) {
    let accepted = spans.len();
    let report = sdk.traces(json!({ "traces": spans })).await.json();
    assert_eq!(report["accepted"], accepted, "{report}");
    sdk.backend.calls.take();
}

async fn send_logs(sdk: &Sdk, records: Vec<Value>) {
    let accepted = records.len();
    let report = sdk.logs(json!({ "logs": records })).await.json();
    assert_eq!(report["accepted"], accepted, "{report}");
    sdk.backend.calls.take();
}

/// Sends a query about the SDK's application and returns the JSON response.
async fn ask(ada: &SignedIn, sdk: &Sdk, path: &str, query: &str) -> Value {
    ada.get(&address(sdk, path, query)).await.json()
}

fn address(sdk: &Sdk, path: &str, query: &str) -> String {
    format!(
        "/telemetry/{path}?applicationId={}{query}",
        sdk.application_id
    )
}

/// The texts of a field, one for each row.
fn column<'a>(answer: &'a Value, rows: &str, field: &str) -> Vec<&'a str> {
    let rows = answer[rows].as_array().unwrap();
    rows.iter()
        .map(|row| row[field].as_str().unwrap())
        .collect()
}

/// All rows of a list, read page by page.
async fn all_pages(ada: &SignedIn, sdk: &Sdk, path: &str, query: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut cursor = String::new();
    let mut searched_to = String::from("9999");
    loop {
        let page = ask(ada, sdk, path, &format!("{query}{cursor}")).await;
        match page["searchedTo"].as_str() {
            Some(reached) => assert!(reached <= &*searched_to, "{reached}, {searched_to}"),
            None => assert_eq!(page["nextCursor"], Value::Null),
        }
        searched_to = page["searchedTo"].as_str().unwrap_or_default().to_owned();
        rows.extend(page[path].as_array().unwrap().clone());
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

#[tokio::test]
async fn strangers_cannot_read_telemetry() {
    let (backend, ada, sdk) = start().await;
    send(&sdk, vec![span("t", "s", None, 0)]).await;
    let eve = backend.sign_in("eve").await;
    let unknown = Sdk {
        application_id: "LAAAAAAAAAA".to_owned(),
        ..sdk.clone()
    };
    let odd = Sdk {
        application_id: "..%2F".to_owned(),
        ..sdk.clone()
    };
    for path in [
        "traces",
        "traces/t",
        "logs",
        "metrics",
        "fields",
        "differences",
    ] {
        backend.calls.take();
        let no_token = backend.browser().get(&address(&sdk, path, "")).await;
        no_token.problem(401, "invalid-access-token");
        assert!(
            backend.calls.take().is_empty(),
            "a refused token costs nothing"
        );
        let mut answers = Vec::new();
        for (user, sdk) in [(&eve, &sdk), (&ada, &unknown), (&ada, &odd)] {
            let response = user.get(&address(sdk, path, "")).await;
            let mut problem = response.problem(404, "not-found");
            problem["requestId"].take();
            answers.push(problem);
        }
        assert!(
            answers.windows(2).all(|two| two[0] == two[1]),
            "the responses differ"
        );
        let missing = ada.get(&format!("/telemetry/{path}")).await;
        missing.problem(400, "malformed-request");
    }
    assert_eq!(
        ask(&ada, &sdk, "traces", "").await["traces"][0]["traceId"],
        "t"
    );
}

#[tokio::test]
async fn an_invalid_query_names_the_parameter() {
    let (_, ada, sdk) = start().await;
    for (path, query, pointer) in [
        ("traces", "&from=yesterday", "/from"),
        ("traces", "&to=2026-01-31", "/to"),
        (
            "traces",
            "&from=2026-01-31T13:00:00Z&to=2026-01-31T12:00:00Z",
            "/from",
        ),
        ("traces", "&limit=many", "/limit"),
        ("traces", "&limit=-1", "/limit"),
        ("traces", "&cursor=x", "/cursor"),
        ("traces", "&status=6xx", "/status"),
        ("traces", "&minDurationMs=slow", "/minDurationMs"),
        ("traces", "&minDurationMs=NaN", "/minDurationMs"),
        ("traces", "&minDurationMs=-1", "/minDurationMs"),
        ("traces/t", "&at=noon", "/at"),
        ("logs", "&cursor=%00", "/cursor"),
        ("metrics", "&step=301", "/step"),
        ("metrics", "&step=-300", "/step"),
        ("metrics", "&signal=spans", "/signal"),
        ("metrics", "&from=2026-01-01T00:00:00Z", "/step"),
    ] {
        let response = ada.get(&address(&sdk, path, query)).await;
        let problem = response.problem(400, "invalid-fields");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}");
    }
    let twice = ada.get(&address(&sdk, "logs", "&level=a&level=b")).await;
    twice.problem(400, "malformed-request");
}

#[tokio::test]
async fn a_cursor_of_another_application_does_not_read_its_telemetry() {
    let (backend, ada, sdk) = start().await;
    let eve = backend.sign_in("eve").await;
    let hers = eve.sdk().await;
    send(
        &sdk,
        vec![span("ada-1", "a", None, 0), span("ada-2", "b", None, 1)],
    )
    .await;
    send(&hers, vec![span("eve-1", "c", None, 0)]).await;
    let page = ask(&ada, &sdk, "traces", "&limit=1").await;
    let cursor = page["nextCursor"].as_str().unwrap();
    let stolen = ask(&eve, &hers, "traces", &format!("&cursor={cursor}")).await;
    let ids = column(&stolen, "traces", "traceId");
    assert!(ids.iter().all(|id| id.starts_with("eve")), "{ids:?}");
}

#[tokio::test]
async fn expired_telemetry_is_not_shown_before_it_is_deleted() {
    let (backend, ada, sdk) = start().await;
    send(&sdk, vec![span("t", "s", None, 0)]).await;
    send_logs(&sdk, vec![record("info", "hello", Some("t"), 0)]).await;
    let around = "&from=2026-01-31T12:00:00Z&to=2026-01-31T13:00:00Z";
    let kept = ask(&ada, &sdk, "traces", around).await;
    assert_eq!(column(&kept, "traces", "traceId"), ["t"]);
    // Retention is counted from the start of the event's hour.
    backend.later(30 * 24 * 60 * 60 - 20 * 60);
    let ada = backend.sign_in("ada").await;
    assert_eq!(ask(&ada, &sdk, "traces", around).await["traces"], json!([]));
    assert_eq!(ask(&ada, &sdk, "logs", around).await["logs"], json!([]));
    let total = &ask(&ada, &sdk, "metrics", around).await["total"];
    assert_eq!(total["count"], 0);
    let trace = ada.get(&address(&sdk, "traces/t", around)).await;
    trace.problem(404, "not-found");
    assert_eq!(
        backend.dump(&backend.database.tables.telemetry).await.len(),
        4
    );
}

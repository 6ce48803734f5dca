//! The log line of a request: one line with the caller, the route, the result and the cost, from
//! which the metrics are taken.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::web::request_log::METRICS;

use crate::support::callers::{post, refresh};
use crate::support::log::{Log, NAMESPACE};
use crate::support::{Backend, SignedIn};

/// A signed-in user, with the lines of the sign-in removed from the log.
async fn ada(settings: &[(&str, &str)]) -> (Log, SignedIn) {
    let log = Log::capture();
    let ada = Backend::with(settings).await.sign_in("ada").await;
    log.take();
    (log, ada)
}

#[tokio::test]
async fn a_batch_logs_one_line_with_its_key_events_and_cost() {
    let (log, ada) = ada(&[]).await;
    let sdk = ada.sdk().await;
    log.take();
    for (hits, misses) in [(Value::Null, json!(1)), (json!(1), Value::Null)] {
        ada.backend.calls.take();
        let mut batch = sdk.batch(3);
        batch["traces"][1]["traceId"] = json!("");
        assert_eq!(sdk.traces(batch).await.status, 200);
        let line = answered(&log);
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["method"], "POST");
        assert_eq!(line["route"], "/ingest/traces");
        assert_eq!(line["status"], 200);
        assert!(line["milliseconds"].is_u64(), "{line}");
        assert_eq!(line["application"], json!(sdk.application_id));
        assert_eq!(line["key"], json!(sdk.key_id()));
        assert_eq!(
            (&line["accepted"], &line["rejected"]),
            (&json!(2), &json!(1))
        );
        assert_eq!(
            (&line["key_cache_hits"], &line["key_cache_misses"]),
            (&hits, &misses)
        );
        assert_eq!(line["dynamodb_calls"], ada.backend.calls.take().len());
    }
}

#[tokio::test]
async fn the_line_of_a_batch_is_no_longer_than_the_docs_state() {
    let (log, ada) = ada(&[]).await;
    let sdk = ada.sdk().await;
    log.take();
    sdk.traces(sdk.batch(100)).await;
    let lines = log.take();
    assert_eq!(lines.len(), 1, "{lines:?}");
    // docs/costs.md: 1 KB together with the line of the access log, about 300 bytes.
    assert!(lines[0].len() <= 700, "{}: {}", lines[0].len(), lines[0]);
}

#[tokio::test]
async fn the_line_has_the_request_id_of_the_problem() {
    let (log, ada) = ada(&[]).await;
    let unknown = ada.get("/applications/aaaaaaaaaaa").await;
    assert_eq!(unknown.status, 404);
    let line = answered(&log);
    let problem = unknown.text();
    let problem: Value = serde_json::from_str(&problem).unwrap();
    assert_eq!(line["span"]["request_id"], problem["requestId"]);
    assert_eq!(line["route"], "/applications/{id}");
    assert!(
        line["user"].is_string() && line["session"].is_string(),
        "{line}"
    );
}

#[tokio::test]
async fn each_outcome_of_a_refresh_is_counted() {
    let (log, ada) = ada(&[]).await;
    let backend = ada.backend.clone();
    let first = ada.refresh_token.clone();
    let expect = async |token: &str, outcome: &str| {
        refresh(&backend, token).await;
        let line = answered(&log);
        let counted: Vec<&str> = METRICS
            .into_iter()
            .filter(|name| name.starts_with("refresh") && line[name] == 1)
            .collect();
        assert_eq!(counted, [outcome], "{line}");
        line
    };
    expect(&first, "refresh_repeated").await;
    backend.later(46);
    expect(&first, "refresh_rotated").await;
    expect(&first, "refresh_repeated").await;
    backend.later(46);
    expect(&first, "refresh_recovered").await;
    expect("upblit_rt_forged", "refresh_refused").await;
}

#[tokio::test]
async fn a_token_presented_again_counts_as_reuse() {
    let (log, ada) = ada(&[("REFRESH_REUSE_POLICY", "strict")]).await;
    ada.backend.later(46);
    refresh(&ada.backend, &ada.refresh_token).await;
    ada.backend.later(46);
    log.take();
    refresh(&ada.backend, &ada.refresh_token).await;
    let line = answered(&log);
    assert_eq!(
        (&line["reuse_detected"], &line["refresh_refused"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        metrics(&line),
        ["dynamodb_calls", "refresh_refused", "reuse_detected"].into()
    );
}

/// CloudWatch drops all metrics of a line if one of them is missing or not a number.
#[tokio::test]
async fn every_metric_of_a_line_is_a_number_in_it() {
    let (log, ada) = ada(&[]).await;
    let sdk = ada.sdk().await;
    sdk.traces(sdk.batch(1)).await;
    ada.backend.later(46);
    refresh(&ada.backend, &ada.refresh_token).await;
    post(&ada.backend, "/logout", json!({})).await;
    let lines = log.take();
    assert!(lines.len() >= 3);
    for line in lines {
        let line: Value = serde_json::from_str(&line).unwrap();
        let directives = line["_aws"]["CloudWatchMetrics"].as_array();
        let directives = directives.unwrap_or_else(|| panic!("{line}"));
        let [directive] = &directives[..] else {
            panic!("{line}")
        };
        assert_eq!(directive["Namespace"], NAMESPACE);
        assert_eq!(directive["Dimensions"], json!([[]]));
        assert!(line["_aws"]["Timestamp"].as_i64().unwrap() > 1_700_000_000_000);
        let named = metrics(&line);
        assert!(!named.is_empty());
        for name in METRICS {
            assert_eq!(line[name].is_u64(), named.contains(name), "{name}: {line}");
        }
    }
}

#[tokio::test]
async fn without_a_namespace_a_line_has_the_numbers_and_no_metrics() {
    let (log, ada) = ada(&[]).await;
    ada.get("/me").await;
    let lines = log.take_without_namespace();
    let line: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
    assert_eq!(line.get("_aws"), None);
    assert_eq!(line["dynamodb_calls"], 1);
}

/// Expects exactly one request line since the log was last taken, and returns it.
fn answered(log: &Log) -> Value {
    let lines = log.take();
    let lines = lines.iter().map(|line| serde_json::from_str(line).unwrap());
    let mut answered = lines.filter(|line: &Value| line["message"] == "answered");
    let line = answered.next().expect("no line");
    assert_eq!(answered.next(), None);
    line
}

/// Names of the metrics that a line declares to CloudWatch.
fn metrics(line: &Value) -> BTreeSet<&str> {
    let metrics = line.pointer("/_aws/CloudWatchMetrics/0/Metrics").unwrap();
    let metrics = metrics.as_array().unwrap().iter();
    metrics
        .map(|metric| metric["Name"].as_str().unwrap())
        .collect()
}

/// A sign-in can fail because of GitHub, the user, or a request that belongs to no sign-in.
#[tokio::test]
async fn every_failed_sign_in_is_logged_with_its_reason() {
    let log = Log::capture();
    let backend = Backend::start().await;
    let flow = "A".repeat(43);
    for (path, reason) in [
        (
            "/oauth2/authorization/github?code_challenge=x",
            "invalid_request",
        ),
        ("/login/oauth2/code/github?state=x", "invalid_state"),
        ("/login/oauth2/code/github?code=a&code=b", "invalid_state"),
        (
            &*format!("/login/oauth2/code/github?code=c&state={flow}"),
            "invalid_state",
        ),
    ] {
        log.take();
        let answer = backend.browser().get(path).await;
        assert!(
            answer
                .header("location")
                .ends_with(&format!("/login?reason={reason}")),
            "{path}"
        );
        let lines = log.take();
        let failed = lines.iter().filter(|line| line.contains("sign-in failed"));
        let failed: Vec<&String> = failed.collect();
        assert_eq!(failed.len(), 1, "{path}: {lines:?}");
        assert!(failed[0].contains(reason), "{path}: {lines:?}");
    }
}

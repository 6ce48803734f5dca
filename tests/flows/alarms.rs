//! A drill for every alarm in `template.yaml` and every log search in `docs/operations.md`. The log
//! lines are those of the real functions; what AWS itself counts is given as numbers.

mod cloudwatch;
mod lines;
mod pattern;

use std::fs;

use serde_json::Value;
use serde_yaml_ng::Value as Yaml;

use self::cloudwatch::{Period, goes_off};
use self::pattern::matches;
use crate::routes::root;
use crate::template::{list, resources, template, text};

/// Successive periods of an alarm, after which it must go off, or must not.
struct Drill {
    periods: Vec<Period>,
    goes_off: bool,
}

fn drill(goes_off: bool, periods: Vec<Period>) -> Drill {
    Drill { periods, goes_off }
}

/// The drills for one alarm: what it must and must not react to.
async fn drills(id: &str, template: &Yaml) -> Vec<Drill> {
    match id {
        "FunctionErrors" => of_each("AWS/Lambda", "Errors", &functions(template), 1, 1),
        "FunctionThrottles" => of_each("AWS/Lambda", "Throttles", &functions(template), 1, 1),
        "TableReadThrottles" => of_each(
            "AWS/DynamoDB",
            "ReadThrottleEvents",
            &tables(template),
            50,
            2,
        ),
        "TableWriteThrottles" => of_each(
            "AWS/DynamoDB",
            "WriteThrottleEvents",
            &tables(template),
            50,
            2,
        ),
        "RefreshLatency" => slow("RefreshFunction", 1_000.0),
        "IngestLatency" => slow("IngestFunction", 3_000.0),
        "TelemetryLatency" => slow("TelemetryFunction", 8_000.0),
        "ApiServerErrors" => server_errors().await,
        "ReuseDetected" => reuse().await,
        "SignInErrors" => sign_in_errors(template).await,
        other => panic!("{other} has no drill"),
    }
}

/// Every function or table raises the alarm by itself, at `number` in each of `periods`.
fn of_each(
    namespace: &str,
    name: &str,
    owners: &[String],
    number: u32,
    periods: usize,
) -> Vec<Drill> {
    let sum = |owner: &String, number: u32, breaching: usize| {
        let mut all = vec![Period::default(); periods];
        for period in all.iter_mut().rev().take(breaching) {
            period.add(namespace, name, Some(owner), f64::from(number));
        }
        all
    };
    let each = owners.iter().flat_map(|owner| {
        [
            drill(true, sum(owner, number, periods)),
            drill(false, sum(owner, number - 1, periods)),
            drill(false, sum(owner, number, periods - 1)),
        ]
    });
    assert!(owners.len() >= 6, "{owners:?}");
    each.collect()
}

/// Two of a hundred requests are slower than `limit` milliseconds.
fn slow(function: &str, limit: f64) -> Vec<Drill> {
    let period = |slow: usize| {
        let mut period = Period::default();
        for request in 0..100 {
            let milliseconds = if request < slow { limit + 1.0 } else { limit };
            period.add("AWS/Lambda", "Duration", Some(function), milliseconds);
        }
        period
    };
    vec![
        drill(true, vec![period(2); 3]),
        drill(false, vec![period(1); 3]),
        drill(false, vec![period(2), period(2), period(1)]),
    ]
}

/// Five responses with a status of 5xx, counted as API Gateway does.
async fn server_errors() -> Vec<Drill> {
    let answered = |statuses: &[u16], others: usize| {
        let mut period = Period::default();
        let all = statuses.iter().copied();
        for status in all.chain(std::iter::repeat_n(200, others)) {
            let failed = f64::from(u8::from(status >= 500));
            period.add("AWS/ApiGateway", "5xx", Some("HttpApi"), failed);
            period.add("AWS/ApiGateway", "Count", Some("HttpApi"), 1.0);
        }
        vec![period]
    };
    let statuses = lines::statuses_without_storage(5).await;
    vec![
        drill(true, answered(&statuses, 494)),
        drill(false, answered(&statuses, 495)),
        drill(false, answered(&statuses[1..], 0)),
        drill(false, vec![Period::default()]),
    ]
}

/// Sums of a metric that the function writes into its log lines.
async fn reuse() -> Vec<Drill> {
    let mut period = Period::default();
    for _ in 0..9 {
        period.add_embedded(&lines::of_a_reuse().await);
    }
    let below = period.clone();
    period.add_embedded(&lines::of_a_reuse().await);
    vec![drill(true, vec![period]), drill(false, vec![below])]
}

/// Sign-ins that fail because GitHub refuses the client secret, counted by the metric filter.
async fn sign_in_errors(template: &Yaml) -> Vec<Drill> {
    let mut failed = Period::default();
    for _ in 0..2 {
        failed.add_filtered(
            template,
            "OauthLogs",
            &lines::of_a_refused_client_secret().await,
        );
    }
    let below = failed.clone();
    failed.add_filtered(
        template,
        "OauthLogs",
        &lines::of_a_refused_client_secret().await,
    );
    let mut refused = Period::default();
    for _ in 0..10 {
        refused.add_filtered(
            template,
            "OauthLogs",
            &lines::of_a_sign_in_the_user_denied().await,
        );
    }
    vec![
        drill(true, vec![failed]),
        drill(false, vec![below]),
        drill(false, vec![refused]),
    ]
}

fn functions(template: &Yaml) -> Vec<String> {
    ids(template, "AWS::Serverless::Function")
}

fn tables(template: &Yaml) -> Vec<String> {
    ids(template, "AWS::DynamoDB::Table")
}

fn ids(template: &Yaml, kind: &str) -> Vec<String> {
    let resources = resources(template, kind).into_iter();
    resources.map(|(id, _)| id.to_owned()).collect()
}

#[tokio::test]
async fn every_alarm_goes_off_at_its_threshold_and_not_below() {
    let template = template();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    assert!(alarms.len() >= 10, "{}", alarms.len());
    for (id, alarm) in alarms {
        for (number, drill) in drills(id, &template).await.into_iter().enumerate() {
            let goes_off = goes_off(&alarm["Properties"], &drill.periods);
            assert_eq!(goes_off, drill.goes_off, "{id}, drill {number}");
        }
    }
}

#[tokio::test]
async fn every_metric_filter_belongs_to_an_alarm_and_matches_a_line_of_its_function() {
    let template = template();
    let alarms = resources(&template, "AWS::CloudWatch::Alarm");
    for (id, filter) in resources(&template, "AWS::Logs::MetricFilter") {
        for metric in list(&filter["Properties"]["MetricTransformations"]) {
            let name = text(&metric["MetricName"]);
            let is_of = |alarm: &Yaml| alarm["Properties"]["MetricName"].as_str() == Some(name);
            assert!(alarms.iter().any(|(_, alarm)| is_of(alarm)), "{id}: {name}");
        }
        let group = text(&filter["Properties"]["LogGroupName"]);
        let pattern = text(&filter["Properties"]["FilterPattern"]);
        assert_eq!(group, "OauthLogs", "{id} needs lines of its function");
        let lines = lines::of_a_refused_client_secret().await;
        assert!(lines.iter().any(|line| matches(pattern, line)), "{id}");
    }
}

/// Log group and pattern of each `aws logs tail … --filter-pattern …` in the manual.
fn searches() -> Vec<(String, String)> {
    let manual = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let commands = manual.split("aws logs tail \"").skip(1);
    let searches = commands.filter_map(|command| {
        let (group, rest) = command.split_once('"')?;
        let end = rest.find(['\n', '`']).unwrap_or(rest.len());
        let (_, pattern) = rest[..end].split_once("--filter-pattern ")?;
        let pattern = pattern.trim_matches('\'');
        Some((group.to_owned(), pattern.to_owned()))
    });
    searches.collect()
}

#[tokio::test]
async fn every_log_search_of_the_manual_finds_a_line_and_no_line_of_a_success() {
    let searches = searches();
    assert!(searches.len() >= 6, "{searches:?}");
    for (group, pattern) in searches {
        let (pattern, found, others) = match (&*group, &*pattern) {
            ("$(output ApiLogGroup)", _) => {
                let (failed, succeeded) = lines::of_the_access_log(&template());
                (pattern, failed, succeeded)
            }
            ("/upblit/$STACK/refresh", "reused") => (
                pattern,
                lines::of_a_reuse().await,
                lines::of_a_refresh().await,
            ),
            ("/upblit/$STACK/oauth", _) => (
                pattern,
                lines::of_a_refused_client_secret().await,
                lines::of_a_sign_in().await,
            ),
            ("/upblit/$STACK/ingest", _) => {
                let batches = lines::of_batches().await;
                let pattern = pattern
                    .replace("LoWVhzt7qBnxqyw=", &batches.request_id)
                    .replace("L6H9O5sHpHY", &batches.application_id);
                (pattern, batches.failed, batches.accepted)
            }
            other => panic!("{other:?} has no line"),
        };
        let is_found = |line: &String| matches(&pattern, line);
        assert!(found.iter().any(is_found), "{pattern}: {found:?}");
        assert!(!others.iter().any(is_found), "{pattern}: {others:?}");
    }
}

/// A log line as JSON.
fn parsed(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

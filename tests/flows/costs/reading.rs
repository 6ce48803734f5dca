//! What queries are charged: the most that a read unit costs, the largest query, and days of honest
//! readers.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::prices::{self, READ_UNIT, WRITE_UNIT};
use crate::support::Response;
use crate::template::{functions, template};

/// What a query is charged besides the units of its reads, as in shared/src/read_limits.rs.
const UNITS_OF_A_REQUEST: f64 = 15.0;
const UNITS_OF_A_WRITE: f64 = 5.0;
const SECONDS_PER_UNIT: f64 = 0.010;
const BYTES_PER_UNIT: f64 = 1024.0;

/// Time of an ordinary query, in units: docs/costs.md has a list of traces with 16.5 ms.
const UNITS_OF_TIME: u64 = 2;

/// The largest response of Lambda, in bytes.
const LARGEST_RESPONSE: f64 = 6.0 * 1_048_576.0;

/// The default of `METRICS_MAX_SUMMARIES`, and bytes of a summary.
const MOST_SUMMARIES: f64 = 60_000.0;
const SUMMARY: f64 = 900.0;

/// Bytes of a read unit.
const READ: f64 = 4_096.0;

/// Queries under way when a quota ends, for which the docs compute what they cost.
pub const UNDER_WAY: f64 = 100.0;

/// The default of `USER_DAILY_READ_UNITS`.
pub fn quota_of_a_reader() -> u64 {
    let template = template();
    let default = &template["Parameters"]["UserDailyReadUnits"]["Default"];
    default.as_u64().unwrap()
}

/// What is left of the reader's quota, by the headers of a response.
pub fn left(response: &Response) -> u64 {
    let (_, left) = response
        .header("ratelimit")
        .split_once("\"reader\";r=")
        .unwrap();
    let (left, _) = left.split_once(';').unwrap();
    left.parse().unwrap()
}

/// Dollars that a charged unit costs at most, whatever it stands for.
pub fn of_a_unit() -> f64 {
    let (memory, _) = limits();
    [
        READ_UNIT,
        WRITE_UNIT / UNITS_OF_A_WRITE,
        SECONDS_PER_UNIT * memory / 1024.0 * prices::LAMBDA_GB_SECOND,
        BYTES_PER_UNIT * prices::of_a_sent_byte(),
        prices::of_an_empty_request() / UNITS_OF_A_REQUEST,
    ]
    .into_iter()
    .fold(0.0, f64::max)
}

/// The units of the largest query: of metrics, whose summaries are read consistently.
pub fn largest_query() -> f64 {
    let (_, seconds) = limits();
    let read = MOST_SUMMARIES * SUMMARY / READ;
    let response = LARGEST_RESPONSE / BYTES_PER_UNIT;
    (UNITS_OF_A_REQUEST + read + seconds / SECONDS_PER_UNIT + response).ceil()
}

/// Memory in MB and time limit in seconds of the function.
fn limits() -> (f64, f64) {
    let template = template();
    let functions = functions(&template);
    let telemetry = functions.iter().find(|(name, _)| *name == "telemetry");
    let properties = &telemetry.unwrap().1["Properties"];
    let limit = |name: &str| properties[name].as_f64().unwrap();
    (limit("MemorySize"), limit("Timeout"))
}

/// Days of honest readers: name, queries, and how often each is sent.
const DAYS: [(&str, &[&str], u64); 4] = [
    (
        "A panel of metrics, every 5 seconds",
        &["Metrics of the half hour"],
        17_280,
    ),
    (
        "A dashboard of metrics, operations, failed traces and logs, every 10 seconds",
        &[
            "Metrics of the half hour",
            "Requests by operation",
            "50 failed traces",
            "The 50 newest log records",
        ],
        8_640,
    ),
    (
        "The page of traces, open for eight hours",
        &["The 50 newest traces"],
        7_200,
    ),
    (
        "The page of metrics, open for eight hours",
        &["Metrics of the half hour", "Requests by operation"],
        7_200,
    ),
];

/// The table of what days of honest readers are charged.
pub fn days(charges: &BTreeMap<&str, u64>) -> String {
    let quota = quota_of_a_reader();
    let mut table = String::from(
        "| All day, with the data below | Queries | Read units | Of a reader's quota |\n|---|--:|--:|--:|\n",
    );
    for (name, queries, times) in DAYS {
        let charged: u64 = queries
            .iter()
            .map(|query| charges[query] + UNITS_OF_TIME)
            .sum();
        let queries = queries.len() as u64 * times;
        let units = charged * times;
        let percent = (100 * units).div_ceil(quota);
        assert!(percent <= 25, "{name}: {percent} %");
        let _ = writeln!(table, "| {name} | {queries} | {units} | {percent} % |");
    }
    table
}

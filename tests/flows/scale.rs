//! The limits of AWS and of this product that growing traffic and numbers of users reach. The test
//! computes the tables of docs/scale.md from measured units, and prints them if they differ.

use shared::identity::application::MAX_SHARDS;

use crate::support::{backend, metered};
use crate::template::template;
use traffic::Traffic;

const DAY: f64 = 86_400.0;

/// Spans of a batch, with the attributes of OpenTelemetry's conventions.
const SPANS: usize = 100;

/// Write units that a partition of DynamoDB takes in a second.
const PARTITION: f64 = 1_000.0;

/// Write units that a table takes in a second, by the default quota of an account.
const TABLE: f64 = 40_000.0;

/// Requests that API Gateway takes in a second, by the default quota of an account and region.
const GATEWAY: f64 = 10_000.0;

/// Instances of Lambda that run at once, by the default quota of an account.
const INSTANCES: f64 = 1_000.0;

/// Events that a key may send in a minute, by the default of `RATE_LIMIT_EVENTS`.
const KEY_EVENTS: f64 = 600_000.0;

/// Seconds that a batch occupies an instance, as in docs/costs.md.
const SECONDS: f64 = 0.025;

/// Users of a hundred who have the dashboard open at once.
const ACTIVE: f64 = 10.0;

/// Seconds between two refreshes of an open dashboard: the lifetime of an access token.
const REFRESH: f64 = 900.0;

/// Days between two sign-ins of a user, who uses the dashboard now and then.
const SIGN_IN: f64 = 14.0;

/// Write units of single operations.
struct Units {
    chunk: f64,
    summary: f64,
    refresh: f64,
    sign_in: f64,
}

async fn measured() -> Units {
    let (meter, backend) = metered::start().await;
    backend.sign_in("ada").await;
    meter.take();
    let mut ada = backend.sign_in("ada").await;
    let spent = meter.take();
    let sign_in = spent.put + spent.update + spent.transaction;
    backend.later(REFRESH as u64);
    ada.rotate().await;
    let spent = meter.take();
    let refresh = spent.put + spent.update + spent.transaction;
    let sdk = ada.sdk().await;
    meter.take();
    let batch = Traffic::of(SPANS as u32, backend::start())
        .with_attributes()
        .spans(SPANS);
    assert_eq!(sdk.traces(batch).await.json()["accepted"], SPANS);
    let stored = meter.take().put;
    // A summary of this batch fits into one unit (docs/costs.md).
    Units {
        chunk: stored - 1.0,
        summary: 1.0,
        refresh,
        sign_in,
    }
}

/// The default of a parameter of the template.
fn parameter(name: &str) -> f64 {
    template()["Parameters"][name]["Default"].as_f64().unwrap()
}

/// A number with at most three digits and a name for its size.
fn short(number: f64) -> String {
    let (divisor, unit) = match number {
        n if n >= 1e9 => (1e9, " billion"),
        n if n >= 1e6 => (1e6, " million"),
        _ => (1.0, ""),
    };
    let value = number / divisor;
    let digits = usize::from(value < 10.0 && value.fract() != 0.0);
    format!("{value:.digits$}{unit}")
}

/// The table of what bounds the number of batches per second, and what moves each bound.
fn bounds(units: &Units) -> String {
    let shards = f64::from(MAX_SHARDS);
    let route = parameter("IngestRequestsPerSecond");
    let rows = [
        (
            "One API key: 600,000 events a minute",
            KEY_EVENTS / 60.0 / SPANS as f64,
            "`RATE_LIMIT_EVENTS`, a second key",
        ),
        (
            "One application: 2,500,000 write units a day",
            parameter("ApplicationDailyUnits") / DAY / (units.chunk + units.summary),
            "`APPLICATION_DAILY_UNITS`",
        ),
        (
            "All applications of a user: 5,000,000 write units a day",
            parameter("UserDailyUnits") / DAY / (units.chunk + units.summary),
            "`USER_DAILY_UNITS`",
        ),
        (
            "One application with one shard: a partition of chunks",
            PARTITION / units.chunk,
            "shards of the application",
        ),
        (
            "All functions: 1,000 instances of Lambda (new accounts: 10)",
            INSTANCES / SECONDS,
            "quota of the account",
        ),
        (
            "Each ingest route: its throttle",
            route,
            "`IngestRequestsPerSecond`",
        ),
        (
            "One application with 16 shards",
            shards * PARTITION / units.chunk,
            "a second application",
        ),
        (
            "The table Telemetry: 40,000 write units",
            TABLE / (units.chunk + units.summary),
            "quota of the account",
        ),
        (
            "API Gateway: 10,000 requests",
            GATEWAY,
            "quota of the account",
        ),
    ];
    let mut rows = rows.to_vec();
    rows.sort_by(|(_, a, _), (_, b, _)| a.total_cmp(b));
    let mut table =
        String::from("| Bound | Batches a second | Spans a day | Moved by |\n|---|--:|--:|---|\n");
    for (name, batches, setting) in rows {
        let spans = batches * SPANS as f64 * DAY;
        table += &format!(
            "| {name} | {} | {} | {setting} |\n",
            short(batches),
            short(spans)
        );
    }
    table
}

/// The table of what a number of spans per day needs, at an even rate.
fn spans_a_day(units: &Units) -> String {
    let mut table = String::from(
        "| Spans a day | Batches a second | Write units a second | Instances at once | Shards of one application |\n\
         |--:|--:|--:|--:|--:|\n",
    );
    for spans in [1e6, 1e7, 1e8, 1e9] {
        let batches = spans / DAY / SPANS as f64;
        let written = batches * (units.chunk + units.summary);
        let instances = (batches * SECONDS).ceil();
        let shards = (batches * units.chunk / PARTITION).ceil();
        table += &format!(
            "| {} | {batches:.1} | {written:.0} | {instances} | {shards} |\n",
            short(spans)
        );
    }
    table
}

/// The table of what a number of users needs.
fn users(units: &Units) -> String {
    let mut table = String::from(
        "| Users | Refreshes a second | Sign-ins a second | Write units a second |\n|--:|--:|--:|--:|\n",
    );
    for users in [1e3, 1e5, 1e6, 1e7] {
        let refreshes = users * ACTIVE / 100.0 / REFRESH;
        let sign_ins = users / SIGN_IN / DAY;
        let written = refreshes * units.refresh + sign_ins * units.sign_in;
        table += &format!(
            "| {} | {refreshes:.1} | {sign_ins:.1} | {written:.1} |\n",
            short(users)
        );
    }
    table
}

#[tokio::test]
async fn the_docs_state_each_limit() {
    let units = measured().await;
    let docs = include_str!("../../docs/scale.md");
    let tables = [
        ("bounds", bounds(&units)),
        ("spans", spans_a_day(&units)),
        ("users", users(&units)),
    ];
    let marked = tables
        .map(|(name, table)| format!("<!-- {name}: made by tests/flows/scale.rs -->\n\n{table}\n"));
    let missing: String = marked
        .into_iter()
        .filter(|table| !docs.contains(table))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/scale.md should have:\n\n{missing}"
    );
    for (name, value) in [
        ("refresh writes", units.refresh),
        ("sign-in", units.sign_in),
    ] {
        let stated = format!("{name} {value}");
        assert!(docs.contains(&stated), "{stated}");
    }
}

//! What the telemetry that one account sends and reads costs at most in a day, by the defaults of its
//! quotas.

use super::prices::{self, WRITE_UNIT};
use super::{assert_documented, beside, memory_sizes, reading};
use crate::template::template;

/// Bytes of a body that are charged a unit, as in shared/src/day_limits.rs.
const BODY_BYTES_PER_UNIT: f64 = 262_144.0;

/// CPU time of the worst body, compared with that of ordinary events of its size
/// (tests/flows/lambda/memory).
const WORST_BODY: f64 = 3.0;

/// The fewest units that a request with an event is charged: its chunk and its summary.
const UNITS_OF_A_BATCH: f64 = 2.0;

/// The longest retention, in months.
const MONTHS: f64 = 3.0;

/// Dollars that a day may cost.
const MOST: f64 = 25.0;

#[tokio::test]
async fn an_account_costs_in_its_worst_day_what_the_docs_state_and_at_most_25_dollars() {
    let units = template()["Parameters"]["UserDailyUnits"]["Default"]
        .as_f64()
        .unwrap();
    let requests = units / UNITS_OF_A_BATCH;
    let bodies = units * BODY_BYTES_PER_UNIT * WORST_BODY;
    let rows = [
        ("5,000,000 write units", units * WRITE_UNIT),
        (
            "90 days of what they store, with recovery",
            units * prices::of_a_unit_for_a_month() * MONTHS,
        ),
        (
            "2,500,000 requests: API Gateway, Lambda, CloudWatch Logs",
            requests * prices::of_a_request(),
        ),
        ("Key, limits, health", requests * beside().await.dollars),
        (
            "CPU time of bodies, three times that of ordinary ones",
            bodies * memory_sizes::of_a_byte(),
        ),
    ];
    let reader = reading::quota_of_a_reader() as f64 * reading::of_a_unit();
    let under_way = reading::UNDER_WAY * reading::largest_query() * reading::of_a_unit();
    let rows = rows.into_iter().chain([
        ("20,000,000 read units of the user", reader),
        ("20,000,000 read units of keys that read", reader),
        (
            "100 of the largest queries under way when each of these ends",
            2.0 * under_way,
        ),
    ]);
    let rows: Vec<_> = rows.collect();
    let total: f64 = rows.iter().map(|(_, dollars)| dollars).sum();
    let mut table = String::from("| At most, in a day | $ |\n|---|--:|\n");
    for (name, dollars) in rows.into_iter().chain([("**Total**", total)]) {
        table += &format!("| {name} | {dollars:.2} |\n");
    }
    assert!(total <= MOST, "{table}");
    assert_documented(&[("worst day", table)]);
}

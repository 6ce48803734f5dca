//! The most that the telemetry of one account can cost in a day, with the default quotas.

use super::prices::{self, WRITE_UNIT};
use super::{assert_documented, beside, memory_sizes};
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
async fn the_writes_of_an_account_cost_in_its_worst_day_what_the_docs_state_and_at_most_25_dollars()
{
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
    let total: f64 = rows.iter().map(|(_, dollars)| dollars).sum();
    let mut table = String::from("| At most, in a day | $ |\n|---|--:|\n");
    for (name, dollars) in rows.into_iter().chain([("**Total**", total)]) {
        table += &format!("| {name} | {dollars:.2} |\n");
    }
    assert!(total <= MOST, "{table}");
    assert_documented(&[("worst day", table)]);
}

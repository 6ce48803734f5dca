//! Card numbers that are sent as integers.

use serde_json::{Value, json};

use super::super::{Allowance, SCRUBBED, scrub_values};

fn scrubbed(value: &Value) -> Value {
    let mut values = json!({ "a": [{ "b": value }] })
        .as_object()
        .unwrap()
        .clone();
    let mut allowance = Allowance::of_batch();
    allowance.next_event();
    let is_changed = scrub_values(&mut values, &mut allowance);
    let result = values["a"][0]["b"].clone();
    assert_eq!(is_changed, result != *value);
    result
}

#[test]
fn an_integer_that_is_a_card_number_is_scrubbed() {
    for number in [
        4_242_424_242_424_242_u64,
        5_555_555_555_554_444,
        378_282_246_310_005,
        30_569_309_025_904,
    ] {
        assert_eq!(scrubbed(&number.into()), SCRUBBED, "{number}");
    }
}

#[test]
fn other_numbers_stay() {
    for number in [
        json!(0),
        json!(200),
        // Not the check digit.
        json!(4_242_424_242_424_241_u64),
        // Of no network: times in milliseconds, microseconds and nanoseconds, and a date.
        json!(1_769_860_800_007_u64),
        json!(1_769_860_800_000_007_u64),
        json!(1_769_860_800_000_000_003_u64),
        json!(20_261_127_195_901_u64),
        // Ids.
        json!(4_705_457_223_944_280_482_u64),
        json!(u64::MAX),
        json!(-4_242_424_242_424_242_i64),
        json!(4_242_424_242_424_242.5),
    ] {
        assert_eq!(scrubbed(&number), number);
    }
}

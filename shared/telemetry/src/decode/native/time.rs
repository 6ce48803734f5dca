//! Times in Upblit's own JSON: RFC 3339, or milliseconds since the Unix epoch.

use jiff::Timestamp;
use serde_json::Value;

/// Nanoseconds in a millisecond.
const MILLISECOND: i128 = 1_000_000;

/// Reads a time in nanoseconds since the Unix epoch: RFC 3339 with any offset and up to nanoseconds,
/// or milliseconds as a number or its digits, with or without a fraction.
///
/// # Errors
/// The reason why it cannot be read.
pub(super) fn read(value: &Value) -> Result<i64, &'static str> {
    let nanoseconds = match value {
        Value::String(text) => of_digits(text).or_else(|| of_text(text)),
        Value::Number(number) => of_digits(&number.to_string()),
        _ => None,
    };
    let nanoseconds = nanoseconds.ok_or(
        "must be an RFC 3339 time with an offset, like 2026-01-31T12:00:00.000Z, \
         or milliseconds since 1970",
    )?;
    // The year 9999 does not fit into 64 bits. Such times are rejected anyway.
    i64::try_from(nanoseconds).map_err(|_| "is out of range")
}

fn of_text(text: &str) -> Option<i128> {
    let time: Timestamp = text.parse().ok()?;
    Some(time.as_nanosecond())
}

/// Reads milliseconds, with a fraction down to nanoseconds.
fn of_digits(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let below: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let milliseconds: i128 = whole.parse().ok()?;
    milliseconds
        .checked_mul(MILLISECOND)?
        .checked_add(below.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn milliseconds_are_numbers_or_digits() {
        const NOON: i64 = 1_769_860_800_000_000_000;
        for (value, expected) in [
            (json!(1_769_860_800_000_i64), NOON),
            (json!("1769860800000"), NOON),
            (json!("1769860800000.25"), NOON + 250_000),
            (json!("1769860800000.0000019"), NOON + 1),
            (json!(1_769_860_800_000.5), NOON + 500_000),
            (json!(0), 0),
            (json!("2026-01-31T12:00:00.000000001Z"), NOON + 1),
        ] {
            assert_eq!(read(&value), Ok(expected), "{value}");
        }
        for value in [
            json!(-1),
            json!("-1"),
            json!("+1"),
            json!(1e30),
            json!(""),
            json!("."),
            json!(".5"),
            json!("1.2.3"),
            json!("1e3"),
            json!(true),
            json!([0]),
            json!("9".repeat(60)),
        ] {
            let reason = read(&value).unwrap_err();
            assert!(reason.starts_with("must be an RFC 3339 time"), "{value}");
        }
        assert_eq!(read(&json!(10_000_000_000_000_u64)), Err("is out of range"));
    }
}

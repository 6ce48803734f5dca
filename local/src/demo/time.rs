//! Text forms of times and ids.

use jiff::Timestamp;
use shared::base::clock;

/// Writes a trace id as 32 hexadecimal digits.
pub(super) fn trace_id(id: u128) -> String {
    format!("{id:032x}")
}

/// Writes a span id as 16 hexadecimal digits.
pub(super) fn span_id(id: u64) -> String {
    format!("{id:016x}")
}

/// Formats a Unix time in nanoseconds as RFC 3339 with microseconds.
pub(super) fn rfc3339(nanos: i64) -> String {
    let at = Timestamp::from_nanosecond(nanos.into()).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{at:.6}")
}

/// Formats a Unix time in seconds as `HH:MM` in UTC.
pub(super) fn of_day(second: i64) -> String {
    let text = clock::rfc3339(clock::from_millis(second * 1_000));
    text.get(11..16).unwrap_or_default().to_owned()
}

//! Times and ids as they are written.

use jiff::Timestamp;
use shared::base::clock;

/// A trace's id, 32 hexadecimal digits.
pub(super) fn trace_id(id: u128) -> String {
    format!("{id:032x}")
}

/// A span's id, 16 hexadecimal digits.
pub(super) fn span_id(id: u64) -> String {
    format!("{id:016x}")
}

/// RFC 3339, to the microsecond.
pub(super) fn rfc3339(nanos: i64) -> String {
    let at = Timestamp::from_nanosecond(nanos.into()).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{at:.6}")
}

/// Hours and minutes (UTC), for the person at the terminal.
pub(super) fn of_day(second: i64) -> String {
    let text = clock::rfc3339(clock::from_millis(second * 1_000));
    text.get(11..16).unwrap_or_default().to_owned()
}

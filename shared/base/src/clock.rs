//! The only module that reads the system clock. Code below a handler takes `now` as an
//! argument.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer};

/// Source of the current time. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// Returns the system clock, with the precision of the operating system.
    pub fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the only reader of the system clock"
        )]
        Self(Arc::new(Timestamp::now))
    }

    /// Returns a stopped clock and the [`ManualClock`] that moves it.
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let manual = ManualClock(Arc::new(AtomicI64::new(start.as_millisecond())));
        let reader = manual.clone();
        (Self(Arc::new(move || reader.now())), manual)
    }

    /// Returns the current time in UTC.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

/// Controls a clock created with [`Clock::manual`]. Precise to milliseconds.
#[derive(Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// Returns the time that the clock shows.
    pub fn now(&self) -> Timestamp {
        from_millis(self.0.load(Ordering::SeqCst))
    }

    /// Moves the clock forward by a duration.
    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    /// Sets the clock to a time, which may be in the past.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.as_millisecond(), Ordering::SeqCst);
    }
}

/// Adds `duration` to `at`. Saturates at [`Timestamp::MAX`].
pub fn after(at: Timestamp, duration: Duration) -> Timestamp {
    at.checked_add(duration).unwrap_or(Timestamp::MAX)
}

/// Subtracts `duration` from `at`. Saturates at [`Timestamp::MIN`].
pub fn before(at: Timestamp, duration: Duration) -> Timestamp {
    at.checked_sub(duration).unwrap_or(Timestamp::MIN)
}

/// Rounds `at` down to a multiple of `step` since the Unix epoch. Ignores fractions of a
/// millisecond in `step`.
pub fn floor(at: Timestamp, step: Duration) -> Timestamp {
    let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
    from_millis(at.as_millisecond().div_euclid(step) * step)
}

/// Rounds `at` down to its hour (UTC).
pub fn floor_to_hour(at: Timestamp) -> Timestamp {
    floor(at, Duration::from_secs(60 * 60))
}

/// Returns whether `now` is less than `duration` after `since`. Returns `false` if the
/// clock was set back to before `since`, so that this never extends a time limit.
pub fn is_within(duration: Duration, since: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(since);
    !age.is_negative() && age.unsigned_abs() < duration
}

/// Converts milliseconds since the Unix epoch to a time, clamped to the range of [`Timestamp`].
pub fn from_millis(millis: i64) -> Timestamp {
    let min = Timestamp::MIN.as_millisecond();
    let max = Timestamp::MAX.as_millisecond();
    Timestamp::from_millisecond(millis.clamp(min, max)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Converts seconds since the Unix epoch to a time, clamped to the range of [`Timestamp`].
pub fn from_seconds(seconds: i64) -> Timestamp {
    from_millis(seconds.saturating_mul(1_000))
}

/// Formats a time as in responses: RFC 3339, UTC, with milliseconds.
pub fn rfc3339(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Serializes a time in the format of [`rfc3339`], for `#[serde(serialize_with)]`.
///
/// # Errors
/// Errors of the serializer.
pub fn serialize_rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*at))
}

/// Formats the time of an event: as [`rfc3339`] does, or with nanoseconds if it is not a whole
/// number of milliseconds.
pub fn rfc3339_exact(at: Timestamp) -> String {
    if at.subsec_nanosecond() % 1_000_000 == 0 {
        rfc3339(at)
    } else {
        format!("{at:.9}")
    }
}

/// Serializes a time in the format of [`rfc3339_exact`], for `#[serde(serialize_with)]`.
///
/// # Errors
/// Errors of the serializer.
pub fn serialize_rfc3339_exact<S: Serializer>(
    at: &Timestamp,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339_exact(*at))
}

/// Serializes a time as [`serialize_rfc3339_exact`] does, or null.
///
/// # Errors
/// Errors of the serializer.
pub fn serialize_rfc3339_exact_option<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serialize_rfc3339_exact(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// Serializes a time as [`serialize_rfc3339`] does, or null.
///
/// # Errors
/// Errors of the serializer.
pub fn serialize_rfc3339_option<S: Serializer>(
    at: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serialize_rfc3339(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// Deserializes an RFC 3339 time, for `#[serde(deserialize_with)]`.
///
/// # Errors
/// If the text is not such a time. The message does not quote the text.
pub fn deserialize_rfc3339<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    parsed(&text)
}

/// Deserializes an optional RFC 3339 time, for `#[serde(default, deserialize_with)]`.
///
/// # Errors
/// If the value is neither such a time nor null. The message does not quote an invalid text.
pub fn deserialize_rfc3339_option<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    text.map(|text| parsed(&text)).transpose()
}

fn parsed<E: serde::de::Error>(text: &str) -> Result<Timestamp, E> {
    text.parse().map_err(|_: jiff::Error| {
        let example = "2026-01-31T12:00:00.000Z";
        E::custom(format_args!(
            "must be an RFC 3339 time with an offset, like {example}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_formatted_with_milliseconds() {
        assert_eq!(rfc3339(from_millis(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(
            rfc3339(from_millis(1_700_000_000_123)),
            "2023-11-14T22:13:20.123Z"
        );
    }

    #[test]
    fn a_manual_clock_moves_when_advanced_and_not_by_itself() {
        let (clock, manual) = Clock::manual(from_millis(1_000));
        assert_eq!(clock.now(), clock.now());
        manual.advance(Duration::from_secs(2));
        assert_eq!(clock.now(), from_millis(3_000));
    }

    #[test]
    fn floors_are_multiples_since_the_epoch() {
        let hour = Duration::from_secs(3_600);
        assert_eq!(floor(from_millis(3_600_001), hour), from_millis(3_600_000));
        assert_eq!(floor(from_millis(3_600_000), hour), from_millis(3_600_000));
        assert_eq!(floor(from_millis(-1), hour), from_millis(-3_600_000));
    }

    #[test]
    fn arithmetic_at_the_edge_of_time_does_not_overflow() {
        assert_eq!(
            after(Timestamp::MAX, Duration::from_secs(1)),
            Timestamp::MAX
        );
        assert_eq!(before(Timestamp::MIN, Duration::MAX), Timestamp::MIN);
        assert_eq!(
            from_millis(i64::MAX),
            from_millis(Timestamp::MAX.as_millisecond())
        );
    }
}

//! The clock of DynamoDB, from the `Date` of its responses. Instances of functions may have clocks
//! that differ by hours; whether an hour is sealed must not depend on theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use upblit_base::clock;

/// No response has been received yet.
const UNKNOWN: i64 = i64::MIN;

/// The time of the last response, to the second.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseClock(Arc<AtomicI64>);

impl Default for DatabaseClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(UNKNOWN)))
    }
}

impl DatabaseClock {
    /// Returns the time of the last response, or `otherwise` before the first. Once a request has
    /// called the database, the result is at most a second older than the start of that request.
    pub(crate) fn now_or(&self, otherwise: Timestamp) -> Timestamp {
        match self.0.load(Ordering::Relaxed) {
            UNKNOWN => otherwise,
            seconds => clock::from_seconds(seconds),
        }
    }
}

impl Intercept for DatabaseClock {
    fn name(&self) -> &'static str {
        "DatabaseClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        // Without a valid date, the time of an earlier response stays.
        if let Some(at) = date.and_then(|date| DateTimeParser::new().parse_timestamp(date).ok()) {
            self.0.store(at.as_second(), Ordering::Relaxed);
        }
        Ok(())
    }
}

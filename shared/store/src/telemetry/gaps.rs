//! Stored telemetry that cannot be read: of a form that this release does not know, or damaged.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use upblit_telemetry::chunk::FormError;

/// Hours with telemetry that could not be read during one request.
#[derive(Debug, Default)]
pub struct Gaps(Mutex<BTreeMap<Timestamp, Unreadable>>);

/// An item that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Sort key of the item.
    pub key: String,
    /// Why it cannot be read.
    pub error: FormError,
}

impl Gaps {
    /// Returns the hours by their start, each with the first item that could not be read.
    pub fn hours(&self) -> BTreeMap<Timestamp, Unreadable> {
        let hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hours.clone()
    }

    /// Records that an item of an hour could not be read.
    pub(super) fn record(&self, hour: Timestamp, key: &str, error: FormError) {
        let mut hours = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hours.entry(hour).or_insert_with(|| Unreadable {
            key: key.to_owned(),
            error,
        });
    }
}

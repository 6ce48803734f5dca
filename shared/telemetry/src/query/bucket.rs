//! Buckets of statistics: five minutes wide in a rollup, one step wide in metrics.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chunk::summary::{Minute, Stats};

/// Width of the narrowest bucket, which is that of a [`Rollup`](super::rollup::Rollup).
pub(crate) const FINEST: Duration = Duration::from_secs(300);

/// Statistics of the events that started within one bucket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// Statistics of all events.
    pub all: Stats,
    /// Statistics of the requests to a service.
    pub requests: Stats,
}

impl Bucket {
    /// Adds the events of a minute.
    pub(super) fn add(&mut self, minute: &Minute) {
        self.all.merge(&minute.all);
        self.requests.merge(minute.requests());
    }

    /// Adds the events of another bucket.
    pub(super) fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        self.requests.merge(&other.requests);
    }
}

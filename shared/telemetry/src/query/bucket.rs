//! What is added up of events: by five minutes in a rollup, by a step in metrics.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chunk::head::{Minute, Stats};

/// The narrowest bucket, which a [`Rollup`](super::rollup::Rollup) is made of.
pub const FINEST: Duration = Duration::from_secs(300);

/// What happened in one bucket.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// All events.
    pub all: Stats,
    /// Those that are requests to a service.
    pub requests: Stats,
}

impl Bucket {
    /// Adds the events of a minute.
    pub(super) fn add(&mut self, minute: &Minute) {
        self.all.merge(&minute.all);
        self.requests.merge(minute.requests());
    }

    /// Adds what another bucket holds.
    pub(super) fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        self.requests.merge(&other.requests);
    }
}

//! Buckets of statistics: five minutes wide in a rollup, one step wide in metrics.

use std::time::Duration;

use crate::chunk::bytes::{FormError, Reader};
use crate::chunk::summary::{Minute, Stats};

/// Width of the narrowest bucket, which is that of a [`Rollup`](super::rollup::Rollup).
pub(crate) const FINEST: Duration = Duration::from_secs(300);

/// Number of such buckets in an hour.
pub(super) const SLOTS: u8 = 12;

/// Statistics of the events that started within one bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        self.all.put(out);
        self.requests.put(out);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, FormError> {
        Ok(Self {
            all: Stats::read(reader)?,
            requests: Stats::read(reader)?,
        })
    }
}

//! Sealed hours whose statistics are computed from their summaries.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::telemetry::{Gaps, StoredSummary};
use upblit_telemetry::query::rollup::{ChunkHash, HourRollup};

/// Statistics of sealed hours. Chunks that are stored as late arrivals are not counted.
#[derive(Debug, Default)]
pub struct SealedHours {
    hours: BTreeMap<Timestamp, SealedHour>,
    late: BTreeSet<ChunkHash>,
}

#[derive(Debug, Clone)]
struct SealedHour {
    rollup: HourRollup,
    hashes: BTreeSet<ChunkHash>,
    /// Whether some summaries are of form 2, whose writers leave no late arrivals.
    has_form_2: bool,
    /// Whether it counts no late arrival.
    is_confirmed: bool,
}

impl SealedHours {
    /// Starts without events. `hours` are pairs of an hour and the time at which it expires; `late`
    /// are the late arrivals, read before the summaries.
    pub fn new(
        hours: impl IntoIterator<Item = (Timestamp, Timestamp)>,
        late: BTreeSet<ChunkHash>,
    ) -> Self {
        let hours = hours.into_iter().map(|(hour, expires_at)| {
            let empty = SealedHour {
                rollup: HourRollup::expiring(expires_at),
                hashes: BTreeSet::new(),
                has_form_2: false,
                is_confirmed: false,
            };
            (hour, empty)
        });
        Self {
            hours: hours.collect(),
            late,
        }
    }

    /// Returns whether there are no hours.
    pub fn is_empty(&self) -> bool {
        self.hours.is_empty()
    }

    /// Returns whether this is one of the hours.
    pub fn has(&self, hour: Timestamp) -> bool {
        self.hours.contains_key(&hour)
    }

    /// Adds a summary, if it belongs to one of these hours and is not a late arrival.
    pub fn add(&mut self, stored: &StoredSummary, gaps: &Gaps) {
        let Some(hour) = self.hours.get_mut(&stored.hour()) else {
            return;
        };
        hour.has_form_2 |= stored.is_form_2();
        let hash = stored.position.hash;
        if !self.late.contains(&hash)
            && let Some(summary) = stored.summary(gaps)
        {
            hour.rollup.add(hash, &summary, stored.expires_at);
            hour.hashes.insert(hash);
        }
    }

    /// Returns the hours by their start.
    pub fn rollups(&self) -> impl Iterator<Item = (Timestamp, &HourRollup)> {
        self.hours.iter().map(|(hour, read)| (*hour, &read.rollup))
    }

    /// Returns the hours that have summaries in stored form 2.
    pub(super) fn in_form_2(&self) -> impl Iterator<Item = Timestamp> {
        let hours = self.hours.iter().filter(|(_, read)| read.has_form_2);
        hours.map(|(hour, _)| *hour)
    }

    /// Confirms the hours with the late arrivals that are stored after the summaries were read. A late
    /// arrival is written together with its summary. If it is stored but was not before, it is already
    /// counted in its hour, which is then left for the next reader.
    pub fn confirm(&mut self, late: &BTreeSet<ChunkHash>) {
        for hour in self.hours.values_mut() {
            hour.is_confirmed = hour.hashes.is_disjoint(late);
        }
    }

    /// Returns the hours that may be stored: those that are confirmed, without gaps and without form 2.
    pub(super) fn storable(&self, gaps: &Gaps) -> BTreeMap<Timestamp, HourRollup> {
        let gaps = gaps.hours();
        let is_storable = |(hour, read): &(&Timestamp, &SealedHour)| {
            read.is_confirmed && !read.has_form_2 && !gaps.contains_key(hour)
        };
        let hours = self.hours.iter().filter(is_storable);
        let hours = hours.map(|(hour, read)| (*hour, read.rollup.clone()));
        hours.collect()
    }

    /// Adds hours of the same day that were read separately.
    pub fn extend(&mut self, other: &Self) {
        let hours = other.hours.iter();
        self.hours
            .extend(hours.map(|(hour, read)| (*hour, read.clone())));
    }
}

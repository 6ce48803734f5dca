//! Compares a stored rollup with the summaries that it stands for.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{RollupsOf, SealedHours, StoredDay};
use crate::telemetry::{Gaps, SummaryRange};
use crate::{Database, StorageError};
use upblit_base::clock;
use upblit_identity::application::Shards;
use upblit_telemetry::batch::DAY;
use upblit_telemetry::query::rollup::{ChunkHash, Rollup};
use upblit_telemetry::query::window::TimeWindow;

/// Differences between a day's rollup and its chunk summaries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Number of hours in the rollup.
    pub hours: usize,
    /// Hours whose statistics are not those of their summaries, and hours with data in stored
    /// form 2.
    pub disagreeing: Vec<Timestamp>,
    /// Late arrivals whose chunk has no summary, by the start of the hour and the hash. They count
    /// events that no list shows.
    pub orphans: Vec<(Timestamp, ChunkHash)>,
    /// Whether the rollup or a late arrival cannot be read.
    pub is_unreadable: bool,
}

impl Checked {
    /// Returns whether the rollup and the late arrivals agree with the summaries.
    pub fn agrees(&self) -> bool {
        self.disagreeing.is_empty() && self.orphans.is_empty() && !self.is_unreadable
    }
}

/// What was read of a day, in this order: rollup and late arrivals, then summaries.
struct ReadDay {
    seen: StoredDay,
    hours: SealedHours,
    gaps: Gaps,
    checked: Checked,
}

impl Database {
    /// Compares the rollup of the day that begins at `day` with the summaries in these shards, which
    /// are read with strong consistency: number and XOR of the chunk hashes, and all statistics.
    /// Changes nothing. `now` is the time by the clock of the database.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn check_rollup(
        &self,
        of: RollupsOf,
        shards: Shards,
        day: Timestamp,
        now: Timestamp,
    ) -> Result<Checked, StorageError> {
        Ok(self.read_day(of, shards, day, now).await?.checked)
    }

    /// Like [`check_rollup`](Self::check_rollup), and repairs one kind of what it finds: deletes
    /// orphans, drops hours that cannot be read, or else replaces hours that disagree. Changes nothing
    /// if a reader was faster. Returns what was found before; call it again until that
    /// [agrees](Checked::agrees).
    ///
    /// # Errors
    /// When storage fails.
    pub async fn repair_rollup(
        &self,
        of: RollupsOf,
        shards: Shards,
        day: Timestamp,
        now: Timestamp,
    ) -> Result<Checked, StorageError> {
        let read = self.read_day(of, shards, day, now).await?;
        let ReadDay {
            seen,
            hours,
            gaps,
            checked,
        } = read;
        if !checked.orphans.is_empty() {
            // First, so that they are not folded.
            self.delete_late(of, &checked.orphans).await?;
        } else if checked.is_unreadable {
            if self.replace(of, day, &seen, seen.readable(now)).await? {
                let damaged: Vec<_> = seen.damaged.iter().copied().collect();
                self.delete_late(of, &damaged).await?;
            }
        } else if !checked.disagreeing.is_empty() {
            self.put_sealed_hours(of, day, &seen, &hours, &gaps, now)
                .await?;
        }
        Ok(checked)
    }

    async fn read_day(
        &self,
        of: RollupsOf,
        shards: Shards,
        day: Timestamp,
        now: Timestamp,
    ) -> Result<ReadDay, StorageError> {
        let window = TimeWindow {
            from: day,
            to: clock::after(day, DAY),
        };
        let all = usize::MAX;
        let stored = self.rollups_up_to(all, of, window, now).await?;
        let is_unreadable = !stored.unreadable.is_empty();
        let seen = stored.days.get(&day).cloned().unwrap_or_default();
        let rolled_up = seen.rollup.iter().flat_map(|rollup| &rollup.hours);
        let rolled_up = rolled_up.filter(|(_, hour)| hour.expires_at > now);
        let hours = rolled_up.map(|(hour, rollup)| (*hour, rollup.expires_at));
        let mut hours = SealedHours::new(hours, seen.late_hashes());
        let gaps = Gaps::default();
        let range = SummaryRange {
            application_id: of.application_id,
            signal: of.signal,
            shards: shards.get().into(),
            window,
            before: window.to,
            prior_to: None,
            at_or_after: None,
            now,
            eventual_before: Timestamp::UNIX_EPOCH,
            gaps: &gaps,
        };
        let mut found = BTreeSet::new();
        let add = |summary| {
            hours.add(&summary, &gaps);
            found.insert(summary.position.hash);
            Ok(())
        };
        self.each_summary(&range, usize::MAX, add).await?;
        hours.confirm(&self.late_arrivals(of, window, &stored).await?);
        let mut disagreeing = seen.disagreeing_with(&hours.storable(&gaps));
        disagreeing.extend(hours.in_form_2());
        let unread = gaps.hours();
        let orphans = seen
            .late
            .iter()
            .filter(|late| !found.contains(&late.hash) && !unread.contains_key(&late.hour));
        let checked = Checked {
            hours: hours.rollups().count(),
            disagreeing,
            orphans: orphans.map(|late| (late.hour, late.hash)).collect(),
            is_unreadable,
        };
        Ok(ReadDay {
            seen,
            hours,
            gaps,
            checked,
        })
    }
}

impl StoredDay {
    /// Returns the rollup without the hours whose late arrivals cannot be read.
    fn readable(&self, now: Timestamp) -> Rollup {
        let mut rollup = self.rollup.clone().unwrap_or_else(|| Rollup::empty(now));
        for (hour, _) in &self.damaged {
            rollup.hours.remove(hour);
        }
        rollup
    }
}

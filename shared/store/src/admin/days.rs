//! The telemetry of an application by day: the chunk summaries of all shards, and what the rollups of
//! the day should contain according to them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::pages::Partition;
use crate::attribute::{self, Item};
use crate::keys;
use crate::telemetry::{Gaps, RollupsOf, StoredRollups, StoredSummary, SummaryRow};
use crate::{Database, StorageError, Table};
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_identity::application::MAX_RETENTION_DAYS;
use upblit_telemetry::batch::{DAY, Signal};
use upblit_telemetry::decode::{MAX_AHEAD, MAX_PAST};
use upblit_telemetry::query::rollup::{ChunkHash, HourRollup};
use upblit_telemetry::query::window::TimeWindow;

/// Both signals.
pub(super) const SIGNALS: [Signal; 2] = Signal::ALL;

/// The telemetry of one signal of an application.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) application_id: ApplicationId,
    pub(super) signal: Signal,
    pub(super) shards: u32,
}

/// Returns the UTC days that can have telemetry that is still kept, newest first.
pub(super) fn days(created_at: Timestamp, now: Timestamp) -> impl Iterator<Item = Timestamp> {
    let longest = DAY * u32::from(MAX_RETENTION_DAYS);
    let window = TimeWindow {
        from: clock::before(now, longest).max(clock::before(created_at, MAX_PAST)),
        to: clock::after(now, MAX_AHEAD + Duration::from_millis(1)),
    };
    window.days()
}

impl Scope {
    /// Reads the rollups and late arrivals of a day.
    pub(super) async fn rollups(
        &self,
        database: &Database,
        day: Timestamp,
        now: Timestamp,
    ) -> Result<StoredRollups, StorageError> {
        let window = TimeWindow {
            from: day,
            to: clock::after(day, DAY),
        };
        let of = RollupsOf {
            application_id: self.application_id,
            signal: self.signal,
        };
        let all = usize::MAX;
        database.rollups_up_to(all, of, window, now).await
    }
}

/// The summaries of a day, in the order of their keys.
pub(super) struct Summaries {
    shards: Vec<Shard>,
}

/// The summaries of a shard that were not returned yet.
struct Shard {
    number: u32,
    pages: Partition,
    items: VecDeque<Item>,
}

impl Summaries {
    pub(super) fn of(database: &Database, scope: Scope, day: Timestamp) -> Self {
        let shard = |number| {
            let Scope {
                application_id,
                signal,
                ..
            } = scope;
            let pk = keys::summary_partition(application_id, signal, day, number);
            Shard {
                number,
                pages: Partition::of(database, Table::Telemetry, &pk),
                items: VecDeque::new(),
            }
        };
        Self {
            shards: (0..scope.shards).map(shard).collect(),
        }
    }

    /// Returns the next summary, as an item, with its shard. Summaries with equal sort keys, which
    /// several shards may have, follow each other.
    pub(super) async fn next(&mut self) -> Result<Option<(u32, Item)>, StorageError> {
        try_join_all(self.shards.iter_mut().map(Shard::fill)).await?;
        let filled = self
            .shards
            .iter_mut()
            .filter(|shard| !shard.items.is_empty());
        let first = filled.min_by(|a, b| a.sort_key().cmp(b.sort_key()));
        Ok(first.and_then(|shard| Some((shard.number, shard.items.pop_front()?))))
    }
}

impl Shard {
    async fn fill(&mut self) -> Result<(), StorageError> {
        while self.items.is_empty() {
            match self.pages.next().await? {
                Some(items) => self.items.extend(items),
                None => return Ok(()),
            }
        }
        Ok(())
    }

    fn sort_key(&self) -> &str {
        let sk = self
            .items
            .front()
            .and_then(|item| item.get(keys::SK)?.as_s().ok());
        sk.map_or("", String::as_str)
    }
}

/// Reads a summary from an item. Returns `None` if it cannot be read, which becomes a gap if its hour
/// is known.
pub(super) fn stored(shard: u32, item: Item, gaps: &Gaps) -> Option<StoredSummary> {
    let row: SummaryRow = attribute::from_item(item).ok()?;
    row.stored(shard, gaps)
}

/// What the rollups of a day should contain.
#[derive(Debug, Default)]
pub(super) struct Expected {
    /// Statistics of each hour with summaries.
    pub(super) hours: BTreeMap<Timestamp, HourRollup>,
    /// Hours whose summaries cannot all be read, or are of a form without late arrivals.
    pub(super) unknown: BTreeSet<Timestamp>,
    /// Late arrivals of the day whose summary was found.
    pub(super) late: BTreeSet<ChunkHash>,
}

impl Expected {
    /// Adds a summary that is not in another shard too. `late` are the late arrivals of the day.
    pub(super) fn add(&mut self, stored: &StoredSummary, late: &BTreeSet<ChunkHash>) {
        let hour = stored.hour();
        let hash = stored.position.hash;
        if late.contains(&hash) {
            self.late.insert(hash);
        }
        match stored.summary(&Gaps::default()) {
            Some(summary) if !stored.is_form_2() => {
                self.hours
                    .entry(hour)
                    .or_insert_with(|| HourRollup::expiring(stored.expires_at))
                    .add(hash, &summary, stored.expires_at);
            }
            _ => {
                self.unknown.insert(hour);
            }
        }
    }
}

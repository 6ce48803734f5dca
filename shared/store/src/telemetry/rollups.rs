//! Stored rollups and late arrivals. Both are in one partition for each application and signal:
//! one rollup for each day, and after it the late arrivals of the day.

mod check;
mod deletion;
mod form_2;
mod replace;
mod sealed_hours;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use jiff::Timestamp;
use serde::Deserialize;
use serde_bytes::ByteBuf;

pub use self::check::Checked;
pub(super) use self::deletion::DayOfDeletion;
pub use self::replace::Replaced;
pub use self::sealed_hours::SealedHours;
use super::Unreadable;
use crate::attribute::{self, Item, string};
use crate::error::{failed, throttled};
use crate::keys::RollupSortKey;
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_telemetry::batch::{DAY, Signal};
use upblit_telemetry::chunk::FormError;
use upblit_telemetry::query::rollup::{
    ChunkHash, HourRollup, LateKey, READ_WITHIN, Rollup, decode_late,
};
use upblit_telemetry::query::window::TimeWindow;

/// Maximum number of rollups and late arrivals that one request reads. A sender whose batches are all
/// late leaves more; the older days are then read from their summaries.
const MAX_ITEMS: usize = 20_000;

/// Application and signal that rollups belong to.
#[derive(Debug, Clone, Copy)]
pub struct RollupsOf {
    /// Application that the telemetry belongs to.
    pub application_id: ApplicationId,
    /// Signal of the events.
    pub signal: Signal,
}

/// The rollups and late arrivals of a window.
#[derive(Debug, Default)]
pub struct StoredRollups {
    /// The days that have a rollup or late arrivals, by their start.
    pub days: BTreeMap<Timestamp, StoredDay>,
    /// Rollups and late arrivals that cannot be read, and are computed again.
    pub unreadable: Vec<Unreadable>,
}

/// The rollup of a day as stored, and the late arrivals that it does not contain.
#[derive(Debug, Clone, Default)]
pub struct StoredDay {
    /// The rollup; `None` if there is none, or it cannot be read.
    pub rollup: Option<Rollup>,
    /// Late arrivals of the day.
    pub late: Vec<LateArrival>,
    /// Late arrivals that cannot be read, by hour and hash. The rollups of these hours lack them.
    pub damaged: BTreeSet<LateKey>,
    /// All late arrivals that were read, including those that have expired, by hour and hash.
    exist: BTreeSet<LateKey>,
    /// Those of them that the rollup contains.
    folded: BTreeSet<LateKey>,
    /// The first late arrival that was read, if there are more before it than one request reads.
    unread_until: Option<LateKey>,
    /// Identifies the stored item. `None` if there is none.
    version: Option<String>,
}

/// What a chunk adds to the rollup of its hour.
#[derive(Debug, Clone)]
pub struct LateArrival {
    /// Start of the hour.
    pub hour: Timestamp,
    /// Hash of the chunk.
    pub hash: ChunkHash,
    /// Statistics of the chunk.
    pub rollup: HourRollup,
}

impl StoredRollups {
    /// Reads items of one partition. The late arrivals that a rollup lists are not set apart yet.
    fn of(items: Vec<Item>, now: Timestamp) -> Result<Self, StorageError> {
        let rows: Vec<RollupRow> = attribute::from_items(items)?;
        let mut stored = Self::default();
        for row in rows {
            stored.add(row, now);
        }
        Ok(stored)
    }

    /// The late arrivals of all days.
    pub fn late(&self) -> impl Iterator<Item = &LateArrival> {
        self.days.values().flat_map(|day| &day.late)
    }

    /// Returns whether the rollup of its day lists this late arrival.
    fn has_folded(&self, late: LateKey) -> bool {
        let day = self.days.get(&clock::floor(late.0, DAY));
        let rollup = day.and_then(|day| day.rollup.as_ref());
        rollup.is_some_and(|rollup| rollup.folded.contains_key(&late))
    }

    fn add(&mut self, row: RollupRow, now: Timestamp) {
        let Some(key) = keys::parse_rollup(&row.sk) else {
            return;
        };
        let read = match key {
            RollupSortKey::Day(day) => self.days.entry(day).or_default().add_rollup(day, &row, now),
            RollupSortKey::Late { hour, hash } => {
                let day = clock::floor(hour, DAY);
                let day = self.days.entry(day).or_default();
                day.add_late(hour, hash, &row, now)
            }
        };
        if let Err(error) = read {
            let key = row.sk;
            self.unreadable.push(Unreadable { key, error });
        }
    }
}

impl StoredDay {
    fn late_hashes(&self) -> BTreeSet<ChunkHash> {
        self.late.iter().map(|late| late.hash).collect()
    }

    /// Separates the late arrivals that the rollup contains from the others.
    fn separate_folded(&mut self) {
        let Some(rollup) = &self.rollup else {
            return;
        };
        let is_folded = |key: &LateKey| rollup.folded.contains_key(key);
        let folded = self.exist.iter().filter(|key| is_folded(key));
        self.folded = folded.copied().collect();
        self.late.retain(|late| !is_folded(&(late.hour, late.hash)));
        self.damaged.retain(|key| !is_folded(key));
    }

    /// Returns whether all late arrivals of an hour of the day were read.
    pub fn is_complete(&self, hour: Timestamp) -> bool {
        self.unread_until.is_none_or(|(until, _)| hour > until)
    }

    fn add_rollup(
        &mut self,
        day: Timestamp,
        row: &RollupRow,
        now: Timestamp,
    ) -> Result<(), FormError> {
        self.version.clone_from(&row.v);
        if row.has_expired(now) {
            return Ok(());
        }
        let encoded = row.rollup.as_deref().map_or(&[][..], |bytes| bytes);
        self.rollup = Some(Rollup::decode(encoded, day)?);
        Ok(())
    }

    fn add_late(
        &mut self,
        hour: Timestamp,
        hash: ChunkHash,
        row: &RollupRow,
        now: Timestamp,
    ) -> Result<(), FormError> {
        self.exist.insert((hour, hash));
        if row.has_expired(now) {
            return Ok(());
        }
        let encoded = row.late.as_deref().map_or(&[][..], |bytes| bytes);
        let rollup = decode_late(encoded, clock::from_seconds(row.expires_at));
        let rollup = rollup.inspect_err(|_| {
            self.damaged.insert((hour, hash));
        })?;
        self.late.push(LateArrival { hour, hash, rollup });
        Ok(())
    }
}

impl Database {
    /// Reads the rollups and late arrivals of the days of a window, with one query for each megabyte.
    /// Days are read as a whole, because a rollup lists late arrivals of any hour. What cannot be read
    /// can be computed again.
    ///
    /// The newest are read first, so that late arrivals are read before the rollup of their day: one
    /// that is folded in between is seen twice, and recognized because the rollup lists it. In the
    /// other order it would not be seen at all.
    ///
    /// # Errors
    /// When storage fails, or the reading takes longer than [`READ_WITHIN`].
    pub async fn rollups(
        &self,
        of: RollupsOf,
        window: TimeWindow,
        now: Timestamp,
    ) -> Result<StoredRollups, StorageError> {
        self.rollups_up_to(MAX_ITEMS, of, window, now).await
    }

    /// Like [`rollups`](Self::rollups), but stops reading once it has `most` items, which are the
    /// newest.
    ///
    /// # Errors
    /// As [`rollups`](Self::rollups).
    pub async fn rollups_up_to(
        &self,
        most: usize,
        of: RollupsOf,
        window: TimeWindow,
        now: Timestamp,
    ) -> Result<StoredRollups, StorageError> {
        let began = Instant::now();
        let last = clock::before(window.to, Duration::from_millis(1));
        let days = TimeWindow {
            from: clock::floor(window.from, DAY),
            to: clock::after(clock::floor(last, DAY), DAY),
        };
        let newest_first = self.query_rollups(of, days).scan_index_forward(false);
        let mut items = read_pages(most, newest_first).await?;
        let unread_until = latest_unread(&items).filter(|_| items.len() >= most);
        if let Some((hour, _)) = unread_until {
            items.extend(self.rollup_of(of, clock::floor(hour, DAY)).await?);
        }
        if began.elapsed() > READ_WITHIN {
            return Err(throttled());
        }
        let mut stored = StoredRollups::of(items, now)?;
        if let Some((hour, _)) = unread_until {
            let day = stored.days.entry(clock::floor(hour, DAY)).or_default();
            day.unread_until = unread_until;
        }
        let days = stored.days.values_mut();
        days.for_each(StoredDay::separate_folded);
        Ok(stored)
    }

    /// Reads the item of the rollup of a day. Empty if there is none.
    async fn rollup_of(&self, of: RollupsOf, day: Timestamp) -> Result<Vec<Item>, StorageError> {
        let partition = keys::rollup_partition(of.application_id, of.signal);
        let request = self
            .client
            .query()
            .table_name(&self.tables.telemetry)
            .key_condition_expression("pk = :pk AND sk = :sk")
            .expression_attribute_values(":pk", string(partition))
            .expression_attribute_values(":sk", string(keys::rollup(day)))
            .consistent_read(true);
        read_pages(1, request).await
    }

    /// Reads the hashes of the late arrivals of a window that the rollups in `seen` do not contain.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn late_arrivals(
        &self,
        of: RollupsOf,
        window: TimeWindow,
        seen: &StoredRollups,
    ) -> Result<BTreeSet<ChunkHash>, StorageError> {
        let request = self.query_rollups(of, window);
        let items = read_pages(usize::MAX, request.projection_expression("sk")).await?;
        let keys = items
            .iter()
            .filter_map(|item| item.get(keys::SK)?.as_s().ok());
        let late = keys.filter_map(|sk| match keys::parse_rollup(sk)? {
            RollupSortKey::Late { hour, hash } => Some((hour, hash)),
            RollupSortKey::Day(_) => None,
        });
        let late = late.filter(|late| !seen.has_folded(*late));
        Ok(late.map(|(_, hash)| hash).collect())
    }

    fn query_rollups(&self, of: RollupsOf, window: TimeWindow) -> QueryFluentBuilder {
        let partition = keys::rollup_partition(of.application_id, of.signal);
        self.client
            .query()
            .table_name(&self.tables.telemetry)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", string(partition))
            .expression_attribute_values(":from", string(keys::from_time(window.from)))
            .expression_attribute_values(":to", string(keys::from_time(window.to)))
            .consistent_read(true)
    }
}

/// Returns the key of the last item if that is a late arrival: there may be earlier ones of its day.
fn latest_unread(items: &[Item]) -> Option<LateKey> {
    let sk = items.last()?.get(keys::SK)?.as_s().ok()?;
    match keys::parse_rollup(sk)? {
        RollupSortKey::Late { hour, hash } => Some((hour, hash)),
        RollupSortKey::Day(_) => None,
    }
}

/// Reads the pages of a query until it ends or there are at least `most` items.
async fn read_pages(most: usize, request: QueryFluentBuilder) -> Result<Vec<Item>, StorageError> {
    let mut pages = request.into_paginator().send();
    let mut items = Vec::new();
    while let Some(page) = pages.try_next().await.map_err(failed)? {
        items.extend(page.items.unwrap_or_default());
        if items.len() >= most {
            break;
        }
    }
    Ok(items)
}

#[derive(Deserialize)]
struct RollupRow {
    sk: String,
    v: Option<String>,
    rollup: Option<ByteBuf>,
    late: Option<ByteBuf>,
    expires_at: i64,
}

impl RollupRow {
    fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at <= now.as_second()
    }
}

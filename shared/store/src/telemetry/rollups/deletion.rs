//! What the deletion of events changes in the rollup of a day: their sealed hours are removed from it,
//! and the next reader computes them again.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::Put;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use jiff::Timestamp;

use super::replace::rollup_item;
use super::{RollupsOf, StoredDay, StoredRollups};
use crate::attribute::{self, Item, string};
use crate::error::unwritable;
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_telemetry::batch::DAY;
use upblit_telemetry::query::rollup::{ChunkHash, LateKey, Rollup};

/// The rollup of a day, and some of its late arrivals.
#[derive(Debug)]
pub(in crate::telemetry) struct DayOfDeletion {
    of: RollupsOf,
    day: Timestamp,
    stored: StoredDay,
}

impl DayOfDeletion {
    /// The keys of the rollup of a day, and of late arrivals.
    pub(in crate::telemetry) fn keys(
        of: RollupsOf,
        day: Timestamp,
        late: impl Iterator<Item = LateKey>,
    ) -> Vec<Item> {
        let pk = keys::rollup_partition(of.application_id, of.signal);
        let key = |sk: String| attribute::key([(keys::PK, &pk), (keys::SK, &sk)]);
        let late = late.map(|(hour, hash)| key(keys::late(hour, hash)));
        [key(keys::rollup(day))].into_iter().chain(late).collect()
    }

    /// Reads the items that have the [`keys`](Self::keys).
    ///
    /// # Errors
    /// When an item is corrupt.
    pub(in crate::telemetry) fn of(
        of: RollupsOf,
        day: Timestamp,
        items: Vec<Item>,
        now: Timestamp,
    ) -> Result<Self, StorageError> {
        let mut days = StoredRollups::of(items, now)?.days;
        let mut stored = days.remove(&day).unwrap_or_default();
        stored.separate_folded();
        Ok(Self { of, day, stored })
    }

    /// Whether a late arrival exists that the rollup does not contain.
    pub(in crate::telemetry) fn has_late(&self, hour: Timestamp, hash: ChunkHash) -> bool {
        let late = &self.stored.late;
        late.iter().any(|late| late.hash == hash) || self.stored.damaged.contains(&(hour, hash))
    }

    /// The write of the rollup without these hours, unless another writer has changed it. Also if it does
    /// not have them: a reader that has read their summaries can then no longer store what it computed.
    /// Late arrivals stay listed, because not all of them were read.
    ///
    /// # Errors
    /// When the rollup cannot be encoded, which only a bug can cause.
    pub(in crate::telemetry) fn without(
        &self,
        database: &Database,
        hours: &BTreeSet<Timestamp>,
        now: Timestamp,
    ) -> Result<PutBuilder, StorageError> {
        let stored = self.stored.rollup.clone();
        let mut rollup = stored.unwrap_or_else(|| Rollup::empty(now));
        rollup.hours.retain(|hour, _| !hours.contains(hour));
        let expiries = rollup.hours.values().map(|hour| hour.expires_at);
        // At least until no reader is left that has read it before.
        let expires_at = expiries.fold(clock::after(now, DAY), Timestamp::max);
        let encoded = rollup.encode().map_err(unwritable)?;
        let encoded = encoded.ok_or_else(|| unwritable("a rollup that was smaller before"))?;
        let item = rollup_item(self.of, self.day, &encoded, expires_at);
        let put = Put::builder()
            .table_name(&database.tables.telemetry)
            .set_item(Some(item));
        Ok(match &self.stored.version {
            None => put.condition_expression("attribute_not_exists(v)"),
            Some(version) => put
                .condition_expression("v = :seen")
                .expression_attribute_values(":seen", string(version)),
        })
    }
}

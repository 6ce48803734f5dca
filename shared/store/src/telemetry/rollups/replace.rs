//! Replaces the rollup of a day. Every change of it, also the folding of late arrivals, is one
//! write or one transaction under the condition that the stored rollup is still the one that was
//! read. So nothing is lost or counted twice by concurrent readers, however slow one of them is.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{Delete, Put};
use jiff::Timestamp;

use super::{LateArrival, RollupsOf, SealedHours, StoredDay};
use crate::attribute::{self, string};
use crate::conditional::put_unless_refused;
use crate::error::unwritable;
use crate::telemetry::{Gaps, binary, item};
use crate::transaction::{MAX_TRANSACTION_WRITES, Outcome, Transaction};
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::random;
use upblit_telemetry::batch::DAY;
use upblit_telemetry::query::rollup::{HourRollup, Rollup};

/// Number of late arrivals of a day from which its rollup is rewritten to include them. Each write costs
/// as much as reading many of them; fewer wait until the rollup changes anyway.
const MANY_LATE: usize = 32;

/// Maximum number of late arrivals that one transaction folds.
const MAX_FOLDED: usize = MAX_TRANSACTION_WRITES - 1;

/// Outcome of storing sealed hours.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Hours whose stored statistics were not those of their summaries.
    pub disagreed: Vec<Timestamp>,
    /// Whether the rollup is stored. If not, another reader was faster, or there was nothing to
    /// store.
    pub is_stored: bool,
}

/// A rollup that is about to be stored.
struct Replacement<'a> {
    encoded: Vec<u8>,
    expires_at: Timestamp,
    /// Late arrivals that it contains and that still exist.
    folded: Vec<&'a LateArrival>,
}

impl Database {
    /// Stores sealed hours that were read after `seen`, and [confirmed](SealedHours::confirm), in the
    /// rollup of their day. They replace the hours that it has, and late arrivals are folded into it.
    /// Does nothing if another reader has changed the rollup since. Hours that do not fit into an item
    /// are left to their summaries.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn put_sealed_hours(
        &self,
        of: RollupsOf,
        day: Timestamp,
        seen: &StoredDay,
        read: &SealedHours,
        gaps: &Gaps,
        read_at: Timestamp,
    ) -> Result<Replaced, StorageError> {
        let hours = read.storable(gaps);
        let rollup = seen.with(&hours, read, read_at);
        Ok(Replaced {
            disagreed: seen.disagreeing_with(&hours),
            is_stored: self.replace(of, day, seen, rollup).await?,
        })
    }

    /// Folds late arrivals of a day into its rollup, if there are many of them.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn fold_late_arrivals(
        &self,
        of: RollupsOf,
        day: Timestamp,
        seen: &StoredDay,
    ) -> Result<(), StorageError> {
        let Some(rollup) = &seen.rollup else {
            return Ok(());
        };
        let late = seen.late.iter();
        let foldable = late.filter(|late| rollup.hours.contains_key(&late.hour));
        if foldable.count() < MANY_LATE {
            return Ok(());
        }
        self.replace(of, day, seen, rollup.clone()).await?;
        Ok(())
    }

    /// Stores a rollup, unless it equals the one that was read, or another reader has changed that one.
    pub(super) async fn replace(
        &self,
        of: RollupsOf,
        day: Timestamp,
        seen: &StoredDay,
        rollup: Rollup,
    ) -> Result<bool, StorageError> {
        let Some(new) = seen.replacement(rollup)? else {
            return Ok(false);
        };
        let partition = keys::rollup_partition(of.application_id, of.signal);
        let mut item = item(partition.clone(), keys::rollup(day), new.expires_at);
        item.insert("rollup".to_owned(), binary(&new.encoded));
        let version = random::base62(&mut random::rng(), 16);
        item.insert("v".to_owned(), string(version));
        let table = &self.tables.telemetry;
        let (condition, values) = match &seen.version {
            None => ("attribute_not_exists(v)", None),
            Some(version) => (
                "v = :seen",
                Some([(":seen".to_owned(), string(version))].into()),
            ),
        };
        if new.folded.is_empty() {
            // A transaction would cost twice as much.
            let put = self.client.put_item().table_name(table);
            let put = put
                .set_item(Some(item))
                .condition_expression(condition)
                .set_expression_attribute_values(values);
            return put_unless_refused(put.send().await);
        }
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(item))
            .condition_expression(condition)
            .set_expression_attribute_values(values);
        let mut transaction = Transaction::default();
        transaction.put(put);
        for late in new.folded {
            let sk = keys::late(late.hour, late.hash);
            let key = attribute::key([(keys::PK, &partition), (keys::SK, &sk)]);
            let delete = Delete::builder().table_name(&self.tables.telemetry);
            transaction.delete(delete.set_key(Some(key)));
        }
        // Refused if another reader was faster.
        Ok(transaction.commit(self).await? == Outcome::Committed)
    }
}

impl StoredDay {
    /// The stored rollup with these hours of `read`. Leaves out hours that have expired, and those to
    /// which another release adds events in stored form 2. An hour that was read but cannot be stored
    /// stays as it is.
    fn with(
        &self,
        hours: &BTreeMap<Timestamp, HourRollup>,
        read: &SealedHours,
        read_at: Timestamp,
    ) -> Rollup {
        let in_form_2: BTreeSet<Timestamp> = read.in_form_2().collect();
        let stored = self.rollup.iter().flat_map(|rollup| &rollup.hours);
        let kept = stored
            .filter(|(hour, stored)| stored.expires_at > read_at && !in_form_2.contains(hour));
        let mut all: BTreeMap<_, _> = kept.map(|(hour, stored)| (*hour, stored.clone())).collect();
        let is_read_anew = all.keys().all(|hour| read.has(*hour));
        let oldest = self.rollup.iter().map(|rollup| rollup.read_at);
        let oldest = oldest.filter(|_| !is_read_anew);
        all.extend(hours.clone());
        Rollup {
            read_at: oldest.fold(read_at, Timestamp::min),
            hours: all,
        }
    }

    pub(super) fn disagreeing_with(
        &self,
        hours: &BTreeMap<Timestamp, HourRollup>,
    ) -> Vec<Timestamp> {
        let stored = self.rollup.iter().flat_map(|rollup| &rollup.hours);
        let disagreeing = stored.filter(|(hour, stored)| {
            let read = hours.get(hour);
            read.is_some_and(|read| !read.agrees_with(stored))
        });
        disagreeing.map(|(hour, _)| *hour).collect()
    }

    /// A rollup with as many late arrivals as one transaction can fold, without the hours that do
    /// not fit; `None` if nothing changes.
    fn replacement(&self, rollup: Rollup) -> Result<Option<Replacement<'_>>, StorageError> {
        let mut hours = rollup.hours;
        loop {
            let (folded, rollup) = self.folded(Rollup {
                hours: hours.clone(),
                ..rollup
            });
            if rollup.hours.is_empty() && self.version.is_none() {
                return Ok(None);
            }
            // A rollup without hours stays for a day, because a slow reader may still write the one
            // that was there before.
            let expiries = rollup.hours.values().map(|hour| hour.expires_at);
            let expires_at = expiries.max();
            let expires_at = expires_at.unwrap_or_else(|| clock::after(rollup.read_at, DAY));
            if let Some(encoded) = rollup.encode().map_err(unwritable)? {
                let is_new = self.rollup.as_ref() != Some(&rollup);
                return Ok(is_new.then_some(Replacement {
                    encoded,
                    expires_at,
                    folded,
                }));
            }
            // The hour with fewest chunks is the cheapest to read from its summaries.
            let smallest = hours.iter().min_by_key(|(_, hour)| hour.chunks);
            let Some(smallest) = smallest.map(|(hour, _)| *hour) else {
                return Ok(None);
            };
            hours.remove(&smallest);
        }
    }

    fn folded(&self, mut rollup: Rollup) -> (Vec<&LateArrival>, Rollup) {
        let late = self.late.iter();
        let late = late.filter(|late| rollup.hours.contains_key(&late.hour));
        let folded: Vec<&LateArrival> = late.take(MAX_FOLDED).collect();
        for late in &folded {
            if let Some(hour) = rollup.hours.get_mut(&late.hour) {
                hour.merge(&late.rollup);
            }
        }
        (folded, rollup)
    }
}

//! Replaces the rollup of a day. Every change of it, also the folding of late arrivals, is one
//! write under the condition that the stored rollup is still the one that was read. So nothing is
//! lost or counted twice by concurrent readers, however slow one of them is.
//!
//! A rollup lists the late arrivals that are folded into it. They are deleted afterwards. If that
//! fails, or the response to the write is lost, the next reader that changes the rollup deletes them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;

use super::{RollupsOf, SealedHours, StoredDay};
use crate::attribute::{self, Item, string};
use crate::conditional::put_unless_refused;
use crate::error::{throttled, unwritable};
use crate::telemetry::{Gaps, binary, item};
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::random;
use upblit_telemetry::batch::DAY;
use upblit_telemetry::query::rollup::{DELETED_WITHIN, HourRollup, LateKey, Rollup};

/// Minimum number of late arrivals for which the rollup of a day is rewritten to include them. A write
/// costs as much as reading many of them; fewer wait until the rollup changes anyway.
const MANY_LATE: usize = 32;

/// Maximum number of late arrivals that one write folds. Eight requests delete them.
const MAX_FOLDED: usize = 200;

/// Time after which the deletion of folded late arrivals is tried again.
const DELETED_AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Number of late arrivals in the list of a rollup, some 17 bytes each, at which no more are folded
/// until the list is shorter.
const MAX_LISTED: usize = 1_000;

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
struct Replacement {
    encoded: Vec<u8>,
    expires_at: Timestamp,
    /// Late arrivals that it contains and that are deleted, by hour and hash.
    folded: Vec<LateKey>,
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

    /// Folds late arrivals of a day into its rollup, if there are many of them, or many that were
    /// folded and not deleted.
    ///
    /// # Errors
    /// When storage fails. They may be folded and not deleted then.
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
        let foldable = foldable.count();
        let latest = clock::before(self.now_or(rollup.read_at), DELETED_AGAIN_AFTER);
        let is_worth_it = foldable >= MANY_LATE && rollup.folded.len() < MAX_LISTED;
        let is_overdue = foldable + seen.folded.len() >= MANY_LATE && seen.folded_since() <= latest;
        if !is_worth_it && !is_overdue {
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
        let now = self.now_or(rollup.read_at);
        let Some(new) = seen.replacement(rollup, now)? else {
            return Ok(false);
        };
        let item = rollup_item(of, day, &new.encoded, new.expires_at);
        let put = self.client.put_item().table_name(&self.tables.telemetry);
        let put = put.set_item(Some(item));
        let put = match &seen.version {
            None => put.condition_expression("attribute_not_exists(v)"),
            Some(version) => put
                .condition_expression("v = :seen")
                .expression_attribute_values(":seen", string(version)),
        };
        let put_and_delete = async {
            // Refused if another reader was faster.
            let is_stored = put_unless_refused(put.send().await)?;
            if is_stored {
                self.delete_late(of, &new.folded).await?;
            }
            Ok(is_stored)
        };
        let stored = timeout(DELETED_WITHIN, put_and_delete).await;
        stored.map_err(|_| throttled())?
    }

    /// Deletes late arrivals: orphans, those that cannot be read, or those that a stored rollup lists.
    pub(super) async fn delete_late(
        &self,
        of: RollupsOf,
        late: &[LateKey],
    ) -> Result<(), StorageError> {
        let pk = keys::rollup_partition(of.application_id, of.signal);
        let keys = late.iter().map(|(hour, hash)| {
            let sk = keys::late(*hour, *hash);
            attribute::key([(keys::PK, &pk), (keys::SK, &sk)])
        });
        self.delete_all(&self.tables.telemetry, keys.collect())
            .await
    }
}

/// The item of a rollup, with a new version.
pub(super) fn rollup_item(
    of: RollupsOf,
    day: Timestamp,
    encoded: &[u8],
    expires_at: Timestamp,
) -> Item {
    let partition = keys::rollup_partition(of.application_id, of.signal);
    let mut item = item(partition, keys::rollup(day), expires_at);
    item.insert("rollup".to_owned(), binary(encoded));
    let version = random::base62(&mut random::rng(), 16);
    item.insert("v".to_owned(), string(version));
    item
}

impl StoredDay {
    /// Returns the stored rollup with these hours of `read`. Leaves out hours that have expired, and
    /// those to which another release adds events in stored form 2. An hour that was read but cannot
    /// be stored stays as it is.
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
        let folded = self.rollup.as_ref().map(|rollup| rollup.folded.clone());
        Rollup {
            read_at: oldest.fold(read_at, Timestamp::min),
            hours: all,
            folded: folded.unwrap_or_default(),
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

    /// Returns when the first of the late arrivals that are not deleted yet was folded.
    /// [`Timestamp::MAX`] if there is none.
    fn folded_since(&self) -> Timestamp {
        let listed = self.rollup.as_ref().map(|rollup| &rollup.folded);
        let exist = self.folded.iter();
        let since = exist.filter_map(|late| listed?.get(late).copied());
        since.min().unwrap_or(Timestamp::MAX)
    }

    /// Returns a rollup with as many late arrivals as one write folds, without the hours that do not
    /// fit; `None` if nothing changes.
    fn replacement(
        &self,
        mut rollup: Rollup,
        now: Timestamp,
    ) -> Result<Option<Replacement>, StorageError> {
        // Late arrivals that still exist are listed again below.
        rollup.forget_folded(now, self.unread_until);
        loop {
            let (folded, new) = self.folded_into(rollup.clone(), now);
            if new.hours.is_empty() && self.version.is_none() {
                return Ok(None);
            }
            // A rollup without hours stays for a day, because a slow reader may still write the one
            // that was there before.
            let expiries = new.hours.values().map(|hour| hour.expires_at);
            let expires_at = expiries.max();
            let expires_at = expires_at.unwrap_or_else(|| clock::after(new.read_at, DAY));
            if let Some(encoded) = new.encode().map_err(unwritable)? {
                let is_new = self.rollup.as_ref() != Some(&new);
                return Ok(is_new.then_some(Replacement {
                    encoded,
                    expires_at,
                    folded,
                }));
            }
            // The hour with fewest chunks is the cheapest to read from its summaries.
            let smallest = rollup.hours.iter().min_by_key(|(_, hour)| hour.chunks);
            let Some(smallest) = smallest.map(|(hour, _)| *hour) else {
                return Ok(None);
            };
            rollup.hours.remove(&smallest);
        }
    }

    /// Folds late arrivals into a rollup that replaces the stored one. Returns those to delete, and
    /// the rollup, which lists them.
    fn folded_into(&self, mut rollup: Rollup, now: Timestamp) -> (Vec<LateKey>, Rollup) {
        let mut folded: Vec<_> = self.folded.iter().copied().collect();
        let most = MAX_FOLDED.min(MAX_LISTED.saturating_sub(rollup.folded.len()));
        for late in &self.late {
            if folded.len() >= most {
                break;
            }
            if let Some(hour) = rollup.hours.get_mut(&late.hour) {
                hour.merge(&late.rollup);
                folded.push((late.hour, late.hash));
            }
        }
        let listed = folded.iter().map(|late| (*late, now));
        rollup.folded.extend(listed);
        folded.truncate(MAX_FOLDED);
        (folded, rollup)
    }
}

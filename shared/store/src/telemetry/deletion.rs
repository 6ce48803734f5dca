//! Deletes events of stored chunks, for an owner. A chunk, its summary, its late arrival, the rollup of
//! its day and the audit entry change in one transaction, so that lists and metrics agree after a crash
//! at any point, and each event is counted once.

mod change;

use std::collections::{BTreeSet, HashMap};

use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder};
use jiff::Timestamp;

use self::change::{Change, Copy};
use super::rollups::DayOfDeletion;
use super::{Gaps, RollupsOf, StoredSummary};
use crate::attribute::Item;
use crate::batch_get::MAX_ITEMS;
use crate::transaction::{Outcome, Slot};
use crate::user_transaction::UserTransaction;
use crate::{ChangeError, Database, StorageError, audit, keys};
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_identity::access_token::Principal;
use upblit_identity::audit::{AuditEntry, AuditPosition};
use upblit_identity::team::Right;
use upblit_telemetry::batch::{DAY, Signal};
use upblit_telemetry::deletion::Selection;
use upblit_telemetry::query::rollup::is_sealed;

/// Maximum number of chunks of one transaction. Each takes up to three writes.
const MAX_CHUNKS: usize = 25;

/// Maximum size of the chunks of one transaction before the deletion, in bytes, or of a single chunk.
/// DynamoDB accepts 4 MB, and each chunk is sent up to twice.
const MAX_BYTES: usize = 1024 * 1024;

/// Number of times that a transaction is tried if others change the same items.
const ATTEMPTS: usize = 4;

/// A deletion of events that the signed-in user requests.
#[derive(Debug, Clone, Copy)]
pub struct Deletion<'a> {
    /// User and session that sent the request.
    pub principal: Principal,
    /// Application that the telemetry belongs to.
    pub application_id: ApplicationId,
    /// The events.
    pub selection: &'a Selection,
    /// Audit entry about the request.
    pub entry: &'a AuditEntry,
    /// Where the entry is stored, the same for the whole request.
    pub position: AuditPosition,
    /// Current time.
    pub now: Timestamp,
    /// Collects what cannot be read, and is therefore not deleted.
    pub gaps: &'a Gaps,
}

/// Result of deleting the events of some chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Number of events that were deleted.
    Deleted(usize),
    /// The caller is no longer a member of the application.
    NotAMember,
    /// Others kept changing the same items: try again.
    Overtaken,
}

/// The writes of a transaction that others may refuse.
struct Writes {
    transaction: UserTransaction,
    member: Slot,
}

impl Database {
    /// Whether the caller may delete telemetry now. One transaction with conditions alone.
    ///
    /// # Errors
    /// When the caller's session has ended, the caller is no owner, or storage fails.
    pub async fn may_delete_events(
        &self,
        principal: Principal,
        application_id: ApplicationId,
        now: Timestamp,
    ) -> Result<bool, ChangeError> {
        let mut transaction = UserTransaction::new(self, principal, now);
        let member = transaction.require(self, (principal, application_id), Right::Manage);
        let outcome = transaction.commit(self).await?;
        Ok(!outcome.refused(member))
    }

    /// Deletes the selected events of chunks, in transactions of chunks of one day. If it fails, some of
    /// them may be done; repeat it with the same chunks.
    ///
    /// # Errors
    /// When the caller's session has ended, the caller is no owner, or storage fails.
    pub async fn delete_events(
        &self,
        deletion: &Deletion<'_>,
        signal: Signal,
        chunks: &[StoredSummary],
    ) -> Result<Progress, ChangeError> {
        let mut deleted = 0;
        let mut rest = chunks;
        while !rest.is_empty() {
            let (some, others) = rest.split_at(fitting(rest));
            rest = others;
            match self
                .delete_in_one_transaction(deletion, signal, some)
                .await?
            {
                Progress::Deleted(more) => deleted += more,
                unfinished => return Ok(unfinished),
            }
        }
        Ok(Progress::Deleted(deleted))
    }

    async fn delete_in_one_transaction(
        &self,
        deletion: &Deletion<'_>,
        signal: Signal,
        chunks: &[StoredSummary],
    ) -> Result<Progress, ChangeError> {
        for attempt in 1..=ATTEMPTS {
            // Another deletion may have changed a chunk after its summary was read, so only the last attempt
            // calls a chunk unreadable.
            let gaps = (attempt == ATTEMPTS).then_some(deletion.gaps);
            let tried = self.try_to_delete(deletion, signal, chunks, gaps).await?;
            if tried != Progress::Overtaken {
                return Ok(tried);
            }
        }
        Ok(Progress::Overtaken)
    }

    /// One read and one transaction, which is refused if an item has changed since. Chunks that cannot be read
    /// become gaps; without `gaps`, they end the attempt.
    async fn try_to_delete(
        &self,
        deletion: &Deletion<'_>,
        signal: Signal,
        chunks: &[StoredSummary],
        gaps: Option<&Gaps>,
    ) -> Result<Progress, ChangeError> {
        let torn = Gaps::default();
        let of = RollupsOf {
            application_id: deletion.application_id,
            signal,
        };
        let read = self.read_for_deletion(of, chunks, deletion).await?;
        let mut changes = Vec::new();
        for copy in &read.copies {
            changes.extend(copy.change(deletion.selection, gaps.unwrap_or(&torn))?);
        }
        if !torn.hours().is_empty() {
            return Ok(Progress::Overtaken);
        }
        if changes.is_empty() {
            return Ok(Progress::Deleted(0));
        }
        let deleted = events(&changes);
        let writes = self.writes(deletion, &changes, deleted, &read)?;
        let outcome = writes.transaction.commit(self).await?;
        Ok(if outcome.refused(writes.member) {
            Progress::NotAMember
        } else if outcome == Outcome::Committed {
            Progress::Deleted(deleted)
        } else {
            Progress::Overtaken
        })
    }

    /// Reads chunks, their summaries and late arrivals, and the rollup of their day.
    async fn read_for_deletion(
        &self,
        of: RollupsOf,
        chunks: &[StoredSummary],
        deletion: &Deletion<'_>,
    ) -> Result<ReadForDeletion, StorageError> {
        let day = chunks.first().map(day_of);
        let day = day.unwrap_or_default();
        let late = chunks.iter();
        let late: BTreeSet<_> = late
            .map(|stored| (stored.hour(), stored.position.hash))
            .collect();
        let mut wanted = DayOfDeletion::keys(of, day, late.into_iter());
        let of_rollups = wanted.len();
        for stored in chunks {
            wanted.extend(Copy::keys(of, stored));
        }
        let table = &self.tables.telemetry;
        let items = self.get_all(table, &wanted, MAX_ITEMS).await?;
        let mut items: HashMap<_, _> = items.into_iter().map(|item| (place(&item), item)).collect();
        let mut found = wanted.iter().map(|key| items.remove(&place(key)));
        let of_day = found.by_ref().take(of_rollups).flatten().collect();
        let mut copies = Vec::new();
        for stored in chunks {
            let both = found.next().flatten().zip(found.next().flatten());
            let both = both.map(|(chunk, summary)| Copy::of(of, stored, chunk, summary));
            copies.extend(both.transpose()?.flatten());
        }
        copies.retain(|copy| copy.expires_at() > deletion.now);
        Ok(ReadForDeletion {
            copies,
            day: DayOfDeletion::of(of, day, of_day, deletion.now)?,
        })
    }

    fn writes(
        &self,
        deletion: &Deletion<'_>,
        changes: &[Change<'_>],
        deleted: usize,
        read: &ReadForDeletion,
    ) -> Result<Writes, StorageError> {
        let Deletion { principal, now, .. } = *deletion;
        let mut transaction = UserTransaction::new(self, principal, now);
        let to = (principal, deletion.application_id);
        let member = transaction.require(self, to, Right::Manage);
        let entry = (deletion.entry, deletion.position);
        let writes = &mut transaction.writes;
        writes.update(audit::count_deleted(self, entry, deleted)?);
        let now = self.now_or(now);
        let mut sealed = BTreeSet::new();
        let mut last = None;
        for change in changes {
            writes.put(change.chunk(self));
            writes.put(change.summary(self));
            if is_sealed(change.hour(), now) {
                sealed.insert(change.hour());
                let is_first_copy = last.replace(change.position()) != Some(change.position());
                if is_first_copy && read.day.has_late(change.hour(), change.position().hash) {
                    match change.late(self)? {
                        Late::Put(put) => writes.put(put),
                        Late::Delete(delete) => writes.delete(delete),
                    };
                }
            }
        }
        if !sealed.is_empty() {
            writes.put(read.day.without(self, &sealed, now)?);
        }
        Ok(Writes {
            transaction,
            member,
        })
    }
}

/// What a transaction is based on.
struct ReadForDeletion {
    copies: Vec<Copy>,
    day: DayOfDeletion,
}

/// What becomes of the late arrival of a chunk.
enum Late {
    Put(PutBuilder),
    Delete(DeleteBuilder),
}

/// Number of the first chunks that one transaction takes: of one day and within the bounds.
fn fitting(chunks: &[StoredSummary]) -> usize {
    let mut bytes = 0;
    let first = chunks.first().map(day_of);
    let fitting = chunks.iter().take(MAX_CHUNKS).take_while(|stored| {
        bytes += stored.bytes;
        Some(day_of(stored)) == first && bytes <= MAX_BYTES
    });
    fitting.count().max(1)
}

/// Number of events that changes delete. A batch that is stored in two shards is listed once.
fn events(changes: &[Change<'_>]) -> usize {
    let mut last = None;
    let once = changes
        .iter()
        .filter(|change| last.replace(change.position()) != Some(change.position()));
    once.map(Change::deleted).sum()
}

fn day_of(stored: &StoredSummary) -> Timestamp {
    clock::floor(stored.position.at, DAY)
}

/// Partition and sort key.
fn place(item: &Item) -> (String, String) {
    let text = |name: &str| {
        let value = item.get(name).and_then(|value| value.as_s().ok());
        value.cloned().unwrap_or_default()
    };
    (text(keys::PK), text(keys::SK))
}

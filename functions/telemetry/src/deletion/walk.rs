//! Walks the summaries of chunks that may hold the events to delete, and deletes them.

use shared::access::{Access, UNKNOWN};
use shared::base::random;
use shared::day_limits::Payers;
use shared::identity::access_token::Principal;
use shared::identity::audit::{AuditEntry, AuditPosition};
use shared::store::telemetry::{Deletion, Direction, Progress, StoredSummary, SummaryRange};
use shared::telemetry::batch::Signal;
use shared::telemetry::chunk::Position;
use shared::telemetry::deletion::Selection;
use shared::telemetry::query::cursor::DeletionPosition;
use shared::web::error::Error;

use crate::archive::Archive;

/// Number of queries for summaries of one request, and more for each shard.
const MAX_QUERIES: usize = 40;
const QUERIES_PER_SHARD: usize = 6;

/// Number of summaries that one request reads.
const MAX_SUMMARIES: usize = 4_000;

/// Number of chunks that one request opens or deletes, and their size in bytes.
const MAX_CHUNKS: usize = 100;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Write units that reading as many summaries as a request may costs as much as.
const UNITS_OF_SEARCH: u64 = 100;

/// Write units of a changed chunk beside those of its bytes: its summary and late arrival, and its share of
/// the rollup and the audit entry. Twice, as a transaction takes them.
const UNITS_OF_CHUNK: u64 = 10;

const USED_UP: Error = Error::RateLimited {
    detail: "this day's write units of the application, or of who created it, are used up",
    retry_after: 60,
};

/// One request of a deletion.
pub(super) struct DeletionWalk<'a> {
    state: &'a crate::State,
    principal: Principal,
    selection: &'a Selection,
    entry: &'a AuditEntry,
    position: AuditPosition,
    pub(super) archive: Archive,
    left: Budget,
    payers: Payers,
    /// Number of events that were deleted.
    pub(super) deleted: usize,
}

/// What the request may still do.
struct Budget {
    queries: usize,
    summaries: usize,
    chunks: usize,
    bytes: usize,
}

impl Budget {
    fn has_room_for(&self, stored: &StoredSummary) -> bool {
        // One chunk is below the bound of bytes.
        self.summaries > 0 && self.chunks > 0 && self.bytes >= stored.bytes
    }
}

impl<'a> DeletionWalk<'a> {
    pub(super) fn of<Q>(
        state: &'a crate::State,
        access: &Access<Q>,
        selection: &'a Selection,
        entry: &'a AuditEntry,
    ) -> Self {
        let archive = Archive::of(&access.membership.clone().into(), state);
        let shards: usize = access.membership.application.telemetry.shards.get().into();
        Self {
            state,
            principal: access.principal,
            selection,
            entry,
            position: AuditPosition::generate(entry.at, &mut random::rng()),
            archive,
            left: Budget {
                queries: MAX_QUERIES + QUERIES_PER_SHARD * shards,
                summaries: MAX_SUMMARIES,
                chunks: MAX_CHUNKS,
                bytes: MAX_BYTES,
            },
            payers: Payers {
                application: access.membership.application.id,
                user: access.membership.application.created_by,
            },
            deleted: 0,
        }
    }

    /// Deletes events of these signals, from `start` on, as far as one request may. Returns where the
    /// next request begins; `None` if everything is deleted.
    ///
    /// # Errors
    /// When the caller's session or membership has ended, a quota of the day is used up, others keep
    /// changing the same chunks, or storage fails.
    pub(super) async fn run(
        &mut self,
        signals: &[Signal],
        start: Option<DeletionPosition>,
    ) -> Result<Option<DeletionPosition>, Error> {
        let id = self.archive.application_id;
        let may = self
            .state
            .database
            .may_delete_events(self.principal, id, self.archive.now());
        // Before anything is charged.
        if !may.await? {
            return Err(UNKNOWN);
        }
        self.charge(UNITS_OF_SEARCH).await?;
        let first = start.and_then(|start| signals.iter().position(|s| *s == start.signal));
        let mut before = start.map(|start| start.before);
        for signal in &signals[first.unwrap_or_default()..] {
            let signal = *signal;
            let (chunks, next) = self.find(signal, before.take()).await?;
            self.delete(signal, &chunks).await?;
            if let Some(before) = next {
                return Ok(Some(DeletionPosition { signal, before }));
            }
        }
        Ok(None)
    }

    /// The chunks that may hold selected events, and where to continue if there are more.
    async fn find(
        &mut self,
        signal: Signal,
        before: Option<Position>,
    ) -> Result<(Vec<StoredSummary>, Option<Position>), Error> {
        let range = match self.selection {
            Selection::OfTrace(_) => self.archive.stored(signal, self.archive.ever()),
            Selection::Within(window) => self.archive.stored(signal, *window),
        };
        let range = SummaryRange {
            prior_to: before,
            ..range
        };
        let database = &self.state.database;
        let walk = database.walk(range, Direction::Older, self.left.queries);
        let mut walk = walk.in_large_pages().with_copies();
        let mut chunks = Vec::new();
        let mut next = None;
        while let Some(stored) = walk.next().await? {
            if !self.left.has_room_for(&stored) {
                next = Some(stored.position.next());
                break;
            }
            self.left.summaries -= 1;
            let summary = stored.summary(range.gaps);
            if summary.is_some_and(|summary| self.selection.may_have(&summary)) {
                self.left.chunks -= 1;
                self.left.bytes -= stored.bytes;
                chunks.push(stored.without_summary());
            }
        }
        self.left.queries = walk.queries_left();
        Ok((chunks, next.or(walk.stopped())))
    }

    /// Charges write units to the quotas of the day, as ingest does, so that deletions cannot cost more
    /// than these.
    async fn charge(&self, units: u64) -> Result<(), Error> {
        let charged = self.state.days.charge(self.payers, units, None).await?;
        charged.map(|_| ()).ok_or(USED_UP)
    }

    async fn delete(&mut self, signal: Signal, chunks: &[StoredSummary]) -> Result<(), Error> {
        if chunks.is_empty() {
            return Ok(());
        }
        self.charge(chunks.iter().map(units_of).sum()).await?;
        let deletion = Deletion {
            principal: self.principal,
            application_id: self.archive.application_id,
            selection: self.selection,
            entry: self.entry,
            position: self.position,
            now: self.archive.now(),
            gaps: &self.archive.gaps,
        };
        let database = &self.state.database;
        match database.delete_events(&deletion, signal, chunks).await? {
            Progress::Deleted(events) => {
                self.deleted += events;
                Ok(())
            }
            Progress::NotAMember => Err(UNKNOWN),
            Progress::Overtaken => Err(Error::Unavailable("the chunks keep changing".into())),
        }
    }
}

/// Write units that changing a chunk takes at most, in a transaction.
fn units_of(stored: &StoredSummary) -> u64 {
    2 * (stored.bytes as u64).div_ceil(1024) + UNITS_OF_CHUNK
}

//! Checks the telemetry of an application, day by day: summaries, chunks and rollups agree.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Check, UNREADABLE};
use crate::admin::days::{Expected, SIGNALS, Scope, Summaries, days, stored};
use crate::admin::finding::key_text;
use crate::attribute::Item;
use crate::keys::{self, PK, SK};
use crate::telemetry::{Gaps, StoredRollups, StoredSummary, is_deleted};
use crate::{StorageError, Table};
use upblit_base::ids::ApplicationId;
use upblit_telemetry::query::rollup::ChunkHash;

/// Number of chunks that are read together, at most 350 KB each.
const CHUNKS_AT_ONCE: usize = 20;

/// Number of times that a day is read if its rollups do not agree with its summaries, because
/// telemetry may arrive in between.
const ATTEMPTS: usize = 3;

/// Whether to check the chunks of a day. They do not change, so once is enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunks {
    Check,
    Skip,
}

impl Check<'_> {
    /// Checks the telemetry of an application that is still kept.
    pub(super) async fn telemetry_of(
        &mut self,
        application_id: ApplicationId,
        created_at: Timestamp,
        shards: u32,
    ) -> Result<(), StorageError> {
        for signal in SIGNALS {
            let scope = Scope {
                application_id,
                signal,
                shards,
            };
            for day in days(created_at, self.now) {
                self.day(scope, day).await?;
            }
        }
        Ok(())
    }

    async fn day(&mut self, scope: Scope, day: Timestamp) -> Result<(), StorageError> {
        let mut chunks = Chunks::Check;
        for attempt in 1..=ATTEMPTS {
            // Read before the summaries, so that telemetry that arrives in between is missing here only.
            let rollups = scope.rollups(self.database, day, self.now).await?;
            let late = rollups.late().map(|arrival| arrival.hash).collect();
            let expected = self.summaries(scope, day, &late, chunks).await?;
            chunks = Chunks::Skip;
            let differences = self.differences(&rollups, &expected, &late);
            if differences.is_empty() || attempt == ATTEMPTS {
                self.report(scope, differences, rollups);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Reports what is wrong with the rollups and late arrivals of a day.
    fn report(&mut self, scope: Scope, differences: Vec<(String, String)>, rollups: StoredRollups) {
        let pk = keys::rollup_partition(scope.application_id, scope.signal);
        let unreadable = rollups.unreadable.into_iter();
        let unreadable = unreadable.map(|item| (item.key, item.error.to_string()));
        for (sk, problem) in unreadable.chain(differences) {
            let key = format!("{pk} {sk}");
            self.findings.broken(Table::Telemetry, key, problem);
        }
    }

    /// Reads the summaries of a day, and checks them and their chunks.
    async fn summaries(
        &mut self,
        scope: Scope,
        day: Timestamp,
        late: &BTreeSet<ChunkHash>,
        chunks: Chunks,
    ) -> Result<Expected, StorageError> {
        let mut summaries = Summaries::of(self.database, scope, day);
        let mut expected = Expected::default();
        let mut last: Option<StoredSummary> = None;
        let mut unopened = Vec::new();
        while let Some((shard, item)) = summaries.next().await? {
            let Some(stored) = self.summary(shard, item, chunks, &mut expected) else {
                continue;
            };
            if stored.expires_at <= self.now {
                continue;
            }
            match last.filter(|last| last.position == stored.position) {
                Some(other) => self.copy(scope, &stored, &other, chunks),
                None => expected.add(&stored, late),
            }
            last = Some(stored.clone());
            if chunks == Chunks::Check {
                unopened.push(stored);
            }
            if unopened.len() >= CHUNKS_AT_ONCE {
                self.chunks(scope, std::mem::take(&mut unopened)).await?;
            }
        }
        self.chunks(scope, unopened).await?;
        Ok(expected)
    }

    fn summary(
        &mut self,
        shard: u32,
        item: Item,
        chunks: Chunks,
        expected: &mut Expected,
    ) -> Option<StoredSummary> {
        if is_deleted(&item) {
            return None;
        }
        let key = key_text(&item, &[PK, SK]);
        let gaps = Gaps::default();
        let stored = stored(shard, item, &gaps);
        // Decodes also the part that is not needed to find the chunk.
        let readable = stored.as_ref().and_then(|stored| stored.summary(&gaps));
        if readable.is_none() {
            let unreadable = gaps.hours().into_iter().next();
            expected
                .unknown
                .extend(unreadable.iter().map(|(hour, _)| *hour));
            if chunks == Chunks::Check {
                let problem = unreadable.map(|(_, item)| item.error.to_string());
                let problem = problem.unwrap_or_else(|| UNREADABLE.to_owned());
                self.findings.broken(Table::Telemetry, key, problem);
            }
        }
        stored
    }

    /// Checks a summary that another shard has too: a batch that was sent again after the number of
    /// shards was raised. It counts once.
    fn copy(
        &mut self,
        scope: Scope,
        stored: &StoredSummary,
        other: &StoredSummary,
        chunks: Chunks,
    ) {
        if chunks == Chunks::Skip {
            return;
        }
        let key = summary_key(scope, stored);
        let (here, there) = (stored.count, other.count);
        if here == there {
            let problem = format!("also in shard {}; it counts once", other.shard);
            self.findings.leftover(Table::Telemetry, key, problem);
        } else {
            let problem = format!("has {here} events, but {there} in shard {}", other.shard);
            self.findings.broken(Table::Telemetry, key, problem);
        }
    }
}

/// Returns the partition and sort key of a summary.
pub(super) fn summary_key(scope: Scope, stored: &StoredSummary) -> String {
    let day = stored.position.at;
    let pk = keys::summary_partition(scope.application_id, scope.signal, day, stored.shard);
    format!("{pk} {}", keys::chunk(stored.position))
}

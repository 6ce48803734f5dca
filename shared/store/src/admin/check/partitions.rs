//! Finds items of the Telemetry table that no query reads: items of applications that do not exist, in
//! shards beyond theirs, or with unknown keys. Also finds items that do not expire, and chunks without
//! a summary.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::{Check, ttl};
use crate::admin::finding::key_text;
use crate::admin::pages::Scan;
use crate::admin::telemetry_key::{Chunk, Kind, kind_of};
use crate::attribute::Item;
use crate::batch_get::MAX_ITEMS;
use crate::keys::{PK, SK, TTL};
use crate::{StorageError, Table};
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_identity::application::MAX_RETENTION_DAYS;
use upblit_telemetry::batch::DAY;

/// Age of a chunk's newest event up to which its summary may not be written yet.
const IN_FLIGHT: Duration = Duration::from_secs(5 * 60);

/// Numbers of items of an application that nothing reads.
#[derive(Default)]
struct Unread {
    of_no_application: u64,
    beyond_the_shards: u64,
    highest_shard: u32,
}

impl Check<'_> {
    /// Checks the keys and expiries of the Telemetry table.
    pub(super) async fn telemetry_partitions(&mut self) -> Result<(), StorageError> {
        let mut unread = BTreeMap::<ApplicationId, Unread>::new();
        let attributes = format!("{PK}, {SK}, {TTL}");
        let mut pages = Scan::of(self.database, Table::Telemetry, Some(&attributes));
        while let Some(items) = pages.next().await? {
            let mut chunks = Vec::new();
            for item in items {
                self.items += 1;
                if let Some(chunk) = self.telemetry_item(&item, &mut unread) {
                    chunks.push(chunk);
                }
            }
            for some in chunks.chunks(MAX_ITEMS) {
                self.without_summary(some).await?;
            }
        }
        for (id, unread) in unread {
            self.unread(id, &unread);
        }
        Ok(())
    }

    /// Checks the key and expiry of an item. Returns it if it is a chunk that must have a summary.
    fn telemetry_item(
        &mut self,
        item: &Item,
        unread: &mut BTreeMap<ApplicationId, Unread>,
    ) -> Option<Chunk> {
        let key = key_text(item, &[PK, SK]);
        let expires_at = ttl(item);
        let Some(kind) = kind_of(item) else {
            let problem = "its key is not that of a chunk, summary, rollup or late arrival";
            self.findings.broken(Table::Telemetry, key, problem);
            return None;
        };
        let Some(expires_at) = expires_at else {
            self.findings
                .broken(Table::Telemetry, key, "does not expire");
            return None;
        };
        let id = kind.application_id();
        let Some(shards) = self.shards.get(&id) else {
            if self.deleted.contains(&id) {
                return None;
            }
            unread.entry(id).or_default().of_no_application += 1;
            return None;
        };
        let Kind::Chunk(chunk) = kind else {
            return None;
        };
        if chunk.shard >= *shards {
            let unread = unread.entry(id).or_default();
            unread.beyond_the_shards += 1;
            unread.highest_shard = unread.highest_shard.max(chunk.shard);
        } else if !chunk.may_be_in_its_shard() {
            let problem = "is in a shard that does not follow from its hash";
            self.findings.broken(Table::Telemetry, &key, problem);
        }
        let longest = DAY * u32::from(MAX_RETENTION_DAYS);
        if expires_at > clock::after(chunk.position.at, longest).as_second() {
            let problem = "expires later than the longest retention";
            self.findings.broken(Table::Telemetry, &key, problem);
        }
        let is_old = chunk.position.at < clock::before(self.now, IN_FLIGHT);
        let is_kept = expires_at > self.now.as_second();
        (!chunk.is_summary && is_old && is_kept).then_some(chunk)
    }

    /// Reports chunks without a summary: their batch was not acknowledged, and nothing lists them.
    async fn without_summary(&mut self, chunks: &[Chunk]) -> Result<(), StorageError> {
        let keys: Vec<Item> = chunks.iter().map(Chunk::summary_key).collect();
        let table = &self.database.tables.telemetry;
        let found = self.database.get_all(table, &keys, MAX_ITEMS).await?;
        let found: HashSet<String> = found.iter().map(|item| key_text(item, &[PK, SK])).collect();
        for (key, chunk) in keys.iter().zip(chunks) {
            if !found.contains(&key_text(key, &[PK, SK])) {
                let problem = "a chunk without a summary: its batch was never acknowledged";
                let key = key_text(&chunk.key(), &[PK, SK]);
                self.findings.leftover(Table::Telemetry, key, problem);
            }
        }
        Ok(())
    }

    fn unread(&mut self, id: ApplicationId, unread: &Unread) {
        if unread.of_no_application > 0 {
            let count = unread.of_no_application;
            let problem =
                format!("{count} items of an application that does not exist; they expire");
            self.findings.leftover(Table::Telemetry, id, problem);
        }
        if unread.beyond_the_shards > 0 {
            let problem = format!(
                "{} items are in shards up to {}, which are not read: the application has too few shards",
                unread.beyond_the_shards, unread.highest_shard
            );
            self.findings.broken(Table::Telemetry, id, problem);
        }
    }
}

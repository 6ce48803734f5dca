//! The partitions of an application's telemetry, and their deletion.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::Allowance;
use crate::attribute::{Item, string};
use crate::error::failed;
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_telemetry::batch::{HOUR, Signal};

/// Number of partitions that are queried at the same time.
const MAX_CONCURRENT: usize = 16;

/// Number of items that one query returns, so that few are deleted at the same time.
const PAGE: i32 = 250;

/// One UTC day of an application's telemetry.
pub(super) struct Day {
    pub(super) application_id: ApplicationId,
    pub(super) shards: u8,
    pub(super) day: Timestamp,
}

impl Day {
    /// The partitions of its summaries, and of its chunks, hour by hour. A chunk without a summary, of a
    /// batch that was never acknowledged, is only found there.
    pub(super) fn all(&self) -> Vec<String> {
        let hours = (0..24).map(|hour| clock::after(self.day, HOUR * hour));
        let of_shard = |signal, shard| {
            let summaries = keys::summary_partition(self.application_id, signal, self.day, shard);
            let chunks = hours
                .clone()
                .map(move |hour| keys::chunk_partition(self.application_id, signal, hour, shard));
            chunks.chain([summaries])
        };
        let mut all = Vec::new();
        for signal in Signal::ALL {
            for shard in 0..u32::from(self.shards) {
                all.extend(of_shard(signal, shard));
            }
            all.push(keys::form_2_marks(self.application_id, signal, self.day));
        }
        all
    }
}

impl Database {
    /// Deletes all items of some partitions. Returns whether they are empty; if not, the allowance is
    /// used up.
    pub(super) async fn delete_partitions(
        &self,
        mut partitions: Vec<String>,
        left: &mut Allowance,
    ) -> Result<bool, StorageError> {
        while !partitions.is_empty() {
            if left.queries < partitions.len() {
                left.queries = 0;
            }
            if left.is_used_up() {
                return Ok(false);
            }
            left.queries -= partitions.len();
            let pages = partitions.into_iter().map(|pk| self.keys_in(pk));
            let pages = stream::iter(pages).buffer_unordered(MAX_CONCURRENT);
            let pages: Vec<Page> = pages.try_collect().await?;
            partitions = Vec::new();
            for page in pages {
                if page.keys.is_empty() && !page.has_more {
                    continue;
                }
                if left.items == 0 {
                    partitions.push(page.pk);
                    continue;
                }
                left.items = left.items.saturating_sub(page.keys.len());
                let table = &self.tables.telemetry;
                self.delete_all(table, page.keys).await?;
                partitions.extend(page.has_more.then_some(page.pk));
            }
        }
        Ok(true)
    }

    async fn keys_in(&self, pk: String) -> Result<Page, StorageError> {
        let query = self
            .client
            .query()
            .table_name(&self.tables.telemetry)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", string(&pk))
            .projection_expression("pk, sk")
            .limit(PAGE);
        let output = query.send().await.map_err(failed)?;
        Ok(Page {
            pk,
            keys: output.items.unwrap_or_default(),
            has_more: output.last_evaluated_key.is_some(),
        })
    }
}

/// The first keys of a partition.
struct Page {
    pk: String,
    keys: Vec<Item>,
    has_more: bool,
}

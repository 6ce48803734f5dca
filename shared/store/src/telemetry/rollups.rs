//! Rollups of hours, and dirty markers for events that arrive after an hour was sealed.
//!
//! A reader looks for the rollup before it reads the summaries, and stores a new one only
//! if that has not changed since. A writer stores its dirty marker in the transaction that
//! makes its summaries visible. A rollup therefore covers all summaries, or is replaced by
//! a dirty marker, or does not exist.

use crate::attribute;
use crate::error::{corrupt, failed, unwritable};
use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::Deserialize;
use serde_bytes::ByteBuf;

use super::{FORMAT, binary, expiry, item};
use crate::attribute::{Item, number, string};
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_base::random;
use upblit_telemetry::batch::Signal;
use upblit_telemetry::chunk::PackedChunk;
use upblit_telemetry::query::rollup::Rollup;
use upblit_telemetry::query::window::TimeWindow;

/// Number of queries that run concurrently.
const MAX_CONCURRENT: usize = 8;

/// The stored rollup of an hour.
#[derive(Debug, Clone, PartialEq)]
pub enum StoredRollup {
    /// The rollup of all summaries of the hour.
    Whole(Rollup),
    /// Late events arrived, so the rollup has to be computed again.
    Dirty(DirtyMarker),
}

/// Random value that identifies the last late arrival in an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirtyMarker(String);

/// Outcome of storing a rollup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutRollupOutcome {
    /// The rollup is stored.
    Stored,
    /// Late events arrived in the meantime, or another reader stored a rollup first.
    /// Nothing was written.
    Overtaken,
}

/// The hour of a rollup.
#[derive(Debug, Clone, Copy)]
pub struct RollupKey {
    /// Application that the telemetry belongs to.
    pub application_id: ApplicationId,
    /// Signal of the events.
    pub signal: Signal,
    /// Start of the hour.
    pub hour: Timestamp,
}

impl Database {
    /// Reads the stored rollups of the hours in a window, by start of the hour. One query
    /// for each day.
    ///
    /// # Errors
    /// When storage fails or a rollup is corrupt.
    pub async fn rollups(
        &self,
        application_id: ApplicationId,
        signal: Signal,
        hours: TimeWindow,
        now: Timestamp,
    ) -> Result<BTreeMap<Timestamp, StoredRollup>, StorageError> {
        let days = hours.days().map(async |day| {
            let partition = keys::rollup_partition(application_id, signal, day);
            self.rollups_of_day(partition, hours, now).await
        });
        let read: Vec<_> = stream::iter(days)
            .buffer_unordered(MAX_CONCURRENT)
            .try_collect()
            .await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// Stores the rollup of an hour, unless another dirty marker or a rollup was stored
    /// since `seen` was read.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn put_rollup(
        &self,
        key: RollupKey,
        rollup: &Rollup,
        seen: Option<&DirtyMarker>,
        expires_at: Timestamp,
    ) -> Result<PutRollupOutcome, StorageError> {
        let encoded = rollup.encode().map_err(unwritable)?;
        let mut item = rollup_item(key, expires_at);
        item.insert("sums".to_owned(), binary(&encoded));
        let unchanged = match seen {
            None => "attribute_not_exists(pk) OR #format <> :format",
            Some(_) => "attribute_not_exists(pk) OR #format <> :format OR mark = :mark",
        };
        let request = self.client.put_item().table_name(&self.tables.telemetry);
        let request = request
            .set_item(Some(item))
            .condition_expression(unchanged)
            .expression_attribute_names("#format", "format")
            .expression_attribute_values(":format", number(FORMAT));
        let request = match seen {
            Some(DirtyMarker(seen)) => request.expression_attribute_values(":mark", string(seen)),
            None => request,
        };
        match request.send().await {
            Ok(_) => Ok(PutRollupOutcome::Stored),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => {
                    Ok(PutRollupOutcome::Overtaken)
                }
                _ => Err(failed(error)),
            },
        }
    }

    async fn rollups_of_day(
        &self,
        partition: String,
        hours: TimeWindow,
        now: Timestamp,
    ) -> Result<Vec<(Timestamp, StoredRollup)>, StorageError> {
        let last = clock::before(hours.to, Duration::from_millis(1));
        let request = self
            .client
            .query()
            .table_name(&self.tables.telemetry)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", string(partition))
            .expression_attribute_values(":from", string(keys::rollup(hours.from)))
            .expression_attribute_values(":to", string(keys::rollup(last)))
            .consistent_read(true);
        let items = request.into_paginator().items().send();
        let items: Vec<Item> = items.try_collect().await.map_err(failed)?;
        let rows: Vec<RollupRow> = attribute::from_items(items)?;
        let current = rows
            .into_iter()
            .filter(|row| row.format == FORMAT && row.expires_at > now.as_second());
        current.filter_map(RollupRow::stored).collect()
    }
}

/// The dirty marker for the hour of a chunk that is stored after the hour was sealed.
pub(super) fn dirty_marker(
    application_id: ApplicationId,
    chunk: &PackedChunk,
    retention: Duration,
) -> Item {
    let key = RollupKey {
        application_id,
        signal: chunk.signal,
        hour: chunk.hour,
    };
    let mut item = rollup_item(key, expiry(chunk, retention));
    // Random, unlike everything else in this table: a retry is another arrival, and a
    // reader that looked between the two has to notice it.
    let marker = random::base62(&mut random::rng(), 16);
    item.insert("mark".to_owned(), string(marker));
    item
}

fn rollup_item(key: RollupKey, expires_at: Timestamp) -> Item {
    let partition = keys::rollup_partition(key.application_id, key.signal, key.hour);
    item(partition, keys::rollup(key.hour), expires_at)
}

#[derive(Deserialize)]
struct RollupRow {
    sk: String,
    format: u8,
    sums: Option<ByteBuf>,
    mark: Option<String>,
    expires_at: i64,
}

impl RollupRow {
    fn stored(self) -> Option<Result<(Timestamp, StoredRollup), StorageError>> {
        let hour = keys::parse_rollup(&self.sk)?;
        let stored = match (self.mark, self.sums) {
            (Some(marker), _) => Ok(StoredRollup::Dirty(DirtyMarker(marker))),
            (None, Some(encoded)) => Rollup::decode(&encoded)
                .map(StoredRollup::Whole)
                .map_err(corrupt),
            (None, None) => return None,
        };
        Some(stored.map(|stored| (hour, stored)))
    }
}

//! Stored rollups and late arrivals. Both are in one partition for each application and signal.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;
use serde::Deserialize;
use serde_bytes::ByteBuf;

use super::{FORM, Gaps, Unreadable, binary, item};
use crate::attribute::{self, Item, string};
use crate::error::{failed, unwritable};
use crate::keys::RollupSortKey;
use crate::{Database, StorageError, keys};
use upblit_base::ids::ApplicationId;
use upblit_telemetry::batch::Signal;
use upblit_telemetry::query::rollup::{ChunkHash, HourRollup, Rollup, decode_late};
use upblit_telemetry::query::window::TimeWindow;

/// Number of writes that run concurrently.
const MAX_CONCURRENT: usize = 8;

/// Most rollups and late arrivals that one request reads. A sender whose batches are all late
/// leaves more; the hours beyond are then read from their summaries.
const MAX_ITEMS: usize = 20_000;

/// The rollups and late arrivals of a window.
#[derive(Debug, Default)]
pub struct StoredRollups {
    /// Rollups, of which several may contain the same hour.
    pub rollups: Vec<Rollup>,
    /// Late arrivals, each with the start of its hour and its hash.
    pub late: Vec<(Timestamp, ChunkHash, HourRollup)>,
    /// Rollups that cannot be read, and are computed again.
    pub unreadable: Vec<Unreadable>,
    /// First hour of which not all late arrivals were read; `None` if all were.
    pub incomplete_from: Option<Timestamp>,
}

impl Database {
    /// Reads the rollups and late arrivals of a window that begins and ends with a full hour,
    /// with one query for each megabyte. A rollup that cannot be read is ignored, because it can
    /// be computed again; a late arrival becomes a gap.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn rollups(
        &self,
        application_id: ApplicationId,
        signal: Signal,
        window: TimeWindow,
        now: Timestamp,
        gaps: &Gaps,
    ) -> Result<StoredRollups, StorageError> {
        let request = self.query_rollups(application_id, signal, window);
        let items = read_at_most(MAX_ITEMS, request).await?;
        let is_cut = items.len() >= MAX_ITEMS;
        let rows: Vec<RollupRow> = attribute::from_items(items)?;
        let last = rows.last().filter(|_| is_cut);
        let mut stored = StoredRollups {
            incomplete_from: last.and_then(|row| keys::hour_of_rollup(&row.sk)),
            ..StoredRollups::default()
        };
        for row in rows
            .into_iter()
            .filter(|row| row.expires_at > now.as_second())
        {
            stored.add(row, gaps);
        }
        Ok(stored)
    }

    /// Reads the hashes of the late arrivals of a window.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn late_arrivals(
        &self,
        application_id: ApplicationId,
        signal: Signal,
        window: TimeWindow,
    ) -> Result<BTreeSet<ChunkHash>, StorageError> {
        let request = self.query_rollups(application_id, signal, window);
        let items = read_at_most(usize::MAX, request.projection_expression("sk")).await?;
        let keys = items
            .iter()
            .filter_map(|item| item.get(keys::SK)?.as_s().ok());
        let late = keys.filter_map(|sk| match keys::parse_rollup(sk)? {
            RollupSortKey::Late { hash, .. } => Some(hash),
            RollupSortKey::Rollup => None,
        });
        Ok(late.collect())
    }

    /// Stores a rollup, replacing one with the same first hour. Several readers may write it in any
    /// order, because each rollup names the late arrivals that it contains. An hour that is too
    /// large for an item is not stored.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn put_rollup(
        &self,
        application_id: ApplicationId,
        signal: Signal,
        rollup: Rollup,
        expires_at: Timestamp,
    ) -> Result<(), StorageError> {
        let partition = keys::rollup_partition(application_id, signal);
        let parts = parts(rollup)?
            .into_iter()
            .map(async |(first_hour, encoded)| {
                let sk = keys::rollup(first_hour);
                let mut item = item(partition.clone(), sk, FORM, expires_at);
                item.insert("rollup".to_owned(), binary(&encoded));
                self.put(item).await
            });
        stream::iter(parts)
            .buffer_unordered(MAX_CONCURRENT)
            .try_collect()
            .await
    }

    fn query_rollups(
        &self,
        application_id: ApplicationId,
        signal: Signal,
        window: TimeWindow,
    ) -> QueryFluentBuilder {
        let partition = keys::rollup_partition(application_id, signal);
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

/// Reads the items of a query until there are at least `most`.
async fn read_at_most(most: usize, request: QueryFluentBuilder) -> Result<Vec<Item>, StorageError> {
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

/// The rollup in encoded form, by its first hour. Divided in halves until each part fits into an
/// item.
fn parts(rollup: Rollup) -> Result<Vec<(Timestamp, Vec<u8>)>, StorageError> {
    let Some(first_hour) = rollup.hours.keys().next().copied() else {
        return Ok(Vec::new());
    };
    if let Some(encoded) = rollup.encode().map_err(unwritable)? {
        return Ok(vec![(first_hour, encoded)]);
    }
    let middle = rollup.hours.keys().nth(rollup.hours.len() / 2).copied();
    let Some(middle) = middle.filter(|middle| *middle > first_hour) else {
        // An hour with more than 20,000 late arrivals is not stored. Its summaries are read each
        // time.
        return Ok(Vec::new());
    };
    let mut first = rollup;
    let second = Rollup {
        hours: first.hours.split_off(&middle),
        sealed_at: first.sealed_at,
    };
    let mut all = parts(first)?;
    all.extend(parts(second)?);
    Ok(all)
}

#[derive(Deserialize)]
struct RollupRow {
    sk: String,
    rollup: Option<ByteBuf>,
    late: Option<ByteBuf>,
    expires_at: i64,
}

impl StoredRollups {
    fn add(&mut self, row: RollupRow, gaps: &Gaps) {
        match keys::parse_rollup(&row.sk) {
            Some(RollupSortKey::Rollup) => match row.rollup.as_deref().map(|r| Rollup::decode(r)) {
                Some(Ok(rollup)) => self.rollups.push(rollup),
                Some(Err(error)) => self.unreadable.push(Unreadable { key: row.sk, error }),
                None => {}
            },
            Some(RollupSortKey::Late { hour, hash }) => {
                match decode_late(row.late.as_deref().map_or(&[], |late| late)) {
                    Ok(rollup) => self.late.push((hour, hash, rollup)),
                    Err(error) => gaps.record(hour, &row.sk, error),
                }
            }
            None => {}
        }
    }
}

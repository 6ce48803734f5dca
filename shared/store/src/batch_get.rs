//! Batch reads of items by their keys.

use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures_util::future::try_join_all;

use crate::attribute::Item;
use crate::backoff::{Backoff, Exhausted};
use crate::error::{failed, throttled, unbuildable};
use crate::{Database, StorageError};

/// Maximum number of items in one read: DynamoDB's limit.
pub(crate) const MAX_ITEMS: usize = 100;

impl Database {
    /// Reads the items with these keys, in any order; skips keys without an item. One
    /// consistent read per `most` keys, concurrently.
    ///
    /// # Errors
    /// When storage fails, or keys stay unprocessed after all attempts.
    pub(crate) async fn get_all(
        &self,
        table: &str,
        keys: &[Item],
        most: usize,
    ) -> Result<Vec<Item>, StorageError> {
        self.get_with(table, keys, most, true).await
    }

    /// Like [`Self::get_all`], but reads with eventual consistency, which costs half: the result may
    /// lack writes of the last second or so.
    ///
    /// # Errors
    /// Those of [`Self::get_all`].
    pub(crate) async fn get_eventually(
        &self,
        table: &str,
        keys: &[Item],
        most: usize,
    ) -> Result<Vec<Item>, StorageError> {
        self.get_with(table, keys, most, false).await
    }

    async fn get_with(
        &self,
        table: &str,
        keys: &[Item],
        most: usize,
        is_consistent: bool,
    ) -> Result<Vec<Item>, StorageError> {
        let reads = keys
            .chunks(most)
            .map(|keys| self.get_some(table, keys, is_consistent));
        let read = try_join_all(reads).await?;
        Ok(read.into_iter().flatten().collect())
    }

    async fn get_some(
        &self,
        table: &str,
        keys: &[Item],
        is_consistent: bool,
    ) -> Result<Vec<Item>, StorageError> {
        let mut items = Vec::with_capacity(keys.len());
        let mut wanted = keys.to_vec();
        let mut backoff = Backoff::start();
        loop {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(wanted))
                .consistent_read(is_consistent);
            let request = self.client.batch_get_item();
            let output = request
                .request_items(table, keys.build().map_err(unbuildable)?)
                .send()
                .await
                .map_err(failed)?;
            let read = output.responses.and_then(|mut read| read.remove(table));
            items.extend(read.unwrap_or_default());
            let left = output
                .unprocessed_keys
                .and_then(|mut left| left.remove(table));
            wanted = left.map(|left| left.keys).unwrap_or_default();
            if wanted.is_empty() {
                return Ok(items);
            }
            let paused = backoff.pause().await;
            paused.map_err(|Exhausted| throttled())?;
        }
    }
}

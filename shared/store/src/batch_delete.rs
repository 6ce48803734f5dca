//! Batch deletion of items by their keys.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use futures_util::future::try_join_all;

use crate::attribute::Item;
use crate::backoff::{Backoff, Exhausted};
use crate::error::{failed, throttled, unbuildable};
use crate::{Database, StorageError};

/// Maximum number of items in one request: DynamoDB's limit.
const MAX_DELETIONS: usize = 25;

impl Database {
    /// Deletes the items with these keys; skips keys without an item. One request for each 25,
    /// concurrently.
    ///
    /// # Errors
    /// When storage fails, or keys stay unprocessed after all attempts.
    pub(crate) async fn delete_all(
        &self,
        table: &str,
        keys: Vec<Item>,
    ) -> Result<(), StorageError> {
        let deletions = keys.into_iter().map(|key| {
            let delete = DeleteRequest::builder().set_key(Some(key)).build();
            let delete = delete.map_err(unbuildable)?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        });
        let deletions: Vec<WriteRequest> = deletions.collect::<Result<_, StorageError>>()?;
        let some = deletions.chunks(MAX_DELETIONS);
        try_join_all(some.map(|some| self.delete_some(table, some.to_vec()))).await?;
        Ok(())
    }

    async fn delete_some(
        &self,
        table: &str,
        mut left: Vec<WriteRequest>,
    ) -> Result<(), StorageError> {
        let mut backoff = Backoff::start();
        loop {
            let requests = HashMap::from([(table.to_owned(), left)]);
            let request = self.client.batch_write_item();
            let output = request.set_request_items(Some(requests)).send().await;
            let unprocessed = output.map_err(failed)?.unprocessed_items;
            let unprocessed = unprocessed.and_then(|mut left| left.remove(table));
            left = unprocessed.unwrap_or_default();
            if left.is_empty() {
                return Ok(());
            }
            let paused = backoff.pause().await;
            paused.map_err(|Exhausted| throttled())?;
        }
    }
}

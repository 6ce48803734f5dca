//! Reading many items by their keys.

use crate::error::{failed, throttled, unbuildable};
use aws_sdk_dynamodb::types::KeysAndAttributes;

use crate::attribute::Item;
use crate::{Database, StorageError};

/// Most items of one read: DynamoDB's limit.
const MAX_ITEMS: usize = 100;

impl Database {
    /// The items with these keys, in any order; keys of no item are left out. One
    /// consistent read for every [`MAX_ITEMS`] keys, none for none.
    pub(super) async fn get_all(
        &self,
        table: &str,
        keys: Vec<Item>,
    ) -> Result<Vec<Item>, StorageError> {
        let mut items = Vec::with_capacity(keys.len());
        for keys in keys.chunks(MAX_ITEMS) {
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(keys.to_vec()))
                .consistent_read(true);
            let request = self.client.batch_get_item();
            let output = request
                .request_items(table, keys.build().map_err(unbuildable)?)
                .send()
                .await
                .map_err(failed)?;
            let unprocessed = output.unprocessed_keys();
            if unprocessed.is_some_and(|rest| !rest.is_empty()) {
                return Err(throttled());
            }
            let read = output.responses.and_then(|mut read| read.remove(table));
            items.extend(read.unwrap_or_default());
        }
        Ok(items)
    }
}

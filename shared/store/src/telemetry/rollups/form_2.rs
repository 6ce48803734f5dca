//! Late data of releases that write form 2. They leave no late arrivals, but mark the hour in a
//! partition of its day.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::{RollupsOf, read_pages};
use crate::attribute::string;
use crate::{Database, StorageError, keys};

/// Number of queries that run concurrently.
const MAX_CONCURRENT: usize = 8;

impl Database {
    /// Reads the hours of these days that a release with stored form 2 marked. Their rollups may lack
    /// late data of that release. One query for each day.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn hours_marked_in_form_2(
        &self,
        of: RollupsOf,
        days: impl IntoIterator<Item = Timestamp>,
    ) -> Result<BTreeSet<Timestamp>, StorageError> {
        let queries = days.into_iter().map(|day| {
            let partition = keys::form_2_marks(of.application_id, of.signal, day);
            let request = self
                .client
                .query()
                .table_name(&self.tables.telemetry)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", string(partition))
                .projection_expression("sk")
                .consistent_read(true);
            read_pages(usize::MAX, request)
        });
        let queries: Vec<_> = queries.collect();
        let read: Vec<_> = stream::iter(queries)
            .buffer_unordered(MAX_CONCURRENT)
            .try_collect()
            .await?;
        let items = read.iter().flatten();
        let keys = items.filter_map(|item| item.get(keys::SK)?.as_s().ok());
        Ok(keys.filter_map(|sk| keys::parse_form_2_mark(sk)).collect())
    }
}

//! Items of whole tables and partitions, a page of at most 1 MB at a time.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;

use crate::attribute::{Item, string};
use crate::error::failed;
use crate::{Database, StorageError, Table, keys};

/// The pages of a table.
pub(super) struct Scan {
    request: ScanFluentBuilder,
    next: Next,
}

/// The pages of a partition, or of a part of it.
pub(super) struct Partition {
    request: QueryFluentBuilder,
    next: Next,
}

/// Where the next page begins.
enum Next {
    First,
    After(Item),
    End,
}

impl Next {
    /// Returns the exclusive start key of the next page: `Some(None)` for the first page, `None` if
    /// there is no further page.
    fn take(&mut self) -> Option<Option<Item>> {
        match std::mem::replace(self, Self::End) {
            Self::First => Some(None),
            Self::After(key) => Some(Some(key)),
            Self::End => None,
        }
    }

    fn set(&mut self, last: Option<Item>) {
        if let Some(key) = last {
            *self = Self::After(key);
        }
    }
}

impl Scan {
    /// Reads all items of a table with strong consistency; only their `attributes`, if given.
    pub(super) fn of(database: &Database, table: Table, attributes: Option<&str>) -> Self {
        let request = database
            .client
            .scan()
            .table_name(database.tables.name(table))
            .consistent_read(true)
            .set_projection_expression(attributes.map(str::to_owned));
        Self {
            request,
            next: Next::First,
        }
    }

    /// Reads the next page. Returns `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Item>>, StorageError> {
        let Some(start) = self.next.take() else {
            return Ok(None);
        };
        let request = self.request.clone().set_exclusive_start_key(start);
        let page = request.send().await.map_err(failed)?;
        self.next.set(page.last_evaluated_key);
        Ok(Some(page.items.unwrap_or_default()))
    }
}

impl Partition {
    /// Reads the items of a partition of a table, in the order of their sort keys.
    pub(super) fn of(database: &Database, table: Table, pk: &str) -> Self {
        Self::with(database, table, pk, "#pk = :pk")
    }

    /// Reads the items of a partition of the Applications table whose sort key has this prefix.
    pub(super) fn of_applications(database: &Database, pk: &str, prefix: &str) -> Self {
        let condition = "#pk = :pk AND begins_with(sk, :prefix)";
        let mut partition = Self::with(database, Table::Applications, pk, condition);
        partition.request = partition
            .request
            .expression_attribute_values(":prefix", string(prefix));
        partition
    }

    fn with(database: &Database, table: Table, pk: &str, condition: &str) -> Self {
        let name = match table {
            Table::Users | Table::RefreshTokens => keys::USER_ID,
            Table::Applications | Table::ApiKeys => keys::APPLICATION_ID,
            Table::Telemetry | Table::ShortLived => keys::PK,
        };
        let request = database
            .client
            .query()
            .table_name(database.tables.name(table))
            .key_condition_expression(condition)
            .expression_attribute_names("#pk", name)
            .expression_attribute_values(":pk", string(pk))
            .consistent_read(true);
        Self {
            request,
            next: Next::First,
        }
    }

    /// Reads the next page. Returns `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Item>>, StorageError> {
        let Some(start) = self.next.take() else {
            return Ok(None);
        };
        let request = self.request.clone().set_exclusive_start_key(start);
        let page = request.send().await.map_err(failed)?;
        self.next.set(page.last_evaluated_key);
        Ok(Some(page.items.unwrap_or_default()))
    }
}

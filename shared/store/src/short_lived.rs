//! Rate-limit counters: items of the ShortLived table, one per key and window.

use crate::attribute;
use std::time::Duration;

use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use serde::Deserialize;

use crate::attribute::{Item, number, string};
use crate::conditional::{Written, written};
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::PublicKeyId;
use upblit_identity::rate_limit::{Amount, RateWindow, WINDOW};

/// How long a window's counter is kept after its end.
const KEPT: Duration = Duration::from_secs(10 * 60);

/// Result of a lease, with the total that all instances have leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// The block was leased; the total includes it.
    Granted(Amount),
    /// The block would exceed the quota.
    Refused(Amount),
}

impl Database {
    /// Leases a block of a key's quota. One conditional write.
    ///
    /// If a response is lost, the SDK's retry leases the block twice: fewer requests are
    /// admitted, never more.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn lease(
        &self,
        key: PublicKeyId,
        window: RateWindow,
        block: Amount,
        quota: Amount,
        now: Timestamp,
    ) -> Result<LeaseOutcome, StorageError> {
        let most = quota.minus(block);
        let ttl = clock::after(clock::after(now, WINDOW), KEPT).as_second();
        let result = self
            .client
            .update_item()
            .table_name(&self.tables.short_lived)
            .key(keys::PK, string(keys::rate_limit(key, window)))
            .update_expression(
                "ADD requests :requests, events :events, units :units SET expires_at = :ttl",
            )
            // The release before this one counted no units.
            .condition_expression(
                "attribute_not_exists(pk) OR \
                 (requests <= :most_requests AND events <= :most_events \
                 AND (attribute_not_exists(units) OR units <= :most_units))",
            )
            .expression_attribute_values(":requests", number(block.requests))
            .expression_attribute_values(":events", number(block.events))
            .expression_attribute_values(":units", number(block.units))
            .expression_attribute_values(":most_requests", number(most.requests))
            .expression_attribute_values(":most_events", number(most.events))
            .expression_attribute_values(":most_units", number(most.units))
            .expression_attribute_values(":ttl", number(ttl))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match written(result)? {
            Written::Applied(item) => leased(item).map(LeaseOutcome::Granted),
            Written::Refused(item) => leased(item.unwrap_or_default()).map(LeaseOutcome::Refused),
        }
    }
}

fn leased(item: Item) -> Result<Amount, StorageError> {
    #[derive(Deserialize)]
    struct CounterRow {
        requests: u64,
        events: u64,
        #[serde(default)]
        units: u64,
    }
    let row: CounterRow = attribute::from_item(item)?;
    Ok(Amount {
        requests: row.requests,
        events: row.events,
        units: row.units,
    })
}

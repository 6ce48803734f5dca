//! Counters of quotas: items of the ShortLived table, one per quota and window. The counter of an
//! application also has its usage.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use serde::Deserialize;

use crate::attribute;
use crate::attribute::{Item, number, string};
use crate::conditional::{Written, written};
use crate::{Database, StorageError, keys, usage};
use upblit_base::clock;
use upblit_base::environment::DAY;
use upblit_identity::rate_limit::{Amount, QuotaOf, RateWindow};
use upblit_telemetry::usage::Usage;

/// How long the counter of a minute is kept after its end.
const KEPT: Duration = Duration::from_secs(10 * 60);

/// A block of a quota to lease.
#[derive(Debug, Clone, Copy)]
pub struct Lease {
    /// What the quota belongs to.
    pub of: QuotaOf,
    /// Window of the quota.
    pub window: RateWindow,
    /// What is leased.
    pub block: Amount,
    /// The whole quota.
    pub quota: Amount,
}

/// Result of a lease, with the total that all instances have leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseOutcome {
    /// The block was leased; the total includes it.
    Granted(Amount),
    /// The block would exceed the quota.
    Refused(Amount),
}

impl Database {
    /// Leases a block of a quota, and adds usage to its counter. One conditional write.
    ///
    /// If a response is lost, the SDK's retry leases the block twice: fewer requests are
    /// admitted, never more.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn lease(&self, lease: Lease, usage: &Usage) -> Result<LeaseOutcome, StorageError> {
        let Lease { block, quota, .. } = lease;
        let most = quota.minus(block);
        let (added, request) = usage::added(usage, self.counter(lease.of, lease.window));
        let result = request
            .update_expression(format!(
                "ADD requests :requests, events :events, units :units{added} SET expires_at = :ttl"
            ))
            // Usage may have been added before the first lease. Counters of earlier releases have no
            // units.
            .condition_expression(
                "attribute_not_exists(requests) OR \
                 (requests <= :most_requests AND events <= :most_events \
                 AND (attribute_not_exists(units) OR units <= :most_units))",
            )
            .expression_attribute_values(":requests", number(block.requests))
            .expression_attribute_values(":events", number(block.events))
            .expression_attribute_values(":units", number(block.units))
            .expression_attribute_values(":most_requests", number(most.requests))
            .expression_attribute_values(":most_events", number(most.events))
            .expression_attribute_values(":most_units", number(most.units))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match written(result)? {
            Written::Applied(item) => leased(item).map(LeaseOutcome::Granted),
            Written::Refused(item) => leased(item.unwrap_or_default()).map(LeaseOutcome::Refused),
        }
    }

    /// Begins an update of the counter of a quota. `:ttl` is its expiry.
    pub(crate) fn counter(&self, of: QuotaOf, window: RateWindow) -> UpdateItemFluentBuilder {
        let kept = match of {
            QuotaOf::Key(_) => KEPT,
            QuotaOf::Application(_) => usage::KEPT,
            QuotaOf::User(_) => DAY,
        };
        let ttl = clock::after(window.end(), kept).as_second();
        self.client
            .update_item()
            .table_name(&self.tables.short_lived)
            .key(keys::PK, string(keys::quota(of, window)))
            .expression_attribute_values(":ttl", number(ttl))
    }
}

fn leased(item: Item) -> Result<Amount, StorageError> {
    #[derive(Deserialize)]
    struct CounterRow {
        #[serde(default)]
        requests: u64,
        #[serde(default)]
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

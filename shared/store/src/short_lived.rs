//! Counters of quotas: items of the ShortLived table. Those of an application and a day, for writing
//! and for reading, are one item, which also has its usage; those of a user are another.

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
        let most = lease.quota.minus(lease.block);
        let (added, mut request) = usage::added(usage, self.counter(lease.of, lease.window));
        let mut adds = Vec::new();
        let mut conditions = Vec::new();
        for (name, part) in counters(lease.of) {
            adds.push(format!("{name} :{name}"));
            // Usage, or another quota of the item, may have been counted before the first lease.
            conditions.push(format!(
                "(attribute_not_exists({name}) OR {name} <= :most_{name})"
            ));
            request = request
                .expression_attribute_values(format!(":{name}"), number(part(lease.block)))
                .expression_attribute_values(format!(":most_{name}"), number(part(most)));
        }
        let adds = adds.join(", ");
        let result = request
            .update_expression(format!("ADD {adds}{added} SET expires_at = :ttl"))
            .condition_expression(conditions.join(" AND "))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match written(result)? {
            Written::Applied(item) => leased(lease.of, item).map(LeaseOutcome::Granted),
            Written::Refused(item) => {
                leased(lease.of, item.unwrap_or_default()).map(LeaseOutcome::Refused)
            }
        }
    }

    /// Begins an update of the counter of a quota. `:ttl` is its expiry.
    pub(crate) fn counter(&self, of: QuotaOf, window: RateWindow) -> UpdateItemFluentBuilder {
        let kept = match of {
            QuotaOf::Key(_) => KEPT,
            QuotaOf::Application(_) | QuotaOf::ReadsOfApplication(_) => usage::KEPT,
            QuotaOf::User(_) | QuotaOf::ReadsOfUser(_) | QuotaOf::ReadsOfKeys(_) => DAY,
        };
        let ttl = clock::after(window.end(), kept).as_second();
        self.client
            .update_item()
            .table_name(&self.tables.short_lived)
            .key(keys::PK, string(keys::quota(of, window)))
            .expression_attribute_values(":ttl", number(ttl))
    }
}

/// Name of a stored counter, and the part of an amount that it counts.
type Counter = (&'static str, fn(Amount) -> u64);

/// The stored counters of a quota.
fn counters(of: QuotaOf) -> &'static [Counter] {
    match of {
        QuotaOf::Key(_) | QuotaOf::Application(_) | QuotaOf::User(_) => &[
            ("requests", |amount| amount.requests),
            ("events", |amount| amount.events),
            ("units", |amount| amount.units),
        ],
        QuotaOf::ReadsOfApplication(_) | QuotaOf::ReadsOfUser(_) => {
            &[("read_units", |amount| amount.units)]
        }
        QuotaOf::ReadsOfKeys(_) => &[("key_read_units", |amount| amount.units)],
    }
}

fn leased(of: QuotaOf, item: Item) -> Result<Amount, StorageError> {
    #[derive(Deserialize)]
    struct CounterRow {
        #[serde(default)]
        requests: u64,
        #[serde(default)]
        events: u64,
        #[serde(default)]
        units: u64,
        #[serde(default)]
        read_units: u64,
        #[serde(default)]
        key_read_units: u64,
    }
    let row: CounterRow = attribute::from_item(item)?;
    Ok(match of {
        QuotaOf::Key(_) | QuotaOf::Application(_) | QuotaOf::User(_) => Amount {
            requests: row.requests,
            events: row.events,
            units: row.units,
        },
        QuotaOf::ReadsOfApplication(_) | QuotaOf::ReadsOfUser(_) => {
            Amount::of_units(row.read_units)
        }
        QuotaOf::ReadsOfKeys(_) => Amount::of_units(row.key_read_units),
    })
}

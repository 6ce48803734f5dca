//! Usage of applications, in the counters of their daily quotas: items of the ShortLived table.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::attribute::{self, Item, number};
use crate::batch_get::MAX_ITEMS;
use crate::error::{corrupt, failed};
use crate::{Database, StorageError, keys};
use upblit_base::environment::DAY;
use upblit_base::ids::ApplicationId;
use upblit_identity::rate_limit::{Period, QuotaOf, RateWindow};
use upblit_telemetry::usage::{ReadUsage, SignalUsage, Usage};

/// Maximum number of days whose usage is read at once.
pub const MAX_DAYS: u8 = 35;

/// How long the usage of a day is kept after its end.
pub(crate) const KEPT: Duration = DAY.saturating_mul(MAX_DAYS as u32 + 1);

impl Database {
    /// Adds to the stored usage of an application on a day. One write.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn add_usage(
        &self,
        application: ApplicationId,
        day: Date,
        usage: &Usage,
    ) -> Result<(), StorageError> {
        let begin = day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
        let window = RateWindow::at(Period::Day, begin.unwrap_or(Timestamp::MAX));
        let request = self.counter(QuotaOf::Application(application), window);
        let (added, request) = added(usage, request);
        let added = added.trim_start_matches(", ");
        let expression = format!("ADD {added} SET expires_at = :ttl");
        let request = request.update_expression(expression);
        request.send().await.map_err(failed)?;
        Ok(())
    }

    /// Reads the usage of an application on up to [`MAX_DAYS`] days. Days without any are missing
    /// from the result. One read.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn usage(
        &self,
        application: ApplicationId,
        days: impl Iterator<Item = Date>,
    ) -> Result<BTreeMap<Date, Usage>, StorageError> {
        let items = days.map(|day| keys::usage(application, day));
        let items: Vec<Item> = items.map(|pk| attribute::key([(keys::PK, &pk)])).collect();
        let table = &self.tables.short_lived;
        let found = self.get_all(table, &items, MAX_ITEMS).await?;
        found.into_iter().map(read).collect()
    }
}

/// Returns the parts of an `ADD` expression for usage, each after a comma, and the request with their
/// values.
pub(crate) fn added(
    usage: &Usage,
    mut request: UpdateItemFluentBuilder,
) -> (String, UpdateItemFluentBuilder) {
    let mut expression = String::new();
    for (name, count) in counts(usage) {
        if count != 0 {
            expression.push_str(&format!(", {name} :{name}"));
            request = request.expression_attribute_values(format!(":{name}"), number(count));
        }
    }
    (expression, request)
}

/// Names of the stored counts.
fn counts(usage: &Usage) -> [(&'static str, i64); 9] {
    let Usage {
        traces,
        logs,
        reads,
        refused_for_creator,
    } = usage;
    [
        ("traces_requests", traces.requests),
        ("traces_events", traces.events),
        ("traces_units", traces.units),
        ("logs_requests", logs.requests),
        ("logs_events", logs.events),
        ("logs_units", logs.units),
        ("reads_queries", reads.queries),
        ("reads_units", reads.units),
        ("refused_for_creator", *refused_for_creator),
    ]
}

fn read(item: Item) -> Result<(Date, Usage), StorageError> {
    let row: UsageRow = attribute::from_item(item)?;
    let day = keys::day_of_usage(&row.pk).ok_or_else(|| corrupt(row.pk.as_str()))?;
    let usage = Usage {
        traces: SignalUsage {
            requests: row.traces_requests,
            events: row.traces_events,
            units: row.traces_units,
        },
        logs: SignalUsage {
            requests: row.logs_requests,
            events: row.logs_events,
            units: row.logs_units,
        },
        reads: ReadUsage {
            queries: row.reads_queries,
            units: row.reads_units,
        },
        refused_for_creator: row.refused_for_creator,
    };
    Ok((day, usage))
}

#[derive(Deserialize)]
struct UsageRow {
    pk: String,
    #[serde(default)]
    traces_requests: i64,
    #[serde(default)]
    traces_events: i64,
    #[serde(default)]
    traces_units: i64,
    #[serde(default)]
    logs_requests: i64,
    #[serde(default)]
    logs_events: i64,
    #[serde(default)]
    logs_units: i64,
    #[serde(default)]
    reads_queries: i64,
    #[serde(default)]
    reads_units: i64,
    #[serde(default)]
    refused_for_creator: i64,
}

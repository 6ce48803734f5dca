//! Key health: items of the ShortLived table, one per key and day, to which all instances
//! add their totals.

use crate::error::{corrupt, failed};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::attribute::{self, Item, number, string};
use crate::batch_get::MAX_ITEMS;
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::PublicKeyId;
use upblit_telemetry::key_health::{KeyHealth, LastError};
use upblit_telemetry::reject_reason::RejectReason;

/// Time from the start of the day until its item expires. The item is shown for two days.
const KEPT: Duration = Duration::from_secs(4 * 24 * 60 * 60);

impl Database {
    /// Adds a total to the stored health of a key on a day. One write. The last error, the clock skew
    /// and the quota percentage replace the stored ones, and so may replace those that another
    /// instance saw later.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn add_health(
        &self,
        key: PublicKeyId,
        day: Date,
        sum: &KeyHealth,
    ) -> Result<(), StorageError> {
        let mut added = vec!["accepted :accepted".to_owned()];
        let mut set = vec![
            "since_ms = if_not_exists(since_ms, :since)",
            "last_seen_ms = :seen",
            "expires_at = :ttl",
        ];
        let mut request = self
            .client
            .update_item()
            .table_name(&self.tables.short_lived)
            .key(keys::PK, string(keys::health(key, day)))
            .expression_attribute_values(":accepted", number(sum.accepted))
            .expression_attribute_values(":since", number(sum.since.as_millisecond()))
            .expression_attribute_values(":seen", number(sum.last_seen_at.as_millisecond()))
            .expression_attribute_values(":ttl", number(ttl(day)));
        if sum.truncated != 0 {
            added.push("truncated :truncated".to_owned());
            request = request.expression_attribute_values(":truncated", number(sum.truncated));
        }
        if sum.scrubbed != 0 {
            added.push("scrubbed :scrubbed".to_owned());
            request = request.expression_attribute_values(":scrubbed", number(sum.scrubbed));
        }
        for (position, (reason, count)) in sum.rejected_by.iter().enumerate() {
            added.push(format!("#reason{position} :count{position}"));
            request = request
                .expression_attribute_names(format!("#reason{position}"), reason.as_str())
                .expression_attribute_values(format!(":count{position}"), number(count));
        }
        if let Some(error) = &sum.last_error {
            set.push("last_error = :error");
            let row = attribute::to_attribute_value(ErrorRow::from(error))?;
            request = request.expression_attribute_values(":error", row);
        }
        if let Some(skew) = sum.clock_skew_ms {
            set.push("clock_skew_ms = :skew");
            request = request.expression_attribute_values(":skew", number(skew));
        }
        if let Some(percent) = sum.quota_percent {
            set.push("quota_percent = :percent");
            request = request.expression_attribute_values(":percent", number(percent));
        }
        let expression = format!("ADD {} SET {}", added.join(", "), set.join(", "));
        let request = request.update_expression(expression);
        request.send().await.map_err(failed)?;
        Ok(())
    }

    /// Reads the health of these keys over these days. Keys without requests are missing
    /// from the result. One read for every hundred pairs of key and day.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn health(
        &self,
        of: impl Iterator<Item = PublicKeyId>,
        days: [Date; 2],
    ) -> Result<HashMap<PublicKeyId, KeyHealth>, StorageError> {
        let items = of.flat_map(|key| days.map(|day| keys::health(key, day)));
        let items: Vec<Item> = items.map(|pk| attribute::key([(keys::PK, &pk)])).collect();
        let mut found: HashMap<PublicKeyId, KeyHealth> = HashMap::new();
        let table = &self.tables.short_lived;
        for item in self.get_all(table, &items, MAX_ITEMS).await? {
            let (key, health) = read(&item)?;
            let health = match found.remove(&key) {
                Some(other_day) => other_day.plus(health),
                None => health,
            };
            found.insert(key, health);
        }
        Ok(found)
    }
}

fn ttl(day: Date) -> i64 {
    let begin = day.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    clock::after(begin.unwrap_or(Timestamp::MAX), KEPT).as_second()
}

fn read(item: &Item) -> Result<(PublicKeyId, KeyHealth), StorageError> {
    let HealthRow {
        pk,
        since_ms,
        last_seen_ms,
        accepted,
        truncated,
        scrubbed,
        last_error,
        clock_skew_ms,
        quota_percent,
    } = attribute::from_item(item.clone())?;
    let key = keys::key_of_health(&pk).ok_or_else(|| corrupt(pk.as_str()))?;
    let health = KeyHealth {
        since: clock::from_millis(since_ms),
        last_seen_at: clock::from_millis(last_seen_ms),
        accepted,
        truncated,
        scrubbed,
        rejected_by: rejected_by(item),
        last_error: last_error.map(LastError::from),
        clock_skew_ms,
        quota_percent,
    };
    Ok((key, health))
}

/// Reads the counts by reason. Each reason has its own attribute, because DynamoDB adds only to
/// top-level numbers.
fn rejected_by(item: &Item) -> BTreeMap<RejectReason, i64> {
    let count = |reason: RejectReason| item.get(reason.as_str())?.as_n().ok()?.parse().ok();
    RejectReason::ALL
        .into_iter()
        .filter_map(|reason| Some((reason, count(reason)?)))
        .filter(|(_, count)| *count != 0)
        .collect()
}

#[derive(Deserialize)]
struct HealthRow {
    pk: String,
    since_ms: i64,
    last_seen_ms: i64,
    accepted: i64,
    #[serde(default)]
    truncated: i64,
    #[serde(default)]
    scrubbed: i64,
    #[serde(default)]
    last_error: Option<ErrorRow>,
    #[serde(default)]
    clock_skew_ms: Option<i64>,
    #[serde(default)]
    quota_percent: Option<u8>,
}

#[derive(Serialize, Deserialize)]
struct ErrorRow {
    at_ms: i64,
    reason: RejectReason,
    detail: String,
}

impl From<&LastError> for ErrorRow {
    fn from(error: &LastError) -> Self {
        Self {
            at_ms: error.at.as_millisecond(),
            reason: error.reason,
            detail: error.detail.clone(),
        }
    }
}

impl From<ErrorRow> for LastError {
    fn from(row: ErrorRow) -> Self {
        Self {
            at: clock::from_millis(row.at_ms),
            reason: row.reason,
            detail: row.detail,
        }
    }
}

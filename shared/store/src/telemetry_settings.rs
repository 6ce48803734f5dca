//! The telemetry settings of an application as attributes, on the application and copied
//! to each of its keys. A setting without a value has no attribute.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use crate::attribute::{number, string};
use upblit_identity::application::{RetentionDays, Scrubbing, Shards, TelemetrySettings};

const RETENTION_DAYS: &str = "retention_days";
const SHARD_COUNT: &str = "shard_count";
const SCRUBBING: &str = "scrubbing";

/// The settings of a row, for `#[serde(flatten)]`.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct SettingsRow {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retention_days: Option<RetentionDays>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shard_count: Option<Shards>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scrubbing: Option<Scrubbing>,
}

impl From<TelemetrySettings> for SettingsRow {
    fn from(settings: TelemetrySettings) -> Self {
        Self {
            retention_days: settings.retention,
            shard_count: Some(settings.shards).filter(|shards| *shards != Shards::default()),
            scrubbing: settings.scrubbing,
        }
    }
}

impl From<SettingsRow> for TelemetrySettings {
    fn from(row: SettingsRow) -> Self {
        Self {
            retention: row.retention_days,
            shards: row.shard_count.unwrap_or_default(),
            scrubbing: row.scrubbing,
        }
    }
}

/// Condition that an item has exactly these settings; uses [`values`].
pub(super) fn condition(settings: TelemetrySettings) -> String {
    let conditions = attributes(settings).map(|(name, value)| match value {
        Some(_) => format!("{name} = :{name}"),
        None => format!("attribute_not_exists({name})"),
    });
    conditions.join(" AND ")
}

/// Assignments of these settings, to follow `SET`; uses [`values`]. Settings are never
/// removed, so a setting without a value is not assigned.
pub(super) fn assignments(settings: TelemetrySettings) -> String {
    let set = attributes(settings).into_iter();
    let set = set.filter(|(_, value)| value.is_some());
    set.map(|(name, _)| format!("{name} = :{name}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The values used by [`condition`] and [`assignments`].
pub(super) fn values(settings: TelemetrySettings) -> HashMap<String, AttributeValue> {
    let values = attributes(settings).into_iter();
    values
        .filter_map(|(name, value)| Some((format!(":{name}"), value?)))
        .collect()
}

fn attributes(settings: TelemetrySettings) -> [(&'static str, Option<AttributeValue>); 3] {
    let row = SettingsRow::from(settings);
    [
        (
            RETENTION_DAYS,
            row.retention_days.map(|days| number(days.get())),
        ),
        (
            SHARD_COUNT,
            row.shard_count.map(|shards| number(shards.get())),
        ),
        (
            SCRUBBING,
            row.scrubbing.map(|scrubbing| string(scrubbing.as_str())),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(retention_days: Option<i64>, shards: i64) -> TelemetrySettings {
        TelemetrySettings {
            retention: retention_days.map(|days| days.try_into().unwrap()),
            shards: shards.try_into().unwrap(),
            scrubbing: None,
        }
    }

    #[test]
    fn a_setting_without_a_value_has_no_attribute() {
        let unset = TelemetrySettings::default();
        assert_eq!(
            condition(unset),
            "attribute_not_exists(retention_days) AND attribute_not_exists(shard_count) \
             AND attribute_not_exists(scrubbing)"
        );
        assert!(values(unset).is_empty());
        assert_eq!(
            assignments(settings(Some(7), 1)),
            "retention_days = :retention_days"
        );
        assert_eq!(
            condition(settings(None, 4)),
            "attribute_not_exists(retention_days) AND shard_count = :shard_count \
             AND attribute_not_exists(scrubbing)"
        );
        assert_eq!(values(settings(None, 4))[":shard_count"], number(4));
    }

    #[test]
    fn settings_are_read_back_from_a_row_unchanged() {
        for settings in [
            settings(None, 1),
            settings(Some(90), 16),
            settings(Some(1), 2),
            TelemetrySettings {
                scrubbing: Some(Scrubbing::Off),
                ..settings(None, 1)
            },
            TelemetrySettings {
                scrubbing: Some(Scrubbing::On),
                ..settings(None, 1)
            },
        ] {
            let item: crate::attribute::Item =
                serde_dynamo::to_item(SettingsRow::from(settings)).unwrap();
            let row: SettingsRow = serde_dynamo::from_item(item).unwrap();
            assert_eq!(TelemetrySettings::from(row), settings);
        }
    }
}

//! Counts the keys of an application, for transactions that create or revoke one.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, Update};

use super::{MetaRow, key};
use crate::attribute::{self, Item, number, string};
use crate::{Database, StorageError, keys, telemetry_settings};
use upblit_base::ids::{ApplicationId, UserId};
use upblit_identity::api_key::MAX_KEYS_PER_APPLICATION;
use upblit_identity::application::TelemetrySettings;

/// Why a key could not be added.
pub(crate) enum KeyNotAdded {
    /// The application does not exist.
    Gone,
    /// The application has the maximum number of keys.
    Full,
    /// The application's settings or creator differ from what the key would copy.
    OtherCopy(Copied),
}

/// What a key copies of its application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Its settings.
    pub settings: TelemetrySettings,
    /// Who created it.
    pub creator: UserId,
}

/// How a new key changes the number of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyCount {
    /// There is one key more. Refused at the limit.
    OneMore,
    /// It replaces a key that the same transaction revokes.
    Unchanged,
}

/// Returns the update that counts a new key, if the application has the settings and creator that the
/// key copies. [`KeyNotAdded::read`] reads the reason for a refusal from the item.
pub(crate) fn count_key(
    database: &Database,
    application_id: ApplicationId,
    count: KeyCount,
    copied: Copied,
) -> UpdateBuilder {
    let Copied { settings, creator } = copied;
    let of_settings = telemetry_settings::condition(settings);
    let is_copied = format!("created_by = :creator AND {of_settings}");
    let update = match count {
        KeyCount::OneMore => count_keys(database, application_id, "+")
            .condition_expression(format!("#keys < :max AND {is_copied}"))
            .expression_attribute_values(":max", number(MAX_KEYS_PER_APPLICATION)),
        KeyCount::Unchanged => revise(database, application_id)
            .update_expression("SET revision = revision + :one")
            .condition_expression(format!("attribute_exists(application_id) AND {is_copied}")),
    };
    let values = telemetry_settings::values(settings).into_iter();
    let update = values.fold(update, |update, (name, value)| {
        update.expression_attribute_values(name, value)
    });
    update
        .expression_attribute_values(":creator", string(creator))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

impl KeyNotAdded {
    /// Determines the reason from the item that [`count_key`] was refused with.
    pub(crate) fn read(item: Option<&Item>, count: KeyCount) -> Result<Self, StorageError> {
        let Some(item) = item else {
            return Ok(Self::Gone);
        };
        let meta: MetaRow = attribute::from_item(item.clone())?;
        if count == KeyCount::OneMore && meta.keys >= MAX_KEYS_PER_APPLICATION {
            Ok(Self::Full)
        } else {
            Ok(Self::OtherCopy(Copied {
                settings: meta.telemetry.into(),
                creator: meta.created_by,
            }))
        }
    }
}

/// Returns the update that decrements the key count.
pub(crate) fn remove_key(database: &Database, application_id: ApplicationId) -> UpdateBuilder {
    count_keys(database, application_id, "-")
        .condition_expression("#keys > :zero")
        .expression_attribute_values(":zero", number(0))
}

fn count_keys(database: &Database, application_id: ApplicationId, sign: &str) -> UpdateBuilder {
    revise(database, application_id)
        .update_expression(format!(
            "SET #keys = #keys {sign} :one, revision = revision + :one"
        ))
        .expression_attribute_names("#keys", "keys")
}

/// Begins an update of the application. `:one` is for its revision.
fn revise(database: &Database, application_id: ApplicationId) -> UpdateBuilder {
    Update::builder()
        .table_name(&database.tables.applications)
        .set_key(Some(key(application_id, keys::META)))
        .expression_attribute_values(":one", number(1))
}

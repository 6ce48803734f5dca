//! The Users table: `user_id` → profile.

use crate::attribute;
use crate::error::failed;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{ReturnValuesOnConditionCheckFailure, Update};
use jiff::Timestamp;
use serde::Deserialize;

use crate::attribute::{Item, number, string};
use crate::batch_get::MAX_ITEMS;
use crate::{Database, StorageError, keys};
use upblit_base::ids::UserId;
use upblit_identity::application::MAX_APPLICATIONS_PER_USER;
use upblit_identity::session::MAX_SESSIONS_PER_USER;
use upblit_identity::user::Profile;

#[derive(Deserialize)]
struct UserRow {
    #[serde(flatten)]
    profile: Profile,
}

impl Database {
    /// Reads a user's profile as of the last sign-in. One consistent read.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn user(&self, user_id: UserId) -> Result<Option<Profile>, StorageError> {
        let request = self.client.get_item().table_name(&self.tables.users);
        let item = request
            .key(keys::USER_ID, string(user_id))
            .consistent_read(true)
            .send()
            .await
            .map_err(failed)?
            .item;
        Ok(item
            .map(attribute::from_item::<UserRow>)
            .transpose()?
            .map(|row| row.profile))
    }

    /// Reads the profiles of users, as of their last sign-in. Skips those that do not exist. One
    /// consistent read of up to 100.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn users(&self, ids: &[UserId]) -> Result<Vec<Profile>, StorageError> {
        let keys: Vec<_> = ids
            .iter()
            .map(|id| attribute::key([(keys::USER_ID, id)]))
            .collect();
        let items = self.get_all(&self.tables.users, &keys, MAX_ITEMS).await?;
        let rows: Vec<UserRow> = attribute::from_items(items)?;
        Ok(rows.into_iter().map(|row| row.profile).collect())
    }
}

/// How a sign-in changes the user's session count.
pub(super) enum SessionCount {
    /// Increments the count; refused at the limit.
    OneMore,
    /// Sets the count to the number of live sessions found.
    Exactly(usize),
}

/// Creates the user or updates the profile. Ends a deletion of the account that is not complete.
pub(super) fn upsert(
    database: &Database,
    profile: &Profile,
    now: Timestamp,
    sessions: SessionCount,
) -> UpdateBuilder {
    let update = Update::builder()
        .table_name(&database.tables.users)
        .key(keys::USER_ID, string(profile.user_id))
        .expression_attribute_names("#name", "name")
        .expression_attribute_values(":login", string(&profile.login))
        .expression_attribute_values(":name", string(&profile.name))
        .expression_attribute_values(":avatar", string(&profile.avatar))
        .expression_attribute_values(":email", string(&profile.email))
        .expression_attribute_values(":now", number(now.as_millisecond()));
    let (count, update) = match sessions {
        SessionCount::OneMore => (
            "if_not_exists(sessions, :none) + :one",
            update
                .condition_expression("attribute_not_exists(sessions) OR sessions < :most")
                .expression_attribute_values(":none", number(0))
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":most", number(MAX_SESSIONS_PER_USER)),
        ),
        SessionCount::Exactly(count) => (
            ":count",
            update.expression_attribute_values(":count", number(count)),
        ),
    };
    update.update_expression(format!(
        "SET login = :login, #name = :name, avatar = :avatar, email = :email, \
         last_sign_in_ms = :now, created_ms = if_not_exists(created_ms, :now), sessions = {count} \
         REMOVE deleted_by"
    ))
}

/// Increments the user's application count. Refused at the limit, with the item, and for a
/// missing user, without one.
pub(super) fn add_application(database: &Database, user_id: UserId) -> UpdateBuilder {
    Update::builder()
        .table_name(&database.tables.users)
        .key(keys::USER_ID, string(user_id))
        .update_expression("SET applications = if_not_exists(applications, :none) + :one")
        .condition_expression(
            "attribute_exists(user_id) AND \
             (attribute_not_exists(applications) OR applications < :most)",
        )
        .expression_attribute_values(":none", number(0))
        .expression_attribute_values(":one", number(1))
        .expression_attribute_values(":most", number(MAX_APPLICATIONS_PER_USER))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// Decrements the application count of the user who created an application at this time. Refused
/// without an item if the account is gone, and with one that [`counts`] not if it is gone and back.
pub(super) fn remove_application(
    database: &Database,
    user_id: UserId,
    created_at: Timestamp,
) -> UpdateBuilder {
    Update::builder()
        .table_name(&database.tables.users)
        .key(keys::USER_ID, string(user_id))
        .update_expression("SET applications = applications - :one")
        .condition_expression("applications > :none AND created_ms <= :created")
        .expression_attribute_values(":none", number(0))
        .expression_attribute_values(":one", number(1))
        .expression_attribute_values(":created", number(created_at.as_millisecond()))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// Whether the account that an item is of counts an application that its user created at this time.
/// An account that was deleted and made again does not count those from before.
pub(super) fn counts(item: Option<&Item>, created_at: Timestamp) -> Result<bool, StorageError> {
    #[derive(Deserialize)]
    struct CreatedRow {
        created_ms: i64,
    }
    let Some(item) = item else {
        return Ok(false);
    };
    let account: CreatedRow = attribute::from_item(item.clone())?;
    Ok(account.created_ms <= created_at.as_millisecond())
}

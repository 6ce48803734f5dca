//! The Users table: `user_id` → profile, counters and block.

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
use upblit_identity::session::MAX_SESSIONS_PER_USER;
use upblit_identity::user::Profile;

/// Attribute of a blocked user: when the operator blocked the user, in milliseconds.
pub(crate) const BLOCKED: &str = "blocked_ms";

/// Condition that the user is blocked.
pub(crate) const IS_BLOCKED: &str = "attribute_exists(blocked_ms)";

/// Condition that the user is not blocked. Every sign-in has it.
pub(crate) const IS_NOT_BLOCKED: &str = "attribute_not_exists(blocked_ms)";

/// Returns whether the operator has blocked the user of an item.
pub(crate) fn is_blocked(item: &Item) -> bool {
    item.contains_key(BLOCKED)
}

/// Condition that the item has a profile. The item of a blocked user whose account is deleted has
/// none.
pub(crate) const HAS_PROFILE: &str = "attribute_exists(login)";

/// Returns whether an item has a profile.
pub(crate) fn has_profile(item: &Item) -> bool {
    item.contains_key("login")
}

/// Returns the key of a user's item.
pub(crate) fn user_key(user_id: UserId) -> Item {
    attribute::key([(keys::USER_ID, &user_id)])
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
        item.filter(has_profile)
            .map(attribute::from_item)
            .transpose()
    }

    /// Reads the profiles of users, as of their last sign-in. Skips those that do not exist. One
    /// consistent read per 100 users.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn users(&self, ids: &[UserId]) -> Result<Vec<Profile>, StorageError> {
        let keys: Vec<_> = ids.iter().copied().map(user_key).collect();
        let mut items = self.get_all(&self.tables.users, &keys, MAX_ITEMS).await?;
        items.retain(has_profile);
        attribute::from_items(items)
    }
}

/// How a sign-in changes the user's session count.
pub(super) enum SessionCount {
    /// Increments the count; refused at the limit.
    OneMore,
    /// Sets the count to the number of live sessions found.
    Exactly(usize),
}

/// Creates the user or updates the profile, and ends a deletion of the account that is not complete.
/// At the limit of sessions and for a blocked user the condition fails, and the refusal has the item.
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
    let update = update
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    let (count, update) = match sessions {
        SessionCount::OneMore => (
            "if_not_exists(sessions, :none) + :one",
            update
                .condition_expression(format!(
                    "{IS_NOT_BLOCKED} AND (attribute_not_exists(sessions) OR sessions < :most)"
                ))
                .expression_attribute_values(":none", number(0))
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":most", number(MAX_SESSIONS_PER_USER)),
        ),
        SessionCount::Exactly(count) => (
            ":count",
            update
                .condition_expression(IS_NOT_BLOCKED)
                .expression_attribute_values(":count", number(count)),
        ),
    };
    update.update_expression(format!(
        "SET login = :login, #name = :name, avatar = :avatar, email = :email, \
         last_sign_in_ms = :now, created_ms = if_not_exists(created_ms, :now), sessions = {count} \
         REMOVE deleted_by"
    ))
}

/// Increments the user's application count. The condition fails at `most`, where the refusal has
/// the item, and for a missing user, where it has none.
pub(super) fn add_application(database: &Database, user_id: UserId, most: u32) -> UpdateBuilder {
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
        .expression_attribute_values(":most", number(most))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
}

/// Decrements the application count of the user who created an application at this time. The condition
/// fails if the account was deleted. If the user has signed in again since, the refusal has the item of
/// the new account, for which [`counts`] is `false`.
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

/// Returns whether the account in this item counts an application that its user created at this time.
/// An account that was created again after its deletion does not count earlier applications.
pub(super) fn counts(item: Option<&Item>, created_at: Timestamp) -> Result<bool, StorageError> {
    #[derive(Deserialize)]
    struct CreatedRow {
        created_ms: i64,
    }
    let Some(item) = item.filter(|item| has_profile(item)) else {
        return Ok(false);
    };
    let account: CreatedRow = attribute::from_item(item.clone())?;
    Ok(account.created_ms <= created_at.as_millisecond())
}

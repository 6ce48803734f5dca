//! Members and invites of an application: `member#…` and `invite#…` in its partition of the
//! Applications table.
//!
//! A change of members counts them in the application itself and raises its `revision`. A change that
//! depends on a list of members or invites reads the revision before the list, and its transaction
//! requires that it is the same.

mod invites;
mod members;

use aws_sdk_dynamodb::types::Delete;
use aws_sdk_dynamodb::types::builders::DeleteBuilder;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::applications::key;
use crate::attribute::{self, string};
use crate::error::failed;
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::{ApplicationId, UserId};
use upblit_identity::team::{Member, Role};

pub(crate) use invites::InviteRow;
pub use invites::{AcceptOutcome, InviteOutcome, OpenInvite, WithdrawOutcome};
pub use members::MemberOutcome;

/// A membership. Only these items have `user_id`, the partition key of the index.
#[derive(Serialize, Deserialize)]
pub(crate) struct MemberRow {
    pub(crate) application_id: ApplicationId,
    pub(crate) sk: String,
    pub(crate) user_id: UserId,
    pub(crate) role: Role,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) joined_ms: Option<i64>,
}

impl From<MemberRow> for Member {
    fn from(row: MemberRow) -> Self {
        Self {
            user_id: row.user_id,
            role: row.role,
            joined_at: row.joined_ms.map(clock::from_millis),
        }
    }
}

#[derive(Deserialize)]
struct SortKey {
    sk: String,
}

impl Database {
    /// Reads the members of an application, in no particular order. One consistent query.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn members(&self, id: ApplicationId) -> Result<Vec<Member>, StorageError> {
        let rows: Vec<MemberRow> = self.team_rows(id, keys::MEMBER_PREFIX).await?;
        Ok(rows.into_iter().map(Member::from).collect())
    }

    /// Returns the deletions of all members and invites of an application. The deletion of `owner`
    /// requires that this user is an owner.
    pub(crate) async fn team_deletions(
        &self,
        id: ApplicationId,
        owner: UserId,
    ) -> Result<Vec<DeleteBuilder>, StorageError> {
        let delete = |sk: &str| {
            Delete::builder()
                .table_name(&self.tables.applications)
                .set_key(Some(key(id, sk)))
        };
        let own = delete(&keys::member(owner))
            .condition_expression("#role = :owner")
            .expression_attribute_names("#role", "role")
            .expression_attribute_values(":owner", string("owner"));
        let own_sk = keys::member(owner);
        let rows = self.team_keys(id).await?.into_iter();
        let others = rows.filter(|row| row.sk != own_sk);
        let others = others.map(|row| delete(&row.sk));
        Ok(std::iter::once(own).chain(others).collect())
    }

    /// Reads the sort keys of all invites and members, which are adjacent. One consistent query.
    async fn team_keys(&self, id: ApplicationId) -> Result<Vec<SortKey>, StorageError> {
        let pages = self
            .client
            .query()
            .table_name(&self.tables.applications)
            .key_condition_expression("application_id = :application AND sk BETWEEN :from AND :to")
            .projection_expression("sk")
            .expression_attribute_values(":application", string(id))
            .expression_attribute_values(":from", string(keys::INVITE_PREFIX))
            .expression_attribute_values(":to", string(keys::AFTER_MEMBERS))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        attribute::from_items(pages.try_collect().await.map_err(failed)?)
    }

    /// Reads the rows whose sort key has this prefix. One consistent query.
    async fn team_rows<Row: DeserializeOwned>(
        &self,
        id: ApplicationId,
        prefix: &str,
    ) -> Result<Vec<Row>, StorageError> {
        let pages = self
            .client
            .query()
            .table_name(&self.tables.applications)
            .key_condition_expression("application_id = :application AND begins_with(sk, :prefix)")
            .expression_attribute_values(":application", string(id))
            .expression_attribute_values(":prefix", string(prefix))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        attribute::from_items(pages.try_collect().await.map_err(failed)?)
    }
}

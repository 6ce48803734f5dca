//! Pages of what is stored about a user.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;

use crate::applications::{Membership, MetaRow, key};
use crate::attribute::{self, Item, string};
use crate::batch_get::MAX_ITEMS;
use crate::error::{corrupt, failed};
use crate::refresh_tokens::{self, session_from};
use crate::team::MemberRow;
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::{ApplicationId, SessionId, UserId};
use upblit_identity::session::Session;
use upblit_identity::user::Profile;

/// Number of sessions in a page.
const SESSIONS: i32 = 200;

/// Number of memberships in a page: an application and a membership are read for each.
const MEMBERSHIPS: i32 = 50;

/// A user's profile, and when the account was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProfile {
    /// Profile as of the last sign-in.
    pub profile: Profile,
    /// Time of the first sign-in.
    pub created_at: Timestamp,
    /// Time of the last sign-in.
    pub last_sign_in_at: Timestamp,
}

/// A membership, with the time when it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMembership {
    /// The application, and the role of the user.
    pub membership: Membership,
    /// Time when the user joined, or created the application. `None` if it was not recorded.
    pub joined_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct ProfileRow {
    #[serde(flatten)]
    profile: Profile,
    created_ms: i64,
    last_sign_in_ms: i64,
}

impl Database {
    /// Reads a user's profile with its times. One consistent read.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn stored_profile(
        &self,
        user_id: UserId,
    ) -> Result<Option<StoredProfile>, StorageError> {
        let keys = [attribute::key([(keys::USER_ID, &user_id)])];
        let items = self.get_all(&self.tables.users, &keys, 1).await?;
        let row = items.into_iter().next();
        let row: Option<ProfileRow> = row.map(attribute::from_item).transpose()?;
        Ok(row.map(|row| StoredProfile {
            profile: row.profile,
            created_at: clock::from_millis(row.created_ms),
            last_sign_in_at: clock::from_millis(row.last_sign_in_ms),
        }))
    }

    /// Reads up to 200 sessions, including those that have ended, and returns where the next page begins.
    /// One consistent query.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn stored_sessions(
        &self,
        user_id: UserId,
        after: Option<SessionId>,
    ) -> Result<(Vec<Session>, Option<SessionId>), StorageError> {
        let page = self
            .client
            .query()
            .table_name(&self.tables.refresh_tokens)
            .key_condition_expression("user_id = :user")
            .expression_attribute_values(":user", string(user_id))
            .consistent_read(true)
            .limit(SESSIONS)
            .set_exclusive_start_key(after.map(|id| refresh_tokens::key(user_id, id)))
            .send()
            .await
            .map_err(failed)?;
        let next = id_in(page.last_evaluated_key.as_ref(), keys::SESSION_ID)?;
        let items = page.items.unwrap_or_default().into_iter();
        let sessions = items.map(session_from).collect::<Result<_, _>>()?;
        Ok((sessions, next))
    }

    /// Reads up to 50 memberships in the order of their applications' ids, and returns where the next
    /// page begins. One query of an index, which is eventually consistent, and one consistent read.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn stored_memberships(
        &self,
        user_id: UserId,
        after: Option<ApplicationId>,
    ) -> Result<(Vec<StoredMembership>, Option<ApplicationId>), StorageError> {
        let start = after.map(|id| {
            let mut start = key(id, &keys::member(user_id));
            start.insert(keys::USER_ID.to_owned(), string(user_id));
            start
        });
        let page = self
            .client
            .query()
            .table_name(&self.tables.applications)
            .index_name(keys::APPLICATIONS_BY_USER)
            .key_condition_expression("user_id = :user")
            .expression_attribute_values(":user", string(user_id))
            .limit(MEMBERSHIPS)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(failed)?;
        let next = id_in(page.last_evaluated_key.as_ref(), keys::APPLICATION_ID)?;
        let ids = page.items.unwrap_or_default();
        let ids = ids
            .iter()
            .map(|item| id_in(Some(item), keys::APPLICATION_ID));
        let ids: Vec<Option<ApplicationId>> = ids.collect::<Result<_, _>>()?;
        let ids = ids.into_iter().flatten().collect();
        Ok((self.memberships_in(user_id, ids).await?, next))
    }

    /// Reads the memberships of the user in these applications.
    async fn memberships_in(
        &self,
        user_id: UserId,
        ids: Vec<ApplicationId>,
    ) -> Result<Vec<StoredMembership>, StorageError> {
        let sk = keys::member(user_id);
        let both = ids
            .iter()
            .flat_map(|id| [key(*id, keys::META), key(*id, &sk)]);
        let both: Vec<Item> = both.collect();
        let table = &self.tables.applications;
        let mut metas = HashMap::new();
        let mut members = HashMap::new();
        for item in self.get_all(table, &both, MAX_ITEMS).await? {
            if item.contains_key(keys::USER_ID) {
                let member: MemberRow = attribute::from_item(item)?;
                members.insert(member.application_id, member);
            } else {
                let meta: MetaRow = attribute::from_item(item)?;
                metas.insert(meta.application_id, meta);
            }
        }
        let stored = ids.iter().filter_map(|id| {
            let member = members.remove(id)?;
            Some(StoredMembership {
                membership: metas.remove(id)?.seen_as(member.role),
                joined_at: member.joined_ms.map(clock::from_millis),
            })
        });
        Ok(stored.collect())
    }
}

/// Parses the id in an attribute of a key. Returns `None` if there is no key.
fn id_in<Id: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    key: Option<&Item>,
    name: &str,
) -> Result<Option<Id>, StorageError> {
    let Some(key) = key else {
        return Ok(None);
    };
    let id = key.get(name).and_then(|id| id.as_s().ok());
    let id = id.ok_or_else(|| corrupt("an id in a key"))?;
    id.parse().map(Some).map_err(corrupt)
}

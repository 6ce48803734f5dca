//! What is stored about users, for operators: a list of all, and the usage of one.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::Deserialize;

use super::pages::Scan;
use crate::applications::Membership;
use crate::attribute::{self, Item};
use crate::users::user_key;
use crate::{Database, StorageError, Table};
use upblit_base::clock;
use upblit_base::ids::{SessionId, UserId};
use upblit_identity::api_key::{KeyState, SecretSlot};
use upblit_identity::session::Session;

/// Number of applications whose keys are read concurrently.
const CONCURRENCY: usize = 16;

/// A user as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Numeric account id at GitHub.
    pub id: UserId,
    /// The account. `None` if it is deleted or never existed, and only its block is stored.
    pub account: Option<Account>,
    /// Time of the block. `None` if the user is not blocked.
    pub blocked_at: Option<Timestamp>,
}

/// Stored profile of a user who has not deleted the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Account name at GitHub, as of the last sign-in.
    pub login: String,
    /// Primary e-mail address, as of the last sign-in.
    pub email: String,
    /// Time of the first sign-in.
    pub created_at: Timestamp,
    /// Time of the last sign-in.
    pub last_sign_in_at: Timestamp,
    /// Number of applications that the user created and that exist.
    pub applications: u32,
    /// Whether a deletion of the account has begun, and is not complete.
    pub is_being_deleted: bool,
}

/// What a user has and when it was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The user.
    pub user: User,
    /// Live sessions, newest first.
    pub sessions: Vec<Session>,
    /// Applications of which the user is a member, oldest first.
    pub applications: Vec<ApplicationUsage>,
}

/// An application of a user, and its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationUsage {
    /// The application, and the role of the user.
    pub membership: Membership,
    /// Number of its keys that are not revoked.
    pub keys: usize,
    /// The last use of one of its keys, accurate to five minutes.
    pub last_used_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Row {
    user_id: UserId,
    blocked_ms: Option<i64>,
    login: Option<String>,
    #[serde(default)]
    email: String,
    #[serde(default)]
    created_ms: i64,
    #[serde(default)]
    last_sign_in_ms: i64,
    #[serde(default)]
    applications: u32,
    deleted_by: Option<SessionId>,
}

impl From<Row> for User {
    fn from(row: Row) -> Self {
        let account = row.login.map(|login| Account {
            login,
            email: row.email,
            created_at: clock::from_millis(row.created_ms),
            last_sign_in_at: clock::from_millis(row.last_sign_in_ms),
            applications: row.applications,
            is_being_deleted: row.deleted_by.is_some(),
        });
        Self {
            id: row.user_id,
            account,
            blocked_at: row.blocked_ms.map(clock::from_millis),
        }
    }
}

impl Database {
    /// Calls `each` with every user. Reads the whole Users table, in pages.
    ///
    /// # Errors
    /// When storage fails, or an item cannot be read.
    pub async fn each_user(&self, each: &mut (dyn FnMut(User) + Send)) -> Result<(), StorageError> {
        let mut pages = Scan::of(self, Table::Users, None);
        while let Some(items) = pages.next().await? {
            for item in items {
                each(user(item)?);
            }
        }
        Ok(())
    }

    /// Reads what a user has. `None` if nothing is stored about the user. A read, two queries, one read
    /// per 50 applications, and a query for each application.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn usage_of(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Option<Usage>, StorageError> {
        let keys = [user_key(user_id)];
        let items = self.get_all(&self.tables.users, &keys, 1).await?;
        let Some(item) = items.into_iter().next() else {
            return Ok(None);
        };
        let sessions = self.live_sessions(user_id, now).await?;
        let memberships = self.applications_of(user_id).await?;
        let applications = stream::iter(memberships)
            .map(|membership| self.application_usage(membership))
            .buffered(CONCURRENCY)
            .try_collect();
        Ok(Some(Usage {
            user: user(item)?,
            sessions,
            applications: applications.await?,
        }))
    }

    async fn application_usage(
        &self,
        membership: Membership,
    ) -> Result<ApplicationUsage, StorageError> {
        let keys = self.api_keys(membership.application.id).await?;
        let secrets = [SecretSlot::Current, SecretSlot::Previous];
        let uses = keys
            .iter()
            .flat_map(|key| secrets.map(|secret| key.last_used_at(secret)));
        let last_used_at = uses.flatten().max();
        let is_revoked = |state: KeyState| state == KeyState::Revoked;
        let left = keys.iter().filter(|stored| !is_revoked(stored.key.state));
        Ok(ApplicationUsage {
            membership,
            keys: left.count(),
            last_used_at,
        })
    }
}

fn user(item: Item) -> Result<User, StorageError> {
    attribute::from_item::<Row>(item).map(User::from)
}

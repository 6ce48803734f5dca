//! Checks the counters of users: sessions and applications.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::{Check, UNREADABLE};
use crate::admin::finding::key_text;
use crate::admin::pages::Scan;
use crate::attribute::{self, Item};
use crate::keys::USER_ID;
use crate::{StorageError, Table};
use upblit_base::ids::UserId;
use upblit_identity::session::MAX_SESSIONS_PER_USER;

#[derive(Deserialize)]
struct CountersRow {
    user_id: UserId,
    #[serde(default)]
    created_ms: i64,
    #[serde(default)]
    sessions: usize,
    #[serde(default)]
    applications: u32,
    login: Option<String>,
    blocked_ms: Option<i64>,
}

impl CountersRow {
    /// Returns how many of the applications created at these times the account counts. An account
    /// that was deleted and created again does not count earlier ones.
    fn counted_of(&self, created: &[i64]) -> u32 {
        let counted = created.iter().filter(|at| **at >= self.created_ms);
        u32::try_from(counted.count()).unwrap_or(u32::MAX)
    }
}

impl Check<'_> {
    /// Checks the Users table against the sessions and applications that were counted.
    pub(super) async fn users(&mut self) -> Result<(), StorageError> {
        let mut miscounted = HashSet::new();
        let mut pages = Scan::of(self.database, Table::Users, None);
        while let Some(items) = pages.next().await? {
            for item in items {
                self.items += 1;
                miscounted.extend(self.user(item).await?);
            }
        }
        self.recount(miscounted).await?;
        self.users_without_profile().await
    }

    /// Returns the user if its applications have to be counted again.
    async fn user(&mut self, item: Item) -> Result<Option<UserId>, StorageError> {
        let key = key_text(&item, &[USER_ID]);
        let Ok(row) = attribute::from_item::<CountersRow>(item) else {
            if let Ok(user_id) = key.parse() {
                self.live_sessions.remove(&user_id);
                self.created.remove(&user_id);
            }
            self.findings.broken(Table::Users, key, UNREADABLE);
            return Ok(None);
        };
        let live = self.live_sessions.remove(&row.user_id).unwrap_or_default();
        let created = self.created.remove(&row.user_id).unwrap_or_default();
        self.state(&key, &row);
        if row.blocked_ms.is_some() && live > 0 {
            self.sessions_of_blocked(row.user_id).await?;
        }
        if row.login.is_none() {
            // Applications outlive the account of their creator.
            return Ok(None);
        }
        if live > row.sessions || live > MAX_SESSIONS_PER_USER {
            self.sessions_of(row.user_id).await?;
        }
        Ok((row.counted_of(&created) != row.applications).then_some(row.user_id))
    }

    /// Reports a user without a profile and without a block.
    fn state(&mut self, key: &str, row: &CountersRow) {
        if row.login.is_none() && row.blocked_ms.is_none() {
            let problem = "has neither a profile nor a block";
            self.findings.broken(Table::Users, key, problem);
        }
    }

    /// Reads the sessions of a blocked user again, because they may have been ended meanwhile.
    async fn sessions_of_blocked(&mut self, user_id: UserId) -> Result<(), StorageError> {
        let Some(live) = self.live_sessions_now(user_id).await? else {
            return Ok(());
        };
        if live > 0 {
            let problem = format!("is blocked, but has {live} live sessions");
            self.findings.broken(Table::Users, user_id, problem);
        }
        Ok(())
    }

    /// Counts the live sessions of a user. `None` if one cannot be read, which the check of the sessions
    /// has reported.
    async fn live_sessions_now(&self, user_id: UserId) -> Result<Option<usize>, StorageError> {
        match self.database.live_sessions(user_id, self.now).await {
            Ok(sessions) => Ok(Some(sessions.len())),
            Err(StorageError::Corrupt(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Compares the sessions of a user again, because the user may have signed in or out meanwhile.
    async fn sessions_of(&mut self, user_id: UserId) -> Result<(), StorageError> {
        let Some(live) = self.live_sessions_now(user_id).await? else {
            return Ok(());
        };
        let counted = self.counters(user_id).await?.map_or(0, |row| row.sessions);
        if live > counted {
            let problem = format!("has {live} live sessions, but its counter is {counted}");
            self.findings.broken(Table::Users, user_id, problem);
        } else if live > MAX_SESSIONS_PER_USER {
            let problem =
                format!("has {live} live sessions, more than the limit of {MAX_SESSIONS_PER_USER}");
            self.findings.broken(Table::Users, user_id, problem);
        }
        Ok(())
    }

    /// Counts the applications of some users again, because some may have been created or deleted
    /// meanwhile.
    async fn recount(&mut self, users: HashSet<UserId>) -> Result<(), StorageError> {
        if users.is_empty() {
            return Ok(());
        }
        let mut created: HashMap<UserId, Vec<i64>> =
            users.into_iter().map(|id| (id, Vec::new())).collect();
        let attributes = Some("created_by, created_ms");
        let mut pages = Scan::of(self.database, Table::Applications, attributes);
        while let Some(items) = pages.next().await? {
            for row in items.into_iter().filter_map(created_row) {
                if let Some(times) = created.get_mut(&row.created_by) {
                    times.push(row.created_ms);
                }
            }
        }
        for (user_id, created) in created {
            let row = self.counters(user_id).await?;
            let (counted, created) =
                row.map_or((0, 0), |row| (row.applications, row.counted_of(&created)));
            if created != counted {
                let problem =
                    format!("created {created} applications, but its counter is {counted}");
                self.findings.broken(Table::Users, user_id, problem);
            }
        }
        Ok(())
    }

    /// Reports users without an item who have live sessions. Applications are not reported, because
    /// they outlive the account of their creator.
    async fn users_without_profile(&mut self) -> Result<(), StorageError> {
        for (user_id, live) in std::mem::take(&mut self.live_sessions) {
            if self.counters(user_id).await?.is_none() {
                let problem = format!("{live} live sessions of a user who does not exist");
                self.findings.broken(Table::RefreshTokens, user_id, problem);
            }
        }
        Ok(())
    }

    async fn counters(&self, user_id: UserId) -> Result<Option<CountersRow>, StorageError> {
        let keys = [attribute::key([(USER_ID, &user_id)])];
        let table = &self.database.tables.users;
        let items = self.database.get_all(table, &keys, 1).await?;
        let items = items.into_iter().next();
        items.map(attribute::from_item).transpose()
    }
}

#[derive(Deserialize)]
struct CreatedRow {
    created_by: UserId,
    created_ms: i64,
}

/// Reads the creation of an application. Returns `None` for other items of the table.
fn created_row(item: Item) -> Option<CreatedRow> {
    attribute::from_item(item).ok()
}

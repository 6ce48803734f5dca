//! Checks each application with its members, keys, audit log and telemetry.

use std::collections::{BTreeMap, HashSet};

use super::{Check, UNREADABLE};
use crate::admin::finding::key_text;
use crate::admin::pages::{Partition, Scan};
use crate::applications::{MetaRow, key};
use crate::attribute::{self, Item};
use crate::batch_get::MAX_ITEMS;
use crate::deleted_applications::DeletedRow;
use crate::keys::{
    APPLICATION_ID, AUDIT_PREFIX, DELETED_APPLICATIONS, INVITE_PREFIX, MEMBER_PREFIX, META, SK,
    USER_ID, parse_audit,
};
use crate::team::{InviteRow, MemberRow};
use crate::users::has_profile;
use crate::{StorageError, Table};
use upblit_base::clock;
use upblit_base::ids::{ApplicationId, UserId};
use upblit_identity::team::Role;
use upblit_telemetry::batch::DAY;

/// Number of attempts to read an application and its keys without a change in between.
const ATTEMPTS: usize = 3;

impl Check<'_> {
    /// Checks every item of the Applications table, and the keys and telemetry of each application.
    pub(super) async fn applications(&mut self) -> Result<(), StorageError> {
        let mut pages = Scan::of(self.database, Table::Applications, None);
        while let Some(items) = pages.next().await? {
            let mut teams = BTreeMap::new();
            for item in items {
                self.items += 1;
                let key = key_text(&item, &[APPLICATION_ID, SK]);
                if is_deleted_application(&item) {
                    self.deleted_application(key, item);
                    continue;
                }
                match sort_key(&item) {
                    META => self.application(key, item).await?,
                    sk if sk.starts_with(AUDIT_PREFIX) => self.audit_entry(key, item),
                    sk if sk.starts_with(MEMBER_PREFIX) => {
                        teams.extend(self.member(key, item));
                    }
                    sk if sk.starts_with(INVITE_PREFIX) => {
                        teams.extend(self.invite(key, item));
                    }
                    _ => {
                        let problem = "an unknown kind of item";
                        self.findings.leftover(Table::Applications, key, problem);
                    }
                }
            }
            self.teams_without_application(teams).await?;
        }
        Ok(())
    }

    /// Telemetry of deleted applications is deleted within a day.
    fn deleted_application(&mut self, key: String, item: Item) {
        let Ok(row) = attribute::from_item::<DeletedRow>(item) else {
            self.findings.broken(Table::Applications, key, UNREADABLE);
            return;
        };
        if self.now >= clock::after(row.deleted_at(), DAY) {
            let problem = "its telemetry was not deleted within a day";
            self.findings.broken(Table::Applications, key, problem);
        }
        self.deleted.insert(row.id());
    }

    async fn application(&mut self, key: String, item: Item) -> Result<(), StorageError> {
        let Ok(found) = attribute::from_item::<MetaRow>(item) else {
            self.findings.broken(Table::Applications, key, UNREADABLE);
            return Ok(());
        };
        let id = found.application_id;
        // It may have changed since the page was read.
        let Some(meta) = self.unchanged_keys(id).await? else {
            return Ok(());
        };
        let created = self.created.entry(meta.created_by).or_default();
        created.push(meta.created_ms);
        let shards = u32::from(meta.shards());
        self.shards.insert(id, shards);
        self.team(&meta).await?;
        let created_at = clock::from_millis(meta.created_ms);
        self.telemetry_of(id, created_at, shards).await
    }

    /// Checks the keys of an application, read without a change in between if [`ATTEMPTS`] suffice.
    /// Returns the application; `None` if it has been deleted.
    async fn unchanged_keys(&mut self, id: ApplicationId) -> Result<Option<MetaRow>, StorageError> {
        let mut attempts = 0;
        loop {
            let Some(before) = self.meta(id).await? else {
                return Ok(None);
            };
            let rows = self.key_items(id).await?;
            let Some(meta) = self.meta(id).await? else {
                return Ok(None);
            };
            attempts += 1;
            if before.revision == meta.revision || attempts == ATTEMPTS {
                self.keys_of(&meta, rows).await?;
                return Ok(Some(meta));
            }
        }
    }

    async fn meta(&self, id: ApplicationId) -> Result<Option<MetaRow>, StorageError> {
        let table = &self.database.tables.applications;
        let items = self.database.get_all(table, &[key(id, META)], 1).await?;
        let item = items.into_iter().next();
        item.map(attribute::from_item).transpose()
    }

    fn member(&mut self, key: String, item: Item) -> Option<(ApplicationId, String)> {
        let member = attribute::from_item::<MemberRow>(item);
        if member.is_err() {
            self.findings.broken(Table::Applications, &key, UNREADABLE);
        }
        Some((member.ok()?.application_id, key))
    }

    fn invite(&mut self, key: String, item: Item) -> Option<(ApplicationId, String)> {
        if super::ttl(&item).is_none() {
            self.findings
                .broken(Table::Applications, &key, "does not expire");
        }
        let invite = attribute::from_item::<InviteRow>(item);
        if invite.is_err() {
            self.findings.broken(Table::Applications, &key, UNREADABLE);
        }
        Some((invite.ok()?.application_id, key))
    }

    /// Reports memberships and invites of applications that do not exist.
    async fn teams_without_application(
        &mut self,
        teams: BTreeMap<ApplicationId, String>,
    ) -> Result<(), StorageError> {
        let keys: Vec<Item> = teams.keys().map(|id| key(*id, META)).collect();
        let table = &self.database.tables.applications;
        let metas = self.database.get_all(table, &keys, MAX_ITEMS).await?;
        let existing: HashSet<String> = metas
            .iter()
            .map(|item| key_text(item, &[APPLICATION_ID]))
            .collect();
        for (id, key) in teams {
            if !existing.contains(&id.to_string()) {
                let problem = "a membership or invite of an application that does not exist";
                self.findings.broken(Table::Applications, key, problem);
            }
        }
        Ok(())
    }

    /// Checks that the members of an application exist, that their number is right, and that one is an
    /// owner.
    async fn team(&mut self, meta: &MetaRow) -> Result<(), StorageError> {
        let id = meta.application_id;
        let mut pages = Partition::of_applications(self.database, &id.to_string(), MEMBER_PREFIX);
        let mut has_owner = false;
        let mut count = 0;
        while let Some(items) = pages.next().await? {
            let members: Vec<MemberRow> = items
                .into_iter()
                .filter_map(|item| attribute::from_item(item).ok())
                .collect();
            count += members.len();
            has_owner |= members.iter().any(|member| member.role == Role::Owner);
            let users = members.iter().map(|member| member.user_id);
            for user_id in self.missing_users(users).await? {
                let problem = format!("its member {user_id} does not exist");
                self.findings.broken(Table::Applications, id, problem);
            }
        }
        let counted = meta.members.unwrap_or(1);
        let is_current = self.meta(id).await?;
        let is_current = is_current.is_some_and(|now| now.revision == meta.revision);
        if is_current && usize::try_from(counted) != Ok(count) {
            let problem = format!("has {count} members, but its counter is {counted}");
            self.findings.broken(Table::Applications, id, problem);
        }
        if is_current && !has_owner {
            self.findings
                .broken(Table::Applications, id, "has no owner");
        }
        Ok(())
    }

    async fn missing_users(
        &self,
        users: impl Iterator<Item = UserId>,
    ) -> Result<Vec<UserId>, StorageError> {
        let users: Vec<UserId> = users.collect();
        let keys: Vec<Item> = users
            .iter()
            .map(|user_id| attribute::key([(USER_ID, user_id)]))
            .collect();
        let table = &self.database.tables.users;
        let found = self.database.get_all(table, &keys, MAX_ITEMS).await?;
        let found: HashSet<String> = found
            .iter()
            .filter(|item| has_profile(item))
            .map(|item| key_text(item, &[USER_ID]))
            .collect();
        let missing = users.into_iter();
        Ok(missing
            .filter(|user_id| !found.contains(&user_id.to_string()))
            .collect())
    }

    fn audit_entry(&mut self, key: String, item: Item) {
        let is_known = parse_audit(sort_key(&item)).is_some();
        if super::ttl(&item).is_none() {
            self.findings
                .broken(Table::Applications, &key, "does not expire");
        }
        if !is_known || attribute::from_item::<crate::audit::AuditRow>(item).is_err() {
            self.findings.broken(Table::Applications, &key, UNREADABLE);
        }
    }
}

fn sort_key(item: &Item) -> &str {
    let sk = item.get(SK).and_then(|sk| sk.as_s().ok());
    sk.map_or("", String::as_str)
}

fn is_deleted_application(item: &Item) -> bool {
    let partition = item.get(APPLICATION_ID).and_then(|pk| pk.as_s().ok());
    partition.is_some_and(|pk| pk == DELETED_APPLICATIONS)
}

//! Checks that each API key belongs to an application, has its settings, is charged to who created it and
//! is counted.

use std::collections::HashSet;

use super::{Check, UNREADABLE};
use crate::admin::finding::key_text;
use crate::admin::pages::{Partition, Scan};
use crate::api_keys::{KeyRow, StoredKey};
use crate::applications::{MetaRow, key};
use crate::attribute::{self, Item};
use crate::batch_get::MAX_ITEMS;
use crate::keys::{APPLICATION_ID, KEY_ID, META};
use crate::{StorageError, Table};
use upblit_base::ids::{ApplicationId, UserId};
use upblit_identity::api_key::{KeyState, MAX_KEYS_PER_APPLICATION};
use upblit_identity::application::TelemetrySettings;

impl Check<'_> {
    /// Reads the items of an application's keys.
    pub(super) async fn key_items(&self, id: ApplicationId) -> Result<Vec<Item>, StorageError> {
        let mut pages = Partition::of(self.database, Table::ApiKeys, &id.to_string());
        let mut items = Vec::new();
        while let Some(page) = pages.next().await? {
            items.extend(page);
        }
        Ok(items)
    }

    /// Checks the keys of an application against it and its audit log.
    pub(super) async fn keys_of(
        &mut self,
        meta: &MetaRow,
        items: Vec<Item>,
    ) -> Result<(), StorageError> {
        let id = meta.application_id;
        let settings = TelemetrySettings::from(meta.telemetry);
        let mut usable = 0;
        let mut minted = Vec::new();
        for item in items {
            let key = key_text(&item, &[APPLICATION_ID, KEY_ID]);
            let Ok(row) = attribute::from_item::<KeyRow>(item) else {
                self.findings.broken(Table::ApiKeys, key, UNREADABLE);
                continue;
            };
            let stored = StoredKey::from(row);
            if stored.key.state != KeyState::Revoked {
                usable += 1;
            }
            self.key(&key, &stored, settings, meta.created_by);
            minted.push((stored.key.id, stored.key.created_at));
        }
        if usable != meta.keys {
            let problem = format!("has {usable} keys, but its counter is {}", meta.keys);
            self.findings.broken(Table::Applications, id, problem);
        }
        if usable > MAX_KEYS_PER_APPLICATION {
            let problem = format!("has {usable} keys, more than {MAX_KEYS_PER_APPLICATION}");
            self.findings.broken(Table::Applications, id, problem);
        }
        self.audit_of(meta, minted).await
    }

    fn key(&mut self, key: &str, stored: &StoredKey, settings: TelemetrySettings, creator: UserId) {
        let is_revoked = stored.key.state == KeyState::Revoked;
        if is_revoked != stored.kept_until.is_some() {
            let problem = if is_revoked {
                "a revoked key that does not expire"
            } else {
                "a key that expires although it is not revoked"
            };
            self.findings.broken(Table::ApiKeys, key, problem);
        }
        if !is_revoked && stored.telemetry != settings {
            let problem = "its telemetry settings differ from those of its application";
            self.findings.broken(Table::ApiKeys, key, problem);
        }
        if !is_revoked && stored.application_by != creator {
            let problem = "is charged to another user than the one who created its application";
            self.findings.broken(Table::ApiKeys, key, problem);
        }
    }

    /// Reports keys that can be used although their application does not exist.
    pub(super) async fn keys_without_an_application(&mut self) -> Result<(), StorageError> {
        let mut pages = Scan::of(self.database, Table::ApiKeys, None);
        while let Some(items) = pages.next().await? {
            self.items += u64::try_from(items.len()).unwrap_or_default();
            let rows = items
                .into_iter()
                .filter_map(|item| attribute::from_item::<KeyRow>(item).ok());
            let usable = rows
                .map(StoredKey::from)
                .filter(|stored| stored.key.state != KeyState::Revoked);
            let unknown: Vec<StoredKey> = usable
                .filter(|stored| !self.shards.contains_key(&stored.key.id.application_id))
                .collect();
            self.unknown_applications(unknown).await?;
        }
        Ok(())
    }

    /// Reports those of these keys whose application does not exist. Reads the applications, which
    /// may have been created since they were checked.
    async fn unknown_applications(&mut self, stored: Vec<StoredKey>) -> Result<(), StorageError> {
        let ids: HashSet<ApplicationId> = stored
            .iter()
            .map(|stored| stored.key.id.application_id)
            .collect();
        let metas: Vec<Item> = ids.iter().map(|id| key(*id, META)).collect();
        let table = &self.database.tables.applications;
        let metas = self.database.get_all(table, &metas, MAX_ITEMS).await?;
        let existing: HashSet<String> = metas
            .iter()
            .map(|item| key_text(item, &[APPLICATION_ID]))
            .collect();
        for stored in stored {
            let id = stored.key.id;
            if !existing.contains(&id.application_id.to_string()) {
                let problem = "can be used although its application does not exist";
                self.findings.broken(Table::ApiKeys, id, problem);
            }
        }
        Ok(())
    }
}

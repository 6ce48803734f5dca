//! Checks that the audit log has an entry for the creation of each application and key.

use std::collections::HashSet;

use jiff::Timestamp;

use super::Check;
use crate::admin::pages::Partition;
use crate::applications::MetaRow;
use crate::attribute;
use crate::audit::AuditRow;
use crate::keys::AUDIT_PREFIX;
use crate::{StorageError, Table};
use upblit_base::clock;
use upblit_base::ids::PublicKeyId;
use upblit_identity::audit::{AuditAction, RETENTION};

impl Check<'_> {
    /// Looks for the entries of an application's creation and of these keys, by their ids and times
    /// of creation.
    pub(super) async fn audit_of(
        &mut self,
        meta: &MetaRow,
        keys: Vec<(PublicKeyId, Timestamp)>,
    ) -> Result<(), StorageError> {
        let id = meta.application_id;
        let oldest = clock::before(self.now, RETENTION);
        let created_at = clock::from_millis(meta.created_ms);
        let mut is_missing = created_at > oldest;
        let recent = keys.into_iter().filter(|(_, at)| *at > oldest);
        let mut missing: HashSet<PublicKeyId> = recent.map(|(id, _)| id).collect();
        let mut pages = Partition::of_applications(self.database, &id.to_string(), AUDIT_PREFIX);
        while let Some(items) = pages.next().await? {
            let entries = items
                .into_iter()
                .filter_map(|item| attribute::from_item::<AuditRow>(item).ok());
            for entry in entries {
                match (entry.action, entry.key) {
                    (AuditAction::ApplicationCreated, _) => is_missing = false,
                    (AuditAction::KeyMinted, Some(key)) => {
                        missing.remove(&key);
                    }
                    _ => {}
                }
            }
        }
        if is_missing {
            let problem = "the audit log does not say who created the application";
            self.findings.broken(Table::Applications, id, problem);
        }
        for key in missing {
            let problem = format!("the audit log does not say who minted the key {key}");
            self.findings.broken(Table::Applications, id, problem);
        }
        Ok(())
    }
}

//! Checks that items of the ShortLived table are of a known kind and expire.

use super::{Check, ttl};
use crate::admin::finding::key_text;
use crate::admin::pages::Scan;
use crate::keys::{self, PK, TTL};
use crate::{StorageError, Table};

impl Check<'_> {
    /// Checks the ShortLived table.
    pub(super) async fn short_lived(&mut self) -> Result<(), StorageError> {
        let attributes = format!("{PK}, {TTL}");
        let mut pages = Scan::of(self.database, Table::ShortLived, Some(&attributes));
        while let Some(items) = pages.next().await? {
            for item in items {
                self.items += 1;
                let key = key_text(&item, &[PK]);
                if ttl(&item).is_none() {
                    self.findings
                        .broken(Table::ShortLived, &key, "does not expire");
                }
                if !keys::SHORT_LIVED.iter().any(|kind| key.starts_with(kind)) {
                    let problem = "an unknown kind of item";
                    self.findings.leftover(Table::ShortLived, &key, problem);
                }
            }
        }
        Ok(())
    }
}

//! Checks that sessions are in a possible state and expire.

use super::{Check, UNREADABLE, ttl};
use crate::admin::finding::key_text;
use crate::admin::pages::Scan;
use crate::attribute::Item;
use crate::keys::{SESSION_ID, USER_ID};
use crate::refresh_tokens::session_from;
use crate::{StorageError, Table};

impl Check<'_> {
    /// Checks the RefreshTokens table, and counts the live sessions of each user.
    pub(super) async fn sessions(&mut self) -> Result<(), StorageError> {
        let mut pages = Scan::of(self.database, Table::RefreshTokens, None);
        while let Some(items) = pages.next().await? {
            for item in items {
                self.items += 1;
                self.session(item);
            }
        }
        Ok(())
    }

    fn session(&mut self, item: Item) {
        let key = key_text(&item, &[USER_ID, SESSION_ID]);
        let ttl = ttl(&item);
        let Ok(session) = session_from(item) else {
            self.findings.broken(Table::RefreshTokens, key, UNREADABLE);
            return;
        };
        if session.is_live(self.now) {
            *self
                .live_sessions
                .entry(session.profile.user_id)
                .or_default() += 1;
        }
        if let Some(why) = session.impossibility() {
            self.findings.broken(Table::RefreshTokens, &key, why);
        }
        // A move sets `expires_at` to the idle expiry, even if the absolute one is earlier.
        let expiries = [session.idle_expires_at, session.expires_at()];
        if !expiries.iter().any(|at| ttl == Some(at.as_second())) {
            let problem = "expires_at is not the time at which the session expires";
            self.findings.broken(Table::RefreshTokens, &key, problem);
        }
    }
}

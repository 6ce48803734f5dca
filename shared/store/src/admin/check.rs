//! Verifies what can be verified in the tables without knowing what was sent: counters, copies and
//! references agree, everything acknowledged is listed and counted once, and items expire when
//! they should.
//!
//! Reads every table in pages. Holds in memory a page or two, a few bytes for each application and
//! for each user with a session or an application, and the rollups and some chunks of one day. The
//! deployment may be in use: what may have changed during the check is read again before it is
//! reported.

mod applications;
mod audit;
mod chunks;
mod keys;
mod partitions;
mod rollups;
mod sessions;
mod short_lived;
mod telemetry;
mod users;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use super::finding::{Finding, Findings};
use crate::attribute::Item;
use crate::keys::TTL;
use crate::{Database, StorageError};
use upblit_base::ids::{ApplicationId, UserId};

/// Number of items that a check has read, and of its findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Items read. Those that several rules concern count once.
    pub items: u64,
    /// Findings of [`Severity::Broken`](super::Severity::Broken).
    pub broken: u64,
    /// Findings of [`Severity::Leftover`](super::Severity::Leftover).
    pub leftovers: u64,
}

impl Database {
    /// Checks all tables, and calls `each` with every finding. `now` decides what has expired.
    ///
    /// # Errors
    /// When storage fails. An item that cannot be read is a finding.
    pub async fn check(
        &self,
        now: Timestamp,
        each: &mut (dyn FnMut(Finding) + Send),
    ) -> Result<Checked, StorageError> {
        let mut check = Check {
            database: self,
            now,
            findings: Findings::new(each),
            items: 0,
            live_sessions: HashMap::new(),
            created: HashMap::new(),
            shards: BTreeMap::new(),
            deleted: BTreeSet::new(),
        };
        check.sessions().await?;
        check.applications().await?;
        check.users().await?;
        check.keys_without_an_application().await?;
        check.telemetry_partitions().await?;
        check.short_lived().await?;
        Ok(Checked {
            items: check.items,
            broken: check.findings.broken,
            leftovers: check.findings.leftovers,
        })
    }
}

/// State of a running check of all tables.
struct Check<'a> {
    database: &'a Database,
    now: Timestamp,
    findings: Findings<'a>,
    items: u64,
    /// Number of live sessions of each user.
    live_sessions: HashMap<UserId, usize>,
    /// When each user created the applications that exist, in milliseconds.
    created: HashMap<UserId, Vec<i64>>,
    /// Number of shards of each application.
    shards: BTreeMap<ApplicationId, u32>,
    /// Deleted applications whose telemetry is still to be deleted.
    deleted: BTreeSet<ApplicationId>,
}

/// Problem of an item that cannot be converted to a row. The cause is not shown, because it may
/// quote a value.
const UNREADABLE: &str = "cannot be read: an attribute is missing, or of the wrong type";

/// Returns when DynamoDB may delete an item, in seconds since the Unix epoch.
fn ttl(item: &Item) -> Option<i64> {
    item.get(TTL)?.as_n().ok()?.parse().ok()
}

//! What remains to be done after items of an earlier time were copied into tables: settings of
//! applications and keys that are older than the telemetry, and rollups that are older than the
//! chunk summaries.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;

use super::days::SIGNALS;
use super::pages::Scan;
use super::telemetry_key::{Kind, kind_of};
use crate::applications::{MetaRow, key};
use crate::applications_with_keys::SettingsOutcome;
use crate::attribute;
use crate::error::corrupt;
use crate::keys::{APPLICATION_ID, META, PK, SK};
use crate::telemetry::RollupsOf;
use crate::{Database, StorageError, Table};
use upblit_base::clock;
use upblit_base::ids::ApplicationId;
use upblit_identity::api_key::KeyState;
use upblit_identity::application::{Shards, TelemetrySettings};
use upblit_telemetry::batch::Signal;

/// Number of attempts to change an application that is changed meanwhile, and of repairs of a day
/// whose telemetry still arrives.
const ATTEMPTS: usize = 10;

/// Whether to change anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Only reports what a restore would change.
    DryRun,
    /// Makes the changes.
    Apply,
}

/// One thing that a restore changes, or would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Application that is repaired.
    pub application_id: ApplicationId,
    /// The repair, with its details.
    pub what: Repair,
}

/// Kind of a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// The application and each of its keys get the same settings, with as many shards as any of
    /// them has, or its telemetry is in.
    Settings {
        /// Settings of the application before.
        before: TelemetrySettings,
        /// Settings of the application after the repair.
        after: TelemetrySettings,
    },
    /// The rollup of a day is computed again where it disagrees with the chunk summaries.
    Rollup {
        /// Signal that it counts.
        signal: Signal,
        /// Start of the day.
        day: Timestamp,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.application_id;
        match self.what {
            Repair::Settings { before, after } => {
                let before = before.shards.get();
                let after = after.shards.get();
                write!(
                    f,
                    "application {id}: shards {before} -> {after}, with its keys"
                )
            }
            Repair::Rollup { signal, day } => {
                let signal = signal.as_str();
                let day = clock::rfc3339(day);
                write!(f, "application {id}: rollup of {signal} of {day}")
            }
        }
    }
}

/// What the keys of the Telemetry table say about an application.
#[derive(Debug, Default)]
struct Stored {
    highest_shard: u32,
    rolled_up: BTreeSet<(&'static str, Timestamp)>,
}

impl Database {
    /// Makes tables consistent after items of an earlier time were copied into them. Calls `each` with
    /// every change after it is made; in a dry run, with every change that would be made. Can be
    /// repeated safely, and while the deployment is in use. `now` is the time by the clock of the
    /// database.
    ///
    /// # Errors
    /// When storage fails, or an application is changed without pause. What was changed until then
    /// stays.
    pub async fn restore(
        &self,
        mode: Mode,
        now: Timestamp,
        each: &mut (dyn FnMut(Change) + Send),
    ) -> Result<(), StorageError> {
        let mut restore = Restore {
            database: self,
            mode,
            now,
            each,
        };
        restore.applications().await
    }
}

/// A restore in progress.
struct Restore<'a> {
    database: &'a Database,
    mode: Mode,
    now: Timestamp,
    each: &'a mut (dyn FnMut(Change) + Send),
}

impl Restore<'_> {
    async fn applications(&mut self) -> Result<(), StorageError> {
        let mut stored = self.telemetry_by_application().await?;
        let attributes = format!("{APPLICATION_ID}, {SK}");
        let mut pages = Scan::of(self.database, Table::Applications, Some(&attributes));
        while let Some(items) = pages.next().await? {
            let rows: Vec<KeyOfRow> = attribute::from_items(items)?;
            for row in rows.into_iter().filter(|row| row.sk == META) {
                let id: ApplicationId = row.application_id.parse().map_err(corrupt)?;
                let stored = stored.remove(&id).unwrap_or_default();
                if let Some(shards) = self.settings(id, &stored).await? {
                    self.rollups(id, shards, &stored).await?;
                }
            }
        }
        Ok(())
    }

    async fn telemetry_by_application(
        &self,
    ) -> Result<BTreeMap<ApplicationId, Stored>, StorageError> {
        let mut stored = BTreeMap::<ApplicationId, Stored>::new();
        let attributes = format!("{PK}, {SK}");
        let mut pages = Scan::of(self.database, Table::Telemetry, Some(&attributes));
        while let Some(items) = pages.next().await? {
            for kind in items.iter().filter_map(kind_of) {
                let stored = stored.entry(kind.application_id()).or_default();
                match kind {
                    Kind::Chunk(chunk) => {
                        stored.highest_shard = stored.highest_shard.max(chunk.shard);
                    }
                    Kind::Rollup(rollup) => {
                        let signal = rollup.of.signal.as_str();
                        stored.rolled_up.insert((signal, rollup.day));
                    }
                }
            }
        }
        Ok(stored)
    }

    /// Repairs the settings of an application and its keys. Returns the number of shards that the
    /// application has afterwards, or would have after a dry run; `None` if it was deleted meanwhile.
    async fn settings(
        &mut self,
        id: ApplicationId,
        stored: &Stored,
    ) -> Result<Option<Shards>, StorageError> {
        let database = self.database;
        for _ in 0..ATTEMPTS {
            let table = &database.tables.applications;
            let items = database.get_all(table, &[key(id, META)], 1).await?;
            let Some(item) = items.into_iter().next() else {
                return Ok(None);
            };
            let meta: MetaRow = attribute::from_item(item)?;
            let before = TelemetrySettings::from(meta.telemetry);
            let copies: Vec<TelemetrySettings> = database
                .api_keys(id)
                .await?
                .into_iter()
                .filter(|stored| stored.key.state != KeyState::Revoked)
                .map(|stored| stored.telemetry)
                .collect();
            let after = repaired(before, &copies, stored.highest_shard);
            if before == after && copies.iter().all(|copy| *copy == after) {
                return Ok(Some(after.shards));
            }
            if self.mode == Mode::Apply {
                let seen = (id, meta.revision, before);
                let repair = database.repair_telemetry_settings(seen, after, self.now);
                if repair.await? == SettingsOutcome::Overtaken {
                    continue;
                }
            }
            self.report(id, Repair::Settings { before, after });
            return Ok(Some(after.shards));
        }
        let problem = "an application is changed without pause";
        Err(StorageError::Contended(problem.into()))
    }

    async fn rollups(
        &mut self,
        application_id: ApplicationId,
        shards: Shards,
        stored: &Stored,
    ) -> Result<(), StorageError> {
        for signal in SIGNALS {
            let of = RollupsOf {
                application_id,
                signal,
            };
            let days = stored.rolled_up.iter();
            for (_, day) in days.filter(|(of, _)| *of == signal.as_str()) {
                if self.rollup(of, shards, *day).await? {
                    self.report(application_id, Repair::Rollup { signal, day: *day });
                }
            }
        }
        Ok(())
    }

    /// Repairs the rollup of a day. Returns whether it disagreed with its chunk summaries.
    async fn rollup(
        &self,
        of: RollupsOf,
        shards: Shards,
        day: Timestamp,
    ) -> Result<bool, StorageError> {
        let database = self.database;
        if self.mode == Mode::DryRun {
            let checked = database.check_rollup(of, shards, day, self.now).await?;
            return Ok(!checked.agrees());
        }
        for attempt in 0..ATTEMPTS {
            let found = database.repair_rollup(of, shards, day, self.now).await?;
            if found.agrees() {
                return Ok(attempt > 0);
            }
        }
        let problem = "a rollup is changed without pause";
        Err(StorageError::Contended(problem.into()))
    }

    fn report(&mut self, application_id: ApplicationId, what: Repair) {
        (self.each)(Change {
            application_id,
            what,
        });
    }
}

/// The key of an item of the Applications table. Audit logs of accounts have other ids.
#[derive(Deserialize)]
struct KeyOfRow {
    application_id: String,
    sk: String,
}

/// Returns the settings that an application should have, given its own, those of its keys, and the
/// highest shard with telemetry.
fn repaired(
    of_application: TelemetrySettings,
    of_keys: &[TelemetrySettings],
    highest_shard: u32,
) -> TelemetrySettings {
    let of_data = Shards::try_from(i64::from(highest_shard) + 1).unwrap_or_default();
    let of_keys = of_keys.iter();
    let shards = of_keys.clone().map(|copy| copy.shards);
    let shards = shards.chain([of_application.shards, of_data]);
    TelemetrySettings {
        retention: of_application
            .retention
            .or_else(|| of_keys.clone().find_map(|copy| copy.retention)),
        shards: shards.max_by_key(|shards| shards.get()).unwrap_or_default(),
        scrubbing: of_application.scrubbing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(retention_days: Option<i64>, shards: i64) -> TelemetrySettings {
        TelemetrySettings {
            retention: retention_days.map(|days| days.try_into().unwrap()),
            shards: shards.try_into().unwrap(),
            scrubbing: None,
        }
    }

    #[test]
    fn the_shards_are_the_most_that_anything_needs() {
        for (application, keys, highest_shard, expected) in [
            (settings(None, 1), vec![], 0, settings(None, 1)),
            (
                settings(None, 1),
                vec![settings(None, 4)],
                0,
                settings(None, 4),
            ),
            (
                settings(None, 4),
                vec![settings(None, 1)],
                3,
                settings(None, 4),
            ),
            (
                settings(None, 1),
                vec![settings(None, 4)],
                15,
                settings(None, 16),
            ),
            (
                settings(Some(7), 1),
                vec![settings(Some(9), 1)],
                0,
                settings(Some(7), 1),
            ),
            (
                settings(None, 2),
                vec![settings(Some(9), 1)],
                0,
                settings(Some(9), 2),
            ),
        ] {
            assert_eq!(repaired(application, &keys, highest_shard), expected);
        }
    }
}

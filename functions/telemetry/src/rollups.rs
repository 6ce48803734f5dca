//! Statistics of a time window, from stored rollups where they exist and otherwise from chunk
//! summaries. Stores rollups of the sealed hours that it reads.
//!
//! Hours without a rollup are first read concurrently, so that one can be stored. What is left,
//! above all the hour that is not sealed, is counted from the newest chunk on, as far as one
//! request gets.

mod hours;
mod newest;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use jiff::Timestamp;
use shared::base::clock;
use shared::store::telemetry::{RollupsOf, StoredDay, StoredRollups};
use shared::telemetry::batch::{DAY, HOUR, Signal};
use shared::telemetry::chunk::Position;
use shared::telemetry::query::cursor::MetricsPosition;
use shared::telemetry::query::metrics::{Newest, Series, Step};
use shared::telemetry::query::rollup::{HourRollup, is_final, open_since};
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;
use tokio::sync::Mutex;

use crate::archive::Archive;

/// Number of days read concurrently. A day is completed even if another one fails, so this
/// limits wasted work.
const MAX_CONCURRENT: usize = 4;

/// Counts the events of `part`, newest first. If it has too many summaries for one response, counts only
/// the newest of them, and returns where the next response continues.
///
/// # Errors
/// When storage fails, or when there are too many hours without a rollup for one request. In the
/// latter case, rollups of some of them are stored, and a retry continues from there.
pub(crate) async fn count(
    state: &crate::State,
    archive: &Archive,
    signal: Signal,
    part: Part,
) -> Result<(Series, Option<MetricsPosition>), Error> {
    let window = part.newest().window();
    let mut reader = MetricsReader::of(state, archive, signal, window);
    reader.read_rollups().await?;
    let unknown = reader.unknown_hours();
    let mut is_storable = unknown.iter().any(|hour| reader.sealed.contains(*hour));
    is_storable &= part.before.is_none();
    if is_storable {
        reader.roll_up(unknown).await?;
    } else {
        reader.store(&[]).await;
    }
    reader.count(part).await
}

/// A window, or what earlier responses have left of it.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) window: TimeWindow,
    pub(crate) step: Step,
    /// The chunks before this position are left to count. `None` if all are.
    pub(crate) before: Option<Position>,
}

impl Part {
    fn newest(self) -> Newest {
        Newest::of(self.window, self.step, self.before)
    }
}

/// Reads rollups and summaries for one request.
struct MetricsReader<'a> {
    state: &'a crate::State,
    archive: &'a Archive,
    of: RollupsOf,
    /// The part of the window within the retention.
    window: TimeWindow,
    /// Whole hours of the window that are sealed and entirely within the retention.
    sealed: TimeWindow,
    /// Rollups and late arrivals as stored.
    stored: StoredRollups,
    /// Rollups of sealed hours, stored or computed, and statistics of other hours that were read.
    known: BTreeMap<Timestamp, HourRollup>,
    /// Number of summaries of the hours that were read completely.
    summaries: AtomicUsize,
    /// Number of all summaries that were read to compute rollups.
    spent: AtomicUsize,
    /// Held while a day is read hour by hour, so that only one day is.
    many: Mutex<()>,
    /// Whether some hour has too many summaries to be read by one request.
    is_busy: AtomicBool,
}

impl<'a> MetricsReader<'a> {
    fn of(
        state: &'a crate::State,
        archive: &'a Archive,
        signal: Signal,
        window: TimeWindow,
    ) -> Self {
        let window = archive.kept(window);
        let begin = clock::after(window.from, HOUR - Duration::from_millis(1));
        let sealed = TimeWindow {
            from: clock::floor(begin, HOUR),
            to: open_since(archive.database_now()).min(clock::floor(window.to, HOUR)),
        };
        Self {
            state,
            archive,
            of: RollupsOf {
                application_id: archive.application_id,
                signal,
            },
            window,
            sealed,
            stored: StoredRollups::default(),
            known: BTreeMap::new(),
            summaries: AtomicUsize::new(0),
            spent: AtomicUsize::new(0),
            many: Mutex::default(),
            is_busy: AtomicBool::new(false),
        }
    }

    /// Reads hours, and stores rollups of the sealed ones. Hours that have too many summaries stay
    /// unknown.
    async fn roll_up(&mut self, unknown: Vec<Timestamp>) -> Result<(), Error> {
        let mut read = self.read_summaries(unknown).await;
        if read.iter().flatten().any(|read| read.has_form_2) {
            let marked = self.forget_marked_hours().await?;
            read.extend(self.read_summaries(marked).await);
        }
        self.store(&read).await;
        for read in read {
            let read = read?;
            let sealed = read.sealed.rollups();
            let sealed = sealed.map(|(hour, rollup)| (hour, rollup.clone()));
            self.known.extend(sealed.chain(read.others));
        }
        Ok(())
    }

    /// Reads the stored rollups and the late arrivals that they do not contain.
    async fn read_rollups(&mut self) -> Result<(), Error> {
        if self.sealed.from >= self.sealed.to {
            return Ok(());
        }
        let days = TimeWindow {
            from: clock::floor(self.sealed.from, DAY),
            to: self.sealed.to,
        };
        let database = &self.state.database;
        self.stored = database.rollups(self.of, days, self.archive.now()).await?;
        for item in &self.stored.unreadable {
            tracing::error!(key = item.key, error = %item.error, "a rollup cannot be read");
        }
        let due = self.due_for_a_check();
        for (day, stored) in &self.stored.days {
            if Some(*day) != due {
                self.known.extend(self.usable_hours(stored));
            }
        }
        Ok(())
    }

    /// Returns the hours of a stored rollup that the window wants and that have not expired. Leaves
    /// out hours whose late arrivals are damaged or were not all read; these are counted from their
    /// summaries.
    fn usable_hours(&self, day: &StoredDay) -> BTreeMap<Timestamp, HourRollup> {
        let damaged: BTreeSet<Timestamp> = day.damaged.iter().map(|(hour, _)| *hour).collect();
        let hours = day.rollup.iter().flat_map(|rollup| &rollup.hours);
        let usable = hours.filter(|(hour, rollup)| {
            self.sealed.contains(**hour)
                && rollup.expires_at > self.archive.now()
                && !damaged.contains(hour)
                && day.is_complete(**hour)
        });
        usable
            .map(|(hour, rollup)| (*hour, rollup.clone()))
            .collect()
    }

    /// Returns the day whose rollup is to be compared with its summaries, at most one in each
    /// request. A rollup is compared once, when nothing can be added to it any more, by a query of
    /// all its hours. Rollups of more chunks than half of what one request reads are never compared.
    fn due_for_a_check(&self) -> Option<Timestamp> {
        let most = u64::try_from(self.state.max_summaries / 2).unwrap_or(u64::MAX);
        let is_due = |(day, stored): &(&Timestamp, &StoredDay)| {
            stored.rollup.as_ref().is_some_and(|rollup| {
                let chunks: u64 = rollup.hours.values().map(|hour| hour.chunks).sum();
                let is_wanted = rollup.hours.keys().all(|hour| self.sealed.contains(*hour));
                is_final(**day, self.archive.database_now())
                    && !is_final(**day, rollup.read_at)
                    && is_wanted
                    && chunks <= most
            })
        };
        let mut days = self.stored.days.iter();
        days.find(is_due).map(|(day, _)| *day)
    }

    /// Returns the hours of the window without a usable rollup.
    fn unknown_hours(&self) -> Vec<Timestamp> {
        let hours = self.window.hours();
        let unknown = hours.filter(|hour| !self.known.contains_key(hour));
        unknown.collect()
    }

    /// Forgets hours that an older release (stored form 2) has marked. It leaves no late arrivals, so the
    /// rollups of these hours may lack data. Returns those that were known.
    async fn forget_marked_hours(&mut self) -> Result<Vec<Timestamp>, Error> {
        let days = self.known.keys().map(|hour| clock::floor(*hour, DAY));
        let days: BTreeSet<Timestamp> = days.collect();
        let database = &self.state.database;
        let marked = database.hours_marked_in_form_2(self.of, days).await?;
        let forgotten = marked.into_iter();
        Ok(forgotten
            .filter(|hour| self.known.remove(hour).is_some())
            .collect())
    }
}

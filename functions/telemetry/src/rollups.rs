//! Statistics of a time window, from stored rollups where they exist and from chunk summaries
//! otherwise. Stores the rollups of the sealed hours that it computes.
//!
//! Hours without a rollup are first read concurrently, to store one. What is left, above all the hour
//! that is not sealed, is counted from the newest chunk on, as far as one request gets.

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

/// Counts the events of a window, from its newest part on if it has too many summaries for one
/// response, and after an earlier part if that is given. Returns where the next part begins.
///
/// # Errors
/// When storage fails. If there are too many hours without a rollup for one request, it stores
/// rollups of some of them, and a retry continues from there.
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

/// A window, or what is left of it after the first responses.
#[derive(Clone, Copy)]
pub(crate) struct Part {
    pub(crate) window: TimeWindow,
    pub(crate) step: Step,
    /// The chunks before this position are left. `None` if all are.
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
    /// Rollups of sealed hours that need not be computed, and of hours that were.
    known: BTreeMap<Timestamp, HourRollup>,
    /// Number of summaries of the hours that were read completely.
    summaries: AtomicUsize,
    /// Number of all summaries that were read to roll hours up.
    spent: AtomicUsize,
    /// Held by the day that is read hour by hour.
    many: Mutex<()>,
    /// Whether an hour has too many summaries to be read by one request.
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

    /// Reads hours, stores rollups of the sealed ones, and makes them known. Hours that have too many
    /// summaries stay unknown.
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

    /// The hours of a rollup that the window wants and that have not expired. Late arrivals that
    /// cannot be read are counted from the summaries of their hour.
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

    /// A day whose rollup is compared with its summaries: once, when nothing can be added to it
    /// any more, and if the window has all of its hours. At most one in each request.
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

    /// The hours of the window without a usable rollup.
    fn unknown_hours(&self) -> Vec<Timestamp> {
        let hours = self.window.hours();
        let unknown = hours.filter(|hour| !self.known.contains_key(hour));
        unknown.collect()
    }

    /// A release that writes form 2 is or was active, so it may also have stored late data for
    /// hours with a rollup. It marked these hours. Returns those that were known.
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

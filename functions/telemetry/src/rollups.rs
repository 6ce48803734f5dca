//! Statistics of a time window, from stored rollups where they exist and from chunk summaries
//! otherwise. Stores the rollups of the sealed hours that it computes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use shared::base::causes::WithCauses;
use shared::base::clock;
use shared::store::StorageError;
use shared::store::telemetry::{
    RollupsOf, SealedHours, StoredDay, StoredRollups, StoredSummary, SummariesRead,
};
use shared::telemetry::batch::{DAY, HOUR, Signal};
use shared::telemetry::query::metrics::Series;
use shared::telemetry::query::rollup::{ChunkHash, HourRollup, is_final, open_since};
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;

use crate::archive::{Archive, too_much};

/// Number of days read concurrently. A day is completed even if another one fails, so this
/// limits wasted work.
const MAX_CONCURRENT: usize = 4;

/// Adds all events in the window of a series.
///
/// # Errors
/// When there are too many summaries, or storage fails. If the hours are too many for one
/// request, it stores rollups of some of them, and a retry continues from there.
pub(crate) async fn add_window(
    state: &crate::State,
    archive: &Archive,
    signal: Signal,
    series: &mut Series,
) -> Result<(), Error> {
    let mut reader = MetricsReader::of(state, archive, signal, series.window());
    reader.read_rollups().await?;
    let mut read = reader.read_summaries(reader.unknown_hours()).await;
    if read.iter().flatten().any(|read| read.has_form_2) {
        let marked = reader.forget_marked_hours().await?;
        read.extend(reader.read_summaries(marked).await);
    }
    reader.store(&read).await;
    for read in read {
        reader.add(read?, series);
    }
    for (hour, rollup) in &reader.known {
        series.add_hour(*hour, rollup);
    }
    for late in reader.stored.late() {
        if reader.sealed.contains(late.hour) {
            series.add_hour(late.hour, &late.rollup);
        }
    }
    Ok(())
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
    /// Rollups of sealed hours that need not be computed.
    known: BTreeMap<Timestamp, HourRollup>,
    /// Number of summaries read so far.
    summaries: AtomicUsize,
}

/// Some hours of a day.
struct ReadHours {
    day: Timestamp,
    sealed: SealedHours,
    /// The statistics of the other hours: not sealed, or only a part of them is wanted. Their summaries
    /// would take hundreds of megabytes together.
    others: BTreeMap<Timestamp, HourRollup>,
    /// Whether a release that writes form 2 stored some of it.
    has_form_2: bool,
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
        }
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

    /// Reads the summaries of hours, day by day.
    async fn read_summaries(&self, hours: Vec<Timestamp>) -> Vec<Result<ReadHours, Error>> {
        let mut days = BTreeMap::<Timestamp, Vec<Timestamp>>::new();
        for hour in hours {
            days.entry(clock::floor(hour, DAY)).or_default().push(hour);
        }
        let read = days.into_values().map(|hours| self.read_day(hours));
        // Complete all days even if one fails, so that a retry finds them stored.
        let read = stream::iter(read).buffer_unordered(MAX_CONCURRENT);
        let read: Vec<Vec<_>> = read.collect().await;
        read.into_iter().flatten().collect()
    }

    /// Reads hours of one day together or, if they have too many summaries, one by one.
    async fn read_day(&self, hours: Vec<Timestamp>) -> Vec<Result<ReadHours, Error>> {
        if let Some(read) = self.read_hours(&hours).await.transpose() {
            return vec![read];
        }
        let mut read = Vec::new();
        for hour in hours {
            let hour = self.read_hours(&[hour]).await;
            read.push(hour.and_then(|read| read.ok_or_else(too_much)));
        }
        read
    }

    /// Reads hours of one day together; `None` if they have too many summaries.
    async fn read_hours(&self, hours: &[Timestamp]) -> Result<Option<ReadHours>, Error> {
        let most = self.state.max_summaries;
        if self.summaries.load(Ordering::Relaxed) > most {
            return Err(Error::Unavailable("hours are still being rolled up".into()));
        }
        let first = hours.first().copied().unwrap_or_default();
        let last = hours.last().copied().unwrap_or_default();
        let window = TimeWindow {
            from: first.max(self.window.from),
            to: clock::after(last, HOUR).min(self.window.to),
        };
        let mut read = self.nothing_of(hours);
        let wanted: BTreeSet<&Timestamp> = hours.iter().collect();
        let mut summaries = 0;
        let each = |stored: StoredSummary| {
            summaries += 1;
            if wanted.contains(&stored.hour()) {
                read.add(stored, self.archive);
            }
            Ok::<(), StorageError>(())
        };
        let range = self.archive.summaries(self.of.signal, window);
        match self.state.database.each_summary(&range, most, each).await? {
            SummariesRead::All => {
                self.summaries.fetch_add(summaries, Ordering::Relaxed);
                Ok(Some(read))
            }
            SummariesRead::TooMany => Ok(None),
        }
    }

    fn nothing_of(&self, hours: &[Timestamp]) -> ReadHours {
        let day = clock::floor(hours.first().copied().unwrap_or_default(), DAY);
        let sealed = hours.iter().filter(|hour| self.sealed.contains(**hour));
        let sealed = sealed.map(|hour| (*hour, self.archive.expiry(*hour)));
        let late = self.stored.days.get(&day).map(|day| &day.late);
        let late: BTreeSet<ChunkHash> = late.into_iter().flatten().map(|l| l.hash).collect();
        ReadHours {
            day,
            sealed: SealedHours::new(sealed, late),
            others: BTreeMap::new(),
            has_form_2: false,
        }
    }

    /// Stores the rollups of the sealed hours that were read, one for each day, and folds late
    /// arrivals. A rollup only saves time, so the request does not fail.
    async fn store(&self, read: &[Result<ReadHours, Error>]) {
        let mut days = BTreeMap::<Timestamp, SealedHours>::new();
        for read in read.iter().flatten() {
            let day = days.entry(read.day).or_default();
            day.extend(&read.sealed);
        }
        days.retain(|_, hours| !hours.is_empty());
        if !days.is_empty() {
            let database = &self.state.database;
            let late = database.late_arrivals(self.of, self.sealed, &self.stored);
            match late.await {
                Ok(late) => days.values_mut().for_each(|hours| hours.confirm(&late)),
                // Without it, no hour is confirmed, and so none is stored.
                Err(error) => tracing::warn!(error = %WithCauses(&error), "rollups not stored"),
            }
        }
        let stored = self.stored.days.iter();
        let unchanged = stored.filter(|(day, _)| !days.contains_key(day));
        let folds: Vec<_> = unchanged.map(|(day, seen)| self.fold(*day, seen)).collect();
        stream::iter(folds)
            .buffer_unordered(MAX_CONCURRENT)
            .collect::<()>()
            .await;
        let puts = days.iter();
        let puts: Vec<_> = puts.map(|(day, read)| self.put(*day, read)).collect();
        stream::iter(puts)
            .buffer_unordered(MAX_CONCURRENT)
            .collect::<()>()
            .await;
    }

    async fn put(&self, day: Timestamp, read: &SealedHours) {
        let none = StoredDay::default();
        let seen = self.stored.days.get(&day).unwrap_or(&none);
        let gaps = &self.archive.gaps;
        let now = self.archive.database_now();
        let database = &self.state.database;
        let put = database.put_sealed_hours(self.of, day, seen, read, gaps, now);
        match put.await {
            Ok(replaced) => {
                for hour in replaced.disagreed {
                    tracing::error!(%hour, "a rollup was not that of its summaries");
                }
            }
            Err(error) => {
                tracing::warn!(error = %WithCauses(&error), "rollup not stored, or late arrivals not deleted");
            }
        }
    }

    async fn fold(&self, day: Timestamp, seen: &StoredDay) {
        let fold = self.state.database.fold_late_arrivals(self.of, day, seen);
        if let Err(error) = fold.await {
            tracing::warn!(error = %WithCauses(&error), "late arrivals not folded, or not deleted");
        }
    }

    fn add(&self, read: ReadHours, series: &mut Series) {
        for (hour, rollup) in read.sealed.rollups() {
            series.add_hour(hour, rollup);
        }
        for (hour, rollup) in &read.others {
            series.add_hour(*hour, rollup);
        }
    }
}

impl ReadHours {
    fn add(&mut self, stored: StoredSummary, archive: &Archive) {
        self.has_form_2 |= stored.is_form_2();
        if self.sealed.has(stored.hour()) {
            self.sealed.add(&stored, &archive.gaps);
        } else if let Some(summary) = stored.summary(&archive.gaps) {
            let hour = self.others.entry(stored.hour());
            let hour = hour.or_insert_with(|| HourRollup::expiring(stored.expires_at));
            hour.add(stored.position.hash, &summary, stored.expires_at);
        }
    }
}

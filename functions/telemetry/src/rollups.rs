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
use shared::store::telemetry::{StoredRollups, StoredSummary, SummariesRead, Unreadable};
use shared::telemetry::batch::{DAY, HOUR, Signal};
use shared::telemetry::query::metrics::Series;
use shared::telemetry::query::rollup::{ChunkHash, HourRollup, Rollup, open_since};
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
    let read = reader.read_summaries().await;
    reader.store(&read).await?;
    for read in read {
        for (hour, read) in read?.hours {
            series.add_hour(hour, &read.rollup);
            for stored in read.summaries {
                if let Some(summary) = stored.summary(&archive.gaps) {
                    series.add(hour, &summary);
                }
            }
        }
    }
    for (hour, known) in &reader.known {
        series.add_hour(*hour, &known.rollup);
    }
    Ok(())
}

/// Reads rollups and summaries for one request.
struct MetricsReader<'a> {
    state: &'a crate::State,
    archive: &'a Archive,
    signal: Signal,
    /// The part of the window within the retention.
    window: TimeWindow,
    /// Whole hours of the window that are sealed and entirely within the retention.
    sealed: TimeWindow,
    /// Rollups of sealed hours, with their late arrivals.
    known: BTreeMap<Timestamp, Known>,
    /// Number of summaries read so far.
    summaries: AtomicUsize,
}

/// The rollup of an hour.
struct Known {
    rollup: HourRollup,
    sealed_at: Timestamp,
}

/// Statistics of some hours of a day.
#[derive(Default)]
struct ReadHours {
    hours: BTreeMap<Timestamp, ReadHour>,
    /// Latest expiry of a summary.
    expires_at: Option<Timestamp>,
}

/// Statistics of an hour.
#[derive(Default)]
struct ReadHour {
    /// The whole hour, if it is sealed.
    rollup: HourRollup,
    hashes: BTreeSet<ChunkHash>,
    /// Whether some summaries are of form 2, whose writers do not store late arrivals.
    has_form_2: bool,
    /// The summaries, if the hour is not sealed or only a part of it is wanted.
    summaries: Vec<StoredSummary>,
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
            signal,
            window,
            sealed,
            known: BTreeMap::new(),
            summaries: AtomicUsize::new(0),
        }
    }

    /// Reads the stored rollups, and adds the late arrivals that they do not contain.
    async fn read_rollups(&mut self) -> Result<(), Error> {
        if self.sealed.from >= self.sealed.to {
            return Ok(());
        }
        // A rollup is stored under its first hour, and never reaches into the next day.
        let days = TimeWindow {
            from: clock::floor(self.sealed.from, DAY),
            to: self.sealed.to,
        };
        let archive = self.archive;
        let StoredRollups {
            rollups,
            late,
            unreadable,
            incomplete_from,
        } = self
            .state
            .database
            .rollups(
                archive.application_id,
                self.signal,
                days,
                archive.now(),
                &archive.gaps,
            )
            .await?;
        for item in unreadable {
            tracing::error!(key = item.key, error = %item.error, "a rollup cannot be read");
        }
        for rollup in rollups {
            self.know(rollup);
        }
        if let Some(hour) = incomplete_from {
            self.known.split_off(&hour);
        }
        for (hour, hash, rollup) in late {
            if let Some(known) = self.known.get_mut(&hour) {
                known.rollup.add_late(hash, &rollup);
            }
        }
        Ok(())
    }

    /// Of several rollups of an hour, keeps the newest.
    fn know(&mut self, rollup: Rollup) {
        let wanted = rollup.hours.into_iter();
        for (hour, hours) in wanted.filter(|(hour, _)| self.sealed.contains(*hour)) {
            let known = Known {
                rollup: hours,
                sealed_at: rollup.sealed_at,
            };
            let is_newer = |other: &Known| other.sealed_at < known.sealed_at;
            if self.known.get(&hour).is_none_or(is_newer) {
                self.known.insert(hour, known);
            }
        }
    }

    /// Reads the summaries of all hours without a rollup, day by day.
    async fn read_summaries(&self) -> Vec<Result<ReadHours, Error>> {
        let mut days = BTreeMap::<Timestamp, Vec<Timestamp>>::new();
        for hour in self
            .window
            .hours()
            .filter(|hour| !self.known.contains_key(hour))
        {
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
        let mut read = ReadHours::default();
        let (Some(first), Some(last)) = (hours.first(), hours.last()) else {
            return Ok(Some(read));
        };
        read.hours = hours
            .iter()
            .map(|hour| (*hour, ReadHour::default()))
            .collect();
        let window = TimeWindow {
            from: (*first).max(self.window.from),
            to: clock::after(*last, HOUR).min(self.window.to),
        };
        let range = self.archive.summaries(self.signal, window);
        let mut summaries = 0;
        let each = |stored: StoredSummary| {
            summaries += 1;
            self.add(&mut read, stored);
            Ok::<(), StorageError>(())
        };
        match self.state.database.each_summary(&range, most, each).await? {
            SummariesRead::All => {
                self.summaries.fetch_add(summaries, Ordering::Relaxed);
                Ok(Some(read))
            }
            SummariesRead::TooMany => Ok(None),
        }
    }

    fn add(&self, read: &mut ReadHours, stored: StoredSummary) {
        let hour = stored.hour();
        let Some(hours) = read.hours.get_mut(&hour) else {
            return;
        };
        if !self.sealed.contains(hour) {
            hours.summaries.push(stored);
            return;
        }
        read.expires_at = read.expires_at.max(Some(stored.expires_at));
        hours.has_form_2 |= stored.is_form_2();
        if let Some(summary) = stored.summary(&self.archive.gaps) {
            let hash = stored.position.hash;
            hours.rollup.add(hash, &summary);
            hours.hashes.insert(hash);
        }
    }

    /// Stores the rollups of the sealed hours that were read.
    async fn store(&self, read: &[Result<ReadHours, Error>]) -> Result<(), Error> {
        let unread = self.archive.gaps.hours();
        let drafts = read.iter().flatten();
        let drafts: Vec<Draft> = drafts
            .filter_map(|read| self.draft(read, &unread))
            .collect();
        if drafts.is_empty() {
            return Ok(());
        }
        let application_id = self.archive.application_id;
        let database = &self.state.database;
        // Read after the summaries: a late arrival is written together with its summary, so
        // those that belong to a summary read above are all seen here.
        let late = database
            .late_arrivals(application_id, self.signal, self.sealed)
            .await?;
        let sealed_at = self.archive.database_now();
        let rollups = drafts.into_iter().map(|draft| {
            let hours = draft.hours.into_iter();
            let hours = hours.map(|(hour, read)| (hour, read.rollup_naming(&late)));
            let rollup = Rollup {
                sealed_at,
                hours: hours.collect(),
            };
            (rollup, draft.expires_at)
        });
        let rollups: Vec<(Rollup, Timestamp)> = rollups.collect();
        let puts = rollups.into_iter().map(async |(rollup, expires_at)| {
            let put = database.put_rollup(application_id, self.signal, rollup, expires_at);
            if let Err(error) = put.await {
                // A rollup only saves time, so the request does not fail.
                tracing::warn!(error = %WithCauses(&error), "rollup not stored");
            }
        });
        stream::iter(puts)
            .buffer_unordered(MAX_CONCURRENT)
            .collect::<()>()
            .await;
        Ok(())
    }

    /// The sealed hours of a day that may be stored; `None` if there are none.
    fn draft<'b>(
        &self,
        read: &'b ReadHours,
        unread: &BTreeMap<Timestamp, Unreadable>,
    ) -> Option<Draft<'b>> {
        let is_stored = |(hour, read): &(&Timestamp, &ReadHour)| {
            self.sealed.contains(**hour) && !read.has_form_2 && !unread.contains_key(hour)
        };
        let hours = read.hours.iter().filter(is_stored);
        let hours: Vec<_> = hours.map(|(hour, read)| (*hour, read)).collect();
        let (last, _) = hours.last()?;
        let expires_at = read
            .expires_at
            .unwrap_or_else(|| self.archive.expiry(*last));
        Some(Draft { hours, expires_at })
    }
}

/// The sealed hours of a day, to be stored.
struct Draft<'a> {
    hours: Vec<(Timestamp, &'a ReadHour)>,
    expires_at: Timestamp,
}

impl ReadHour {
    /// The rollup of the hour, which names those of its chunks that are stored as late arrivals.
    fn rollup_naming(&self, late: &BTreeSet<ChunkHash>) -> HourRollup {
        let mut rollup = self.rollup.clone();
        rollup.late = self.hashes.intersection(late).copied().collect();
        rollup
    }
}

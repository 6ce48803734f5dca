//! Reads the summaries of hours without a rollup, to store one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use shared::base::clock;
use shared::store::StorageError;
use shared::store::telemetry::{SealedHours, StoredSummary, SummariesRead};
use shared::telemetry::batch::{DAY, HOUR};
use shared::telemetry::query::rollup::{ChunkHash, HourRollup};
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;

use super::{MAX_CONCURRENT, MetricsReader};
use crate::archive::Archive;

/// The hours of a day are read one by one if together they have more than this fraction (one in
/// `MANY`) of the summaries that one request reads.
const MANY: usize = 16;

/// Number of summaries that a query may still return after a limit was reached.
const PAGE: usize = 1_200;

/// Hours of a day that were read.
pub(super) struct ReadHours {
    pub(super) day: Timestamp,
    pub(super) sealed: SealedHours,
    /// Statistics of the other hours, which are not sealed or only wanted in part. Their summaries
    /// together would take hundreds of megabytes.
    pub(super) others: BTreeMap<Timestamp, HourRollup>,
    /// Whether some of it was stored by a release that writes form 2.
    pub(super) has_form_2: bool,
}

impl MetricsReader<'_> {
    /// Reads the summaries of hours, day by day.
    pub(super) async fn read_summaries(
        &self,
        hours: Vec<Timestamp>,
    ) -> Vec<Result<ReadHours, Error>> {
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

    /// Reads hours of one day together or, if they have many summaries, one by one. Leaves out hours
    /// that have too many.
    async fn read_day(&self, hours: Vec<Timestamp>) -> Vec<Result<ReadHours, Error>> {
        if hours.len() > 1 {
            let many = self.state.max_summaries / MANY;
            if let Some(read) = self.read_hours(&hours, many).await.transpose() {
                return vec![read];
            }
        }
        let _one_day_at_a_time = self.many.lock().await;
        let mut read = Vec::new();
        for hour in hours {
            let hour = self.read_hours(&[hour], self.state.max_summaries).await;
            self.is_busy
                .fetch_or(matches!(hour, Ok(None)), Ordering::Relaxed);
            read.extend(hour.transpose());
        }
        read
    }

    /// Reads hours of one day together. Returns `None` if they have more than `most` summaries, or
    /// some hour is known to have too many.
    async fn read_hours(
        &self,
        hours: &[Timestamp],
        most: usize,
    ) -> Result<Option<ReadHours>, Error> {
        if self.is_busy.load(Ordering::Relaxed) {
            return Ok(None);
        }
        if self.summaries.load(Ordering::Relaxed) > self.state.max_summaries {
            return Err(still_rolling_up());
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
        let visit = |stored: StoredSummary| {
            summaries += 1;
            if self.spent.fetch_add(1, Ordering::Relaxed) >= self.most_spent() {
                return Err(StorageError::Throttled("too many summaries".into()));
            }
            if wanted.contains(&stored.hour()) {
                read.add(stored, self.archive);
            }
            Ok::<(), StorageError>(())
        };
        let range = self.archive.summaries(self.of.signal, window);
        match self.state.database.each_summary(&range, most, visit).await {
            Ok(SummariesRead::All) => {
                self.summaries.fetch_add(summaries, Ordering::Relaxed);
                Ok(Some(read))
            }
            Ok(SummariesRead::TooMany) => Ok(None),
            Err(_) if self.spent.load(Ordering::Relaxed) > self.most_spent() => self.stop(),
            Err(error) => Err(error.into()),
        }
    }

    /// Stops reading hours. If rollups of some can be stored, a retry gets further.
    fn stop(&self) -> Result<Option<ReadHours>, Error> {
        if self.summaries.load(Ordering::Relaxed) > 0 {
            return Err(still_rolling_up());
        }
        self.is_busy.store(true, Ordering::Relaxed);
        Ok(None)
    }

    /// Number of summaries that may be read to roll hours up.
    fn most_spent(&self) -> usize {
        let most = self.state.max_summaries;
        most + MAX_CONCURRENT * (most / MANY + PAGE)
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
}

fn still_rolling_up() -> Error {
    Error::Unavailable("hours are still being rolled up".into())
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

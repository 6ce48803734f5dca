//! Statistics of a window: rollups for sealed hours, and chunk summaries for the rest.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use shared::base::causes::WithCauses;
use shared::base::clock;
use shared::store::StorageError;
use shared::store::telemetry::{
    DirtyMarker, RollupKey, StoredRollup, StoredSummary, SummariesRead,
};
use shared::telemetry::batch::{HOUR, Signal};
use shared::telemetry::query::metrics::Series;
use shared::telemetry::query::rollup::{Parts, Rollup};
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;

use crate::archive::{Archive, too_much};

/// Number of hours rolled up concurrently. A rollup is completed even if another one fails,
/// so this limits wasted work.
const MAX_CONCURRENT: usize = 2;

/// Adds all events in the window of a series.
///
/// # Errors
/// When there are too many summaries, or storage fails. If the sealed hours are too many
/// for one request, it stores rollups of some of them, and a retry continues from there.
pub(crate) async fn add_window(
    state: &crate::State,
    archive: &Archive,
    signal: Signal,
    series: &mut Series,
) -> Result<(), Error> {
    let reader = RollupReader {
        state,
        archive,
        signal,
        summaries: AtomicUsize::new(0),
    };
    let Parts { hours, rest } = Parts::of(series.window(), archive.rollups_since(), archive.now());
    for window in rest {
        reader
            .each_summary(window, |stored| {
                series.add(stored.hour(), &stored.summary()?);
                Ok(())
            })
            .await?;
    }
    for (hour, rollup) in reader.of_hours(hours).await? {
        series.add_hour(hour, &rollup);
    }
    Ok(())
}

/// Reads rollups and summaries for one request.
struct RollupReader<'a> {
    state: &'a crate::State,
    archive: &'a Archive,
    signal: Signal,
    /// Number of summaries read so far.
    summaries: AtomicUsize,
}

impl RollupReader<'_> {
    /// The rollups of sealed hours. Missing ones are computed and stored.
    async fn of_hours(&self, hours: Vec<Timestamp>) -> Result<Vec<(Timestamp, Rollup)>, Error> {
        let (Some(from), Some(last)) = (hours.first(), hours.last()) else {
            return Ok(Vec::new());
        };
        let all = TimeWindow {
            from: *from,
            to: clock::after(*last, HOUR),
        };
        let application_id = self.archive.application_id;
        let mut stored = self
            .state
            .database
            .rollups(application_id, self.signal, all, self.archive.now())
            .await?;
        let stored = hours.into_iter().map(|hour| (hour, stored.remove(&hour)));
        let pending = stored.map(async |(hour, stored)| {
            let rollup = match stored {
                Some(StoredRollup::Whole(rollup)) => rollup,
                Some(StoredRollup::Dirty(marker)) => self.roll_up(hour, Some(&marker)).await?,
                None => self.roll_up(hour, None).await?,
            };
            Ok((hour, rollup))
        });
        // Complete all rollups even if one fails, so that a retry finds them stored.
        let completed = stream::iter(pending).buffer_unordered(MAX_CONCURRENT);
        completed.collect::<Vec<_>>().await.into_iter().collect()
    }

    /// Computes the rollup of an hour and stores it.
    async fn roll_up(&self, hour: Timestamp, seen: Option<&DirtyMarker>) -> Result<Rollup, Error> {
        if self.summaries.load(Ordering::Relaxed) > self.state.max_summaries {
            return Err(Error::Unavailable("hours are still being rolled up".into()));
        }
        let mut rollup = Rollup::default();
        let mut expires_at = self.archive.expiry(hour);
        let window = TimeWindow {
            from: hour,
            to: clock::after(hour, HOUR),
        };
        self.each_summary(window, |stored| {
            rollup.add(&stored.summary()?);
            expires_at = expires_at.max(stored.expires_at);
            Ok(())
        })
        .await?;
        let key = RollupKey {
            application_id: self.archive.application_id,
            signal: self.signal,
            hour,
        };
        let put = self
            .state
            .database
            .put_rollup(key, &rollup, seen, expires_at);
        if let Err(error) = put.await {
            // A rollup only saves time, so the request does not fail.
            tracing::warn!(error = %WithCauses(&error), "rollup not stored");
        }
        Ok(rollup)
    }

    async fn each_summary(
        &self,
        window: TimeWindow,
        mut each: impl FnMut(StoredSummary) -> Result<(), StorageError>,
    ) -> Result<(), Error> {
        let range = self.archive.summaries(self.signal, window);
        let counted = |stored| {
            self.summaries.fetch_add(1, Ordering::Relaxed);
            each(stored)
        };
        let most = self.state.max_summaries;
        match self
            .state
            .database
            .each_summary(&range, most, counted)
            .await?
        {
            SummariesRead::All => Ok(()),
            SummariesRead::TooMany => Err(too_much()),
        }
    }
}

//! Adding up a time: the sums of settled hours, and the heads of everything else.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use shared::base::causes::WithCauses;
use shared::base::clock;
use shared::store::StorageError;
use shared::store::telemetry::{HeadsRead, Mark, RollupKey, StoredHead, StoredRollup};
use shared::telemetry::batch::{HOUR, Signal};
use shared::telemetry::query::metrics::Series;
use shared::telemetry::query::rollup::{Parts, Rollup};
use shared::telemetry::query::window::Window;
use shared::web::error::Error;

use crate::archive::{Archive, too_much};

/// Hours that are summed up side by side: what is begun is ended, so few at a time.
const MAX_CONCURRENT: usize = 2;

/// Adds all that happened in the time of a series.
///
/// # Errors
/// When there is too much of it, and when storage fails. Where it is settled hours
/// that are too much for one request, some of them are summed up by then, and the
/// same question again goes on from there.
pub(crate) async fn add_up(
    state: &crate::State,
    archive: &Archive,
    signal: Signal,
    series: &mut Series,
) -> Result<(), Error> {
    let sums = Sums {
        state,
        archive,
        signal,
        heads: AtomicUsize::new(0),
    };
    let Parts { hours, rest } = Parts::of(series.window(), archive.sums_since(), archive.now());
    for window in rest {
        sums.each_head(window, |head| {
            series.add(head.hour(), &head.summary()?);
            Ok(())
        })
        .await?;
    }
    for (hour, rollup) in sums.of_hours(hours).await? {
        series.add_hour(hour, &rollup);
    }
    Ok(())
}

/// What is added up for one request.
struct Sums<'a> {
    state: &'a crate::State,
    archive: &'a Archive,
    signal: Signal,
    /// Heads that were read for it so far.
    heads: AtomicUsize,
}

impl Sums<'_> {
    /// The sums of settled hours. Those that nobody asked about before are made,
    /// and kept for the next question.
    async fn of_hours(&self, hours: Vec<Timestamp>) -> Result<Vec<(Timestamp, Rollup)>, Error> {
        let (Some(from), Some(last)) = (hours.first(), hours.last()) else {
            return Ok(Vec::new());
        };
        let all = Window {
            from: *from,
            to: clock::after(*last, HOUR),
        };
        let (id, now) = (self.archive.application_id, self.archive.now());
        let stored = self.state.database.rollups(id, self.signal, all, now);
        let mut stored = stored.await?;
        let of_hours = hours.into_iter().map(|hour| (hour, stored.remove(&hour)));
        let of_hours = of_hours.map(async |(hour, stored)| {
            let rollup = match stored {
                Some(StoredRollup::Whole(rollup)) => rollup,
                Some(StoredRollup::Outdated(mark)) => self.make(hour, Some(&mark)).await?,
                None => self.make(hour, None).await?,
            };
            Ok((hour, rollup))
        });
        // All that was begun is ended, also when there is more than can be done: the
        // next question finds it.
        let of_hours = stream::iter(of_hours).buffer_unordered(MAX_CONCURRENT);
        of_hours.collect::<Vec<_>>().await.into_iter().collect()
    }

    async fn make(&self, hour: Timestamp, seen: Option<&Mark>) -> Result<Rollup, Error> {
        if self.heads.load(Ordering::Relaxed) > self.state.max_heads {
            return Err(Error::Unavailable("hours are still being summed up".into()));
        }
        let mut rollup = Rollup::default();
        let mut expires_at = self.archive.expiry(hour);
        let window = Window {
            from: hour,
            to: clock::after(hour, HOUR),
        };
        self.each_head(window, |head| {
            rollup.add(&head.summary()?);
            expires_at = expires_at.max(head.expires_at);
            Ok(())
        })
        .await?;
        let key = RollupKey {
            application_id: self.archive.application_id,
            signal: self.signal,
            hour,
        };
        let kept = self
            .state
            .database
            .put_rollup(key, &rollup, seen, expires_at);
        if let Err(error) = kept.await {
            // They are only a saving.
            tracing::warn!(error = %WithCauses(&error), "sums of an hour not kept");
        }
        Ok(rollup)
    }

    async fn each_head(
        &self,
        window: Window,
        mut each: impl FnMut(StoredHead) -> Result<(), StorageError>,
    ) -> Result<(), Error> {
        let range = self.archive.heads(self.signal, window);
        let counted = |head| {
            self.heads.fetch_add(1, Ordering::Relaxed);
            each(head)
        };
        let most = self.state.max_heads;
        match self.state.database.each_head(&range, most, counted).await? {
            HeadsRead::All => Ok(()),
            HeadsRead::TooMany => Err(too_much()),
        }
    }
}

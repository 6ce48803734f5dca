//! Stores the rollups of the hours that a request computed.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use shared::base::causes::WithCauses;
use shared::store::telemetry::{SealedHours, StoredDay};
use shared::web::error::Error;

use super::hours::ReadHours;
use super::{MAX_CONCURRENT, MetricsReader};

impl MetricsReader<'_> {
    /// Stores the rollups of the sealed hours that were read, one for each day, and folds late
    /// arrivals into stored rollups. Errors are only logged, because a rollup only saves time.
    pub(super) async fn store(&self, read: &[Result<ReadHours, Error>]) {
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
                // Without the late arrivals, no hour is confirmed, and so none is stored.
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
}

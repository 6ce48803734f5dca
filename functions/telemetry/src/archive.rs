//! The telemetry that a caller may read: that of one application, within its retention.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use shared::base::clock;
use shared::base::ids::ApplicationId;
use shared::identity::application::MAX_RETENTION_DAYS;
use shared::reading::ReadableApplication;
use shared::store::telemetry::{Gaps, SummaryRange, Unreadable};
use shared::telemetry::batch::{DAY, HOUR, Signal};
use shared::telemetry::decode::MAX_PAST;
use shared::telemetry::query::window::TimeWindow;
use shared::web::error::Error;
use utoipa::ToSchema;

/// Minimum age at which lists read chunk summaries with eventual consistency.
const EVENTUAL_AFTER: Duration = Duration::from_secs(60);

const MILLISECOND: Duration = Duration::from_millis(1);

/// The telemetry of an application that the caller may read.
pub(crate) struct Archive {
    /// Application whose telemetry is read.
    pub(crate) application_id: ApplicationId,
    /// When the application was created. Unknown to readers with a key.
    created_at: Option<Timestamp>,
    shards: u32,
    retention: Duration,
    now: Timestamp,
    database_now: Timestamp,
    /// Collects what cannot be read.
    pub(crate) gaps: Gaps,
}

/// A time range with stored telemetry that this release cannot read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Gap {
    /// Start, included.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    from: Timestamp,
    /// End, excluded.
    #[serde(serialize_with = "clock::serialize_rfc3339")]
    to: Timestamp,
}

impl Archive {
    /// Returns the telemetry of an application, as of now.
    pub(crate) fn of(application: &ReadableApplication, state: &crate::State) -> Self {
        let database_now = state.database.now_or(state.clock.now());
        // If the clock of this instance is slow, the database's clock also covers newer telemetry
        // from others.
        let now = state.clock.now().max(database_now);
        Self {
            application_id: application.id,
            created_at: application.created_at,
            shards: application.telemetry.shards.get().into(),
            retention: application.telemetry.retention_or(state.retention),
            now,
            database_now,
            gaps: Gaps::default(),
        }
    }

    /// Returns the range of summaries of all chunks that may hold events of a window and have not
    /// expired.
    pub(crate) fn summaries(&self, signal: Signal, window: TimeWindow) -> SummaryRange<'_> {
        let window = window.within(self.everything());
        SummaryRange {
            application_id: self.application_id,
            signal,
            shards: self.shards,
            window,
            before: window.last_hour(),
            prior_to: None,
            at_or_after: None,
            now: self.now,
            eventual_before: Timestamp::UNIX_EPOCH,
            gaps: &self.gaps,
        }
    }

    /// Like [`Self::summaries`], but reads older summaries with eventual consistency, so a late
    /// batch that was stored within the last second may be missing.
    pub(crate) fn summaries_for_list(
        &self,
        signal: Signal,
        window: TimeWindow,
    ) -> SummaryRange<'_> {
        SummaryRange {
            eventual_before: clock::before(self.database_now, EVENTUAL_AFTER),
            ..self.summaries(signal, window)
        }
    }

    /// Like [`Self::summaries_for_list`], also if an earlier, longer retention keeps them and lists no longer
    /// show them.
    pub(crate) fn stored(&self, signal: Signal, window: TimeWindow) -> SummaryRange<'_> {
        let window = window.within(self.ever());
        SummaryRange {
            window,
            before: window.last_hour(),
            ..self.summaries_for_list(signal, window)
        }
    }

    /// Returns the range of summaries of the chunks positioned within a window, for lists. The
    /// chunks of a trace are positioned between its start and the time it was sent.
    pub(crate) fn summaries_at(&self, signal: Signal, window: TimeWindow) -> SummaryRange<'_> {
        let window = window.within(self.everything());
        SummaryRange {
            before: window.to,
            ..self.summaries_for_list(signal, window)
        }
    }

    /// Returns the window of a query with these parameters.
    ///
    /// # Errors
    /// When `from` is not before `to`.
    pub(crate) fn window(
        &self,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<TimeWindow, Error> {
        TimeWindow::requested(from, to, self.now).map_err(|error| invalid("from", error))
    }

    /// Returns the window of all telemetry that is kept, in whole milliseconds, as positions of
    /// chunks are.
    pub(crate) fn everything(&self) -> TimeWindow {
        let ahead = TimeWindow::around(self.now, shared::telemetry::decode::MAX_AHEAD);
        TimeWindow {
            from: clock::floor(self.oldest(), MILLISECOND),
            to: clock::floor(ahead.to, MILLISECOND),
        }
    }

    /// The window of all telemetry that may be stored, under any retention.
    pub(crate) fn ever(&self) -> TimeWindow {
        let oldest = clock::before(self.now, DAY * u32::from(MAX_RETENTION_DAYS));
        TimeWindow {
            from: clock::floor(oldest, MILLISECOND).max(self.created()),
            ..self.everything()
        }
    }

    /// Returns the time of the request.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns when the events of an hour expire, under the application's current retention.
    pub(crate) fn expiry(&self, hour: Timestamp) -> Timestamp {
        clock::after(hour, self.retention)
    }

    /// Returns the time of the request by the clock of the database, which all instances share.
    pub(crate) fn database_now(&self) -> Timestamp {
        self.database_now
    }

    /// Returns the part of a window that may hold events: within the retention, and not before the
    /// earliest possible start of a span in the application's first batch.
    pub(crate) fn kept(&self, window: TimeWindow) -> TimeWindow {
        let everything = self.everything();
        window.within(TimeWindow {
            from: everything.from.max(self.created()),
            ..everything
        })
    }

    /// The earliest possible start of a span in the application's first batch.
    fn created(&self) -> Timestamp {
        let created_at = self.created_at.unwrap_or(Timestamp::UNIX_EPOCH);
        clock::before(created_at, MAX_PAST)
    }

    /// Returns the time ranges with telemetry that could not be read, oldest first. Logs each hour.
    pub(crate) fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::<Gap>::new();
        for (hour, Unreadable { key, error }) in self.gaps.hours() {
            tracing::error!(%hour, key, %error, "stored telemetry cannot be read");
            let to = clock::after(hour, HOUR);
            match gaps.last_mut() {
                Some(last) if last.to == hour => last.to = to,
                _ => gaps.push(Gap { from: hour, to }),
            }
        }
        gaps
    }

    /// Returns the start of the oldest telemetry that is kept. Events expire with the hour they
    /// started in.
    fn oldest(&self) -> Timestamp {
        clock::before(self.now, self.retention)
    }
}

/// Returns the error for an invalid query parameter.
pub(crate) fn invalid(name: &str, reason: impl ToString) -> Error {
    Error::invalid_field(&format!("/{name}"), reason)
}

/// Returns the error for a list whose next page would get no further.
pub(crate) fn too_much() -> Error {
    let problem = "there is too much telemetry in this window; narrow `from` and `to`";
    Error::Malformed(problem.to_owned())
}

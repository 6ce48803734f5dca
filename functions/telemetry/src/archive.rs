//! What a member may read: one application's telemetry, as long as it is kept.

use std::time::Duration;

use jiff::Timestamp;
use shared::base::clock;
use shared::base::ids::ApplicationId;
use shared::store::applications::Membership;
use shared::store::telemetry::HeadRange;
use shared::telemetry::batch::Signal;
use shared::telemetry::decode::MAX_AGE;
use shared::telemetry::query::window::Window;
use shared::web::error::Error;

/// The telemetry of an application that the caller is a member of.
#[derive(Clone, Copy)]
pub(crate) struct Archive {
    /// The application.
    pub(crate) application_id: ApplicationId,
    created_at: Timestamp,
    shards: u32,
    retention: Duration,
    now: Timestamp,
}

impl Archive {
    /// What the member may read now.
    pub(crate) fn of(membership: &Membership, state: &crate::State) -> Self {
        let application = &membership.application;
        Self {
            application_id: application.id,
            created_at: application.created_at,
            shards: application.telemetry.shards.get().into(),
            retention: application.telemetry.retention_or(state.retention),
            now: state.clock.now(),
        }
    }

    /// All heads with events of a time, without what has expired.
    pub(crate) fn heads(&self, signal: Signal, window: Window) -> HeadRange {
        HeadRange {
            application_id: self.application_id,
            signal,
            shards: self.shards,
            window: window.since(self.oldest()),
            before: window.last_hour(),
            now: self.now,
        }
    }

    /// The heads whose place is within a time. Of a trace that are all, from its
    /// start until it was sent.
    pub(crate) fn heads_at(&self, signal: Signal, window: Window) -> HeadRange {
        HeadRange {
            before: window.to,
            ..self.heads(signal, window)
        }
    }

    /// The window that was asked for.
    ///
    /// # Errors
    /// When the end is not after the beginning.
    pub(crate) fn window(
        &self,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) -> Result<Window, Error> {
        Window::asked(from, to, self.now).map_err(|error| invalid("from", error))
    }

    /// All that is kept.
    pub(crate) fn everything(&self) -> Window {
        let ahead = Window::around(self.now, shared::telemetry::decode::MAX_AHEAD);
        Window {
            from: self.oldest(),
            to: ahead.to,
        }
    }

    /// Now.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// When what started in an hour expires, as the application is set now.
    pub(crate) fn expiry(&self, hour: Timestamp) -> Timestamp {
        clock::after(hour, self.retention)
    }

    /// Since when sums of hours are made. What is older than the application by more
    /// than a day can only be spans that took so long.
    pub(crate) fn sums_since(&self) -> Timestamp {
        self.oldest().max(clock::before(self.created_at, MAX_AGE))
    }

    /// Telemetry expires with the hour it started in.
    fn oldest(&self) -> Timestamp {
        clock::before(self.now, self.retention)
    }
}

/// A parameter of the query that cannot be accepted.
pub(crate) fn invalid(name: &str, reason: impl ToString) -> Error {
    Error::invalid_field(&format!("/{name}"), reason)
}

/// More heads than one answer may read.
pub(crate) fn too_much() -> Error {
    let told = "there is too much telemetry in this time; narrow `from` and `to`, or give `at`";
    Error::Malformed(told.to_owned())
}

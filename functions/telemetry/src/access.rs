//! What a caller may read: one application's telemetry, as long as it is kept.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use shared::base::clock;
use shared::base::ids::ApplicationId;
use shared::identity::access_token::Principal;
use shared::store::telemetry::HeadRange;
use shared::telemetry::batch::Signal;
use shared::telemetry::decode::MAX_AGE;
use shared::telemetry::query::window::Window;
use shared::web::error::{Error, Resource};
use shared::web::request_log;

/// An application whose telemetry the caller may read.
#[derive(Clone, Copy)]
pub(crate) struct Access {
    /// The application.
    pub(crate) application_id: ApplicationId,
    created_at: Timestamp,
    shards: u32,
    retention: Duration,
    now: Timestamp,
}

impl Access {
    /// Checks membership. One consistent read of two items.
    ///
    /// # Errors
    /// Not found, for an unknown and for someone else's application alike.
    pub(crate) async fn check(
        state: &crate::State,
        principal: &Principal,
        application_id: &str,
    ) -> Result<Self, Error> {
        const UNKNOWN: Error = Error::NotFound(Resource::Application);
        let id = application_id.parse().map_err(|_| UNKNOWN)?;
        request_log::note_application(id);
        let membership = state.database.application_of(principal.user_id, id).await?;
        let application = membership.ok_or(UNKNOWN)?.application;
        Ok(Self {
            application_id: application.id,
            created_at: application.created_at,
            shards: application.telemetry.shards.get().into(),
            retention: application.telemetry.retention_or(state.retention),
            now: state.clock.now(),
        })
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
    /// When a bound is no time, or the end is before the beginning.
    pub(crate) fn window(&self, from: Option<&str>, to: Option<&str>) -> Result<Window, Error> {
        let time = |name, text: Option<&str>| {
            let words = "must be an RFC 3339 time with an offset, like 2026-01-31T12:00:00.000Z";
            text.map(|text| parsed::<Timestamp>(name, text).map_err(|_| invalid(name, words)))
                .transpose()
        };
        Window::asked(time("from", from)?, time("to", to)?, self.now)
            .map_err(|error| invalid("from", error))
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

/// A parameter of the query, of any type that parses from text.
///
/// # Errors
/// When it does not parse: the field is named.
pub(crate) fn parsed<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|error| invalid(name, error))
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

//! The periods that quotas are for, and what a quota belongs to.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use upblit_base::clock;
use upblit_base::environment::DAY;
use upblit_base::ids::{ApplicationId, PublicKeyId, UserId};

/// What a quota belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuotaOf {
    /// A key: its requests, events and write units in a minute.
    Key(PublicKeyId),
    /// An application: its write units in a day.
    Application(ApplicationId),
    /// A user: the write units in a day of all applications that the user created.
    User(UserId),
    /// An application: the read units in a day of all queries about it.
    ReadsOfApplication(ApplicationId),
    /// A user: the read units in a day of what the user reads, of any application.
    ReadsOfUser(UserId),
    /// A user: the read units in a day of what keys of the applications read that the user created.
    ReadsOfKeys(UserId),
}

impl QuotaOf {
    /// Returns the period of the quota.
    pub fn period(self) -> Period {
        match self {
            Self::Key(_) => Period::Minute,
            Self::Application(_)
            | Self::User(_)
            | Self::ReadsOfApplication(_)
            | Self::ReadsOfUser(_)
            | Self::ReadsOfKeys(_) => Period::Day,
        }
    }
}

/// Period of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// A minute.
    Minute,
    /// A day in UTC.
    Day,
}

impl Period {
    /// Returns the length of the period.
    pub fn length(self) -> Duration {
        match self {
            Self::Minute => Duration::from_secs(60),
            Self::Day => DAY,
        }
    }

    /// Returns whether a request is denied if other instances leased first in each of its attempts,
    /// although the quota may not be used up. `true` for a minute, because the sender retries soon;
    /// `false` for a day, because a denial for the rest of it would lose the batch.
    pub fn denies_outrun_requests(self) -> bool {
        match self {
            Self::Minute => true,
            Self::Day => false,
        }
    }

    fn seconds(self) -> i64 {
        i64::try_from(self.length().as_secs()).unwrap_or(i64::MAX)
    }
}

/// A rate-limit window: one minute or one day (UTC) of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RateWindow {
    period: Period,
    number: i64,
}

impl RateWindow {
    /// Returns the window that contains `now`.
    pub fn at(period: Period, now: Timestamp) -> Self {
        let number = now.as_second().div_euclid(period.seconds());
        Self { period, number }
    }

    /// Returns the number of the window, counted from the Unix epoch.
    pub fn number(self) -> i64 {
        self.number
    }

    /// Returns the end of the window, which is not part of it.
    pub fn end(self) -> Timestamp {
        clock::from_seconds((self.number + 1).saturating_mul(self.period.seconds()))
    }

    /// Returns the day (UTC) in which the window begins.
    pub fn day(self) -> Date {
        let begin = clock::before(self.end(), self.period.length());
        begin.to_zoned(TimeZone::UTC).date()
    }

    /// Returns the seconds until the next window, at least 1.
    pub fn seconds_left(self, now: Timestamp) -> u64 {
        let left = self.end().as_second() - now.as_second();
        u64::try_from(left).unwrap_or_default().max(1)
    }
}

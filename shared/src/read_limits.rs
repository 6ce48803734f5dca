//! The quotas of a day for reading: read units of each application, and of each reader. They bound what
//! the queries of one account cost the operator.

use std::time::Duration;

use upblit_base::causes::WithCauses;
use upblit_base::clock::Clock;
use upblit_base::environment::{ConfigError, Env};
use upblit_base::ids::{ApplicationId, UserId};
use upblit_identity::rate_limit::{Amount, Period, QuotaOf, RateWindow};
use upblit_lambda::Host;
use upblit_telemetry::usage::{ReadUsage, Usage};
use upblit_web::error::Error;

use crate::day_limits::units_of;
use crate::leases::{Charge, Leases, Quota};
use crate::rate_limit_headers::Policy;

/// Default of `APPLICATION_DAILY_READ_UNITS`: twice as much as one reader has, so that others can read
/// when one reader has used up its own.
const APPLICATION_UNITS: u64 = 40_000_000;

/// Default of `USER_DAILY_READ_UNITS`. `docs/costs.md` computes what a day with it costs.
const USER_UNITS: u64 = 20_000_000;

/// Read units that cost as much as a request costs at the gateway, at Lambda and in the log.
const UNITS_OF_A_REQUEST: u64 = 15;

/// Read units that cost as much as a write unit.
const UNITS_OF_A_WRITE: f64 = 5.0;

/// Milliseconds of the function that cost as much as a read unit.
const MILLISECONDS_PER_UNIT: u128 = 10;

/// Bytes of a response whose transfer costs as much as a read unit, or less.
const BYTES_PER_UNIT: u64 = 1024;

/// Read units that a query is charged before it is known what it takes: close to the fewest.
const ESTIMATE: u32 = 16;

/// The quotas of a day (UTC) for reading.
pub(crate) struct ReadLimits {
    clock: Clock,
    application: Amount,
    reader: Amount,
    leases: Leases,
}

/// Who reads, in terms of quotas.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reader {
    /// A user, of any application.
    User(UserId),
    /// A key of an application that this user created.
    KeyOf(UserId),
}

/// Whose quotas a query is charged to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadPayers {
    /// The application.
    pub(crate) application: ApplicationId,
    /// Who reads it.
    pub(crate) reader: Reader,
}

/// A query that was charged to the quotas of its payers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadCharge {
    application: Charge,
    reader: Charge,
}

/// What a query took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// Read units of DynamoDB, in halves.
    pub(crate) read: f64,
    /// Write units of DynamoDB.
    pub(crate) written: f64,
    /// Time of the function.
    pub(crate) time: Duration,
    /// Size of the response.
    pub(crate) bytes: u64,
}

impl Taken {
    /// The read units that a query is charged: those of DynamoDB, and as many as cost what the rest
    /// of it costs.
    fn units(self) -> u64 {
        // Rounded up; a float to an integer saturates.
        let of_database = (self.read + UNITS_OF_A_WRITE * self.written).ceil() as u64;
        let of_time = self.time.as_millis().div_ceil(MILLISECONDS_PER_UNIT);
        let of_time = u64::try_from(of_time).unwrap_or(u64::MAX);
        let of_response = self.bytes.div_ceil(BYTES_PER_UNIT);
        [of_database, of_time, of_response]
            .into_iter()
            .fold(UNITS_OF_A_REQUEST, u64::saturating_add)
    }
}

impl ReadLimits {
    /// Reads `APPLICATION_DAILY_READ_UNITS` and `USER_DAILY_READ_UNITS`.
    ///
    /// # Errors
    /// When a setting is invalid.
    pub(crate) fn load(host: &Host) -> Result<Self, ConfigError> {
        let reader = units_of(&host.env, "USER_DAILY_READ_UNITS", USER_UNITS)?;
        Ok(Self {
            clock: host.clock.clone(),
            application: Amount::of_units(application_read_units(&host.env)?),
            reader: Amount::of_units(reader),
            leases: Leases::new(host),
        })
    }

    /// Refuses a query, without a database call, if a quota is known to be used up.
    ///
    /// # Errors
    /// When one is.
    pub(crate) fn check(&self, payers: ReadPayers) -> Result<(), Error> {
        let [application, reader] = self.quotas(payers);
        let cost = Amount::of_units(ESTIMATE.into());
        let used_up = [application, reader]
            .into_iter()
            .find(|quota| self.leases.denies(*quota, cost));
        used_up.map_or(Ok(()), |quota| Err(self.used_up(quota)))
    }

    /// Charges a query to both quotas before it is worked on, and counts it as usage of the
    /// application. Takes two database calls, one after the other, for the first query of an instance
    /// and day, and few later.
    ///
    /// # Errors
    /// When a quota is used up, or storage fails.
    pub(crate) async fn charge(&self, payers: ReadPayers) -> Result<ReadCharge, Error> {
        self.check(payers)?;
        let [application, reader] = self.quotas(payers);
        let cost = Amount::of_units(ESTIMATE.into());
        let usage = usage(1, ESTIMATE.into());
        let charged = self.leases.charge_and_count(application, cost, usage);
        let Some(of_application) = charged.await? else {
            return Err(self.used_up(application));
        };
        // Only then, or a reader would pay for queries about an application that is over its quota.
        let charged = self.leases.charge(reader, cost).await;
        if !matches!(charged, Ok(Some(_))) {
            self.leases.settle(application, of_application, 0);
            let day = of_application.window.day();
            self.leases
                .with(application, |entry| entry.usage.revert(day, usage));
        }
        let of_reader = charged?.ok_or_else(|| self.used_up(reader))?;
        Ok(ReadCharge {
            application: of_application,
            reader: of_reader,
        })
    }

    /// Charges a query what it took, in place of the estimate, and leases what that is beyond what
    /// the instance has leased. A failure is only logged: the next query owes it.
    pub(crate) async fn settle(&self, payers: ReadPayers, charge: ReadCharge, taken: Taken) {
        let [application, reader] = self.quotas(payers);
        let units = taken.units();
        self.leases.settle(application, charge.application, units);
        self.leases.settle(reader, charge.reader, units);
        let difference = i64::try_from(units).unwrap_or(i64::MAX) - i64::from(ESTIMATE);
        self.leases
            .add_usage(application, charge.application, usage(0, difference));
        for quota in [application, reader] {
            if let Err(error) = self.leases.repay(quota).await {
                tracing::warn!(error = %WithCauses(&error), "read units not leased");
            }
        }
    }

    /// Writes the usage of the application, at most every five minutes.
    pub(crate) async fn record_usage(&self, payers: ReadPayers) {
        let [quota, _] = self.quotas(payers);
        self.leases.record_usage(quota, payers.application).await;
    }

    /// The policies of both quotas, with what is left as known to this instance.
    pub(crate) fn policies(&self, payers: ReadPayers) -> [Policy; 2] {
        let [application, reader] = self.quotas(payers);
        [
            self.leases.policy_of_units("application", application),
            self.leases.policy_of_units("reader", reader),
        ]
    }

    fn used_up(&self, quota: Quota) -> Error {
        let now = self.clock.now();
        let window = RateWindow::at(Period::Day, now);
        Error::QuotaExceeded {
            detail: match quota.of {
                QuotaOf::ReadsOfUser(_) => "the read units that you have for a day",
                QuotaOf::ReadsOfKeys(_) => {
                    "the read units that keys of this application's creator have for a day"
                }
                _ => "the read units that this application has for a day",
            },
            available_at: window.end(),
            retry_after: window.seconds_left(now).try_into().unwrap_or(u32::MAX),
        }
    }

    fn quotas(&self, payers: ReadPayers) -> [Quota; 2] {
        let application = Quota {
            of: QuotaOf::ReadsOfApplication(payers.application),
            amount: self.application,
        };
        let reader = Quota {
            of: match payers.reader {
                Reader::User(user) => QuotaOf::ReadsOfUser(user),
                Reader::KeyOf(creator) => QuotaOf::ReadsOfKeys(creator),
            },
            amount: self.reader,
        };
        [application, reader]
    }
}

fn usage(queries: i64, units: i64) -> Usage {
    Usage::of_reads(ReadUsage { queries, units })
}

/// Reads `APPLICATION_DAILY_READ_UNITS`.
///
/// # Errors
/// When it is not a number from 1 on.
pub fn application_read_units(env: &Env) -> Result<u64, ConfigError> {
    units_of(env, "APPLICATION_DAILY_READ_UNITS", APPLICATION_UNITS)
}

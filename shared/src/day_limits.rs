//! The quotas of a day: write units of each application, and of all applications that a user
//! created. They bound what the telemetry of one account costs the operator.

use upblit_base::StorageError;
use upblit_base::environment::{ConfigError, Env};
use upblit_base::ids::{ApplicationId, UserId};
use upblit_identity::rate_limit::{Allowance, Amount, QuotaOf};
use upblit_lambda::Host;
use upblit_telemetry::batch::Signal;
use upblit_telemetry::usage::{SignalUsage, Usage};
use upblit_web::error::Error;

use crate::leases::{Charge, Leases, Quota};

/// Share of a quota from which on senders are warned, in percent.
const WARNED_FROM: u8 = 80;

/// Bytes of a decompressed body that count as a write unit, even if less is stored of them:
/// reading a body takes CPU, which costs less than that.
const BODY_BYTES_PER_UNIT: u64 = 256 << 10;

/// Default of `APPLICATION_DAILY_UNITS`: 62 million spans in batches of 100.
const APPLICATION_UNITS: u64 = 2_500_000;

/// Default of `USER_DAILY_UNITS`. `docs/costs.md` computes what a day with it costs.
const USER_UNITS: u64 = 5_000_000;

/// The quotas of a day (UTC).
pub struct DayLimits {
    application: Amount,
    user: Amount,
    leases: Leases,
}

/// Whose quotas a request is charged to.
#[derive(Debug, Clone, Copy)]
pub struct Payers {
    /// The application.
    pub application: ApplicationId,
    /// Who created it.
    pub user: UserId,
}

/// A request that was charged to the quotas of its payers.
#[derive(Debug, Clone, Copy)]
pub struct DayCharge {
    application: Charge,
    user: Charge,
}

/// The write units that a request is charged: those that storing it takes, at least one, and at
/// least one for each 256 KiB of its decompressed body.
pub fn units(stored: u64, body_bytes: usize) -> u64 {
    let body = (body_bytes as u64).div_ceil(BODY_BYTES_PER_UNIT);
    stored.max(body).max(1)
}

impl DayLimits {
    /// Reads `APPLICATION_DAILY_UNITS` and `USER_DAILY_UNITS`.
    ///
    /// # Errors
    /// When a setting is invalid.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        Ok(Self {
            application: Amount::of_units(application_units(&host.env)?),
            user: Amount::of_units(units_of(&host.env, "USER_DAILY_UNITS", USER_UNITS)?),
            leases: Leases::new(host),
        })
    }

    /// Charges a request to both quotas, before it is worked on, and counts it as usage of the signal
    /// that it was sent to, with a number of events. `None` if a quota is used up. Takes two
    /// database calls, one after the other, for the first request of an instance, and few later:
    /// see [`crate::key_limits::KeyLimits::charge`].
    ///
    /// # Errors
    /// When storage fails.
    pub async fn charge(
        &self,
        payers: Payers,
        units: u64,
        sent: Option<(Signal, usize)>,
    ) -> Result<Option<DayCharge>, Error> {
        let [application, user] = self.quotas(payers);
        let cost = Amount::of_units(units).at_most(application.amount);
        let usage = sent.map_or_else(Usage::default, |(signal, events)| {
            let usage = SignalUsage {
                requests: 1,
                events: i64::try_from(events).unwrap_or(i64::MAX),
                units: signed(cost.units),
            };
            Usage::of(signal, usage)
        });
        if self.leases.denies(user, cost) {
            // Before the application is charged: what is reverted has to be written at once.
            self.count_refusal_for_creator(application);
            return Ok(None);
        }
        let admitted = self
            .leases
            .charge_and_count(application, cost, usage)
            .await?;
        let Some(of_application) = admitted else {
            return Ok(None);
        };
        // Only then, or every instance would take a lease of the user for an application that is
        // over its own quota.
        let of_user = self.leases.charge(user, cost).await;
        if !matches!(of_user, Ok(Some(_))) {
            self.leases.settle(application, of_application, 0);
            let day = of_application.window.day();
            self.leases
                .with(application, |entry| entry.usage.revert(day, usage));
        }
        if let Ok(None) = of_user {
            self.count_refusal_for_creator(application);
        }
        Ok(of_user?.map(|user| DayCharge {
            application: of_application,
            user,
        }))
    }

    /// Charges a request the write units that are known before it is stored, in place of the estimate.
    /// `None` if a quota has no room for them. In this case, and if storage fails, only its body is
    /// charged.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn raise(
        &self,
        payers: Payers,
        charge: DayCharge,
        signal: Signal,
        (stored, body_bytes): (u64, usize),
    ) -> Result<Option<DayCharge>, Error> {
        let raised = self.raised(payers, charge, units(stored, body_bytes)).await;
        match raised {
            Ok(Some(raised)) => {
                self.correct(payers, charge, signal, raised.application.estimated);
                return Ok(Some(raised));
            }
            Ok(None) | Err(_) => self.settle(payers, charge, signal, units(0, body_bytes)),
        }
        Ok(raised?)
    }

    async fn raised(
        &self,
        payers: Payers,
        charge: DayCharge,
        units: u64,
    ) -> Result<Option<DayCharge>, StorageError> {
        let [application, user] = self.quotas(payers);
        let raised = self.leases.raise(application, charge.application, units);
        let Some(of_application) = raised.await? else {
            return Ok(None);
        };
        let raised = self.leases.raise(user, charge.user, units).await;
        if !matches!(raised, Ok(Some(_))) {
            let Charge { estimated, .. } = charge.application;
            self.leases.settle(application, of_application, estimated);
        }
        if let Ok(None) = raised {
            self.count_refusal_for_creator(application);
        }
        Ok(raised?.map(|user| DayCharge {
            application: of_application,
            user,
        }))
    }

    fn count_refusal_for_creator(&self, application: Quota) {
        self.leases
            .count(application, Usage::of_refusal_for_creator());
    }

    /// Replaces the estimated write units of a charged request by those that it is charged now.
    pub fn settle(&self, payers: Payers, charge: DayCharge, signal: Signal, units: u64) {
        let [application, user] = self.quotas(payers);
        self.leases.settle(application, charge.application, units);
        self.leases.settle(user, charge.user, units);
        self.correct(payers, charge, signal, units);
    }

    /// Counts the difference between the units of a request and those that were counted.
    fn correct(&self, payers: Payers, charge: DayCharge, signal: Signal, units: u64) {
        let correction = SignalUsage {
            units: signed(units) - signed(charge.application.estimated),
            ..SignalUsage::default()
        };
        let [application, _] = self.quotas(payers);
        self.leases.add_usage(
            application,
            charge.application,
            Usage::of(signal, correction),
        );
    }

    /// Writes the usage of an application, at most every five minutes. If that fails, logs the
    /// error and keeps the usage for the next attempt.
    pub async fn record_usage(&self, payers: Payers) {
        let [application, _] = self.quotas(payers);
        self.leases
            .record_usage(application, payers.application)
            .await;
    }

    /// How much of a quota is used up, in percent: of the one of which more is. `None` below 80,
    /// and before the first request of the day.
    pub fn used_percent(&self, payers: Payers) -> Option<u8> {
        let known = self.quotas(payers).map(|quota| self.leases.known(quota.of));
        let known = known.iter().flatten();
        let most = known.map(Allowance::used_percent).max();
        most.filter(|percent| *percent >= WARNED_FROM)
    }

    fn quotas(&self, payers: Payers) -> [Quota; 2] {
        let application = Quota {
            of: QuotaOf::Application(payers.application),
            amount: self.application,
        };
        let user = Quota {
            of: QuotaOf::User(payers.user),
            amount: self.user,
        };
        [application, user]
    }
}

fn signed(units: u64) -> i64 {
    i64::try_from(units).unwrap_or(i64::MAX)
}

/// Reads `APPLICATION_DAILY_UNITS`.
///
/// # Errors
/// When it is not a number from 1 on.
pub fn application_units(env: &Env) -> Result<u64, ConfigError> {
    units_of(env, "APPLICATION_DAILY_UNITS", APPLICATION_UNITS)
}

pub(crate) fn units_of(env: &Env, name: &str, default: u64) -> Result<u64, ConfigError> {
    match env.parsed(name, default)? {
        0 => Err(ConfigError::new(name, "must be at least 1")),
        units => Ok(units),
    }
}

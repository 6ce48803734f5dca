//! Charges requests to the quotas of the minute and of the day.

use shared::day_limits::{self, DayCharge};
use shared::identity::rate_limit::Amount;
use shared::key_limits::Charge;
use shared::telemetry::batch::Signal;
use shared::verified_keys::AuthorizedKey;
use shared::web::error::Error;

use crate::State;

/// A batch that was charged to both quotas.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchCharge {
    minute: Charge,
    day: DayCharge,
}

impl State {
    /// Charges a batch before it is worked on, with an estimate of its write units. `None` if the
    /// quota of the day is used up.
    ///
    /// # Errors
    /// When the quota of the minute is used up, or storage fails.
    pub(crate) async fn charge(
        &self,
        key: &AuthorizedKey,
        sent: (Signal, usize),
        estimated: u64,
        body_bytes: usize,
    ) -> Result<Option<BatchCharge>, Error> {
        let cost = Amount::of_request(sent.1, estimated);
        let minute = self.limits.charge(key.id, cost).await?;
        let units = day_limits::units(estimated, body_bytes);
        let day = self.days.charge(key.payers, units, Some(sent)).await?;
        if day.is_none() {
            self.limits.settle(key.id, minute, 0);
        }
        Ok(day.map(|day| BatchCharge { minute, day }))
    }

    /// Replaces the estimated write units of a batch by those that storing it took.
    pub(crate) fn settle(
        &self,
        key: &AuthorizedKey,
        charge: BatchCharge,
        signal: Signal,
        units: u64,
        body_bytes: usize,
    ) {
        self.limits.settle(key.id, charge.minute, units);
        let units = day_limits::units(units, body_bytes);
        self.days.settle(key.payers, charge.day, signal, units);
    }

    /// Charges a request that failed before its events were counted. Passes on the outcome.
    ///
    /// # Errors
    /// The failure, that the quota of the minute is used up, or that storage fails.
    pub(crate) async fn count<T>(
        &self,
        key: &AuthorizedKey,
        signal: Signal,
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        if outcome.is_err() {
            self.charge(key, (signal, 0), 0, 0).await?;
        }
        outcome
    }
}

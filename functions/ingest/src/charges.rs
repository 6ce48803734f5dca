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
    /// Charges a batch before it is decoded, with an estimate of its write units. Returns `None` if
    /// the quota of the day is used up.
    ///
    /// # Errors
    /// When the quota of the minute is used up, or storage fails.
    pub(crate) async fn charge(
        &self,
        key: &AuthorizedKey,
        sent: Option<(Signal, usize)>,
        estimated: u64,
        body_bytes: usize,
    ) -> Result<Option<BatchCharge>, Error> {
        let events = sent.map_or(0, |(_, events)| events);
        let cost = Amount::of_request(events, estimated);
        let minute = self.limits.charge(key.id, cost).await?;
        let units = day_limits::units(estimated, body_bytes);
        let day = self.days.charge(key.payers, units, sent).await;
        if !matches!(day, Ok(Some(_))) {
            self.limits.settle(key.id, minute, 0);
        }
        Ok(day?.map(|day| BatchCharge { minute, day }))
    }

    /// Replaces the estimate by the write units that storing the batch will take. They stay charged
    /// if storing fails. Returns `None` if the quota of the day has no room for them.
    ///
    /// # Errors
    /// When storage fails.
    pub(crate) async fn raise(
        &self,
        key: &AuthorizedKey,
        BatchCharge { minute, day }: BatchCharge,
        signal: Signal,
        units: u64,
        body_bytes: usize,
    ) -> Result<Option<BatchCharge>, Error> {
        let taken = (units, body_bytes);
        let day = self.days.raise(key.payers, day, signal, taken).await;
        let stored = match day {
            Ok(Some(_)) => units,
            Ok(None) | Err(_) => 0,
        };
        let minute = self.limits.settle(key.id, minute, stored);
        Ok(day?.map(|day| BatchCharge { minute, day }))
    }

    /// Replaces the charged write units of a batch by those that storing it took.
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

    /// Charges the request if the outcome is a failure, before its events are counted. `body_bytes`
    /// is the largest size that the body may have. Returns the outcome. Without a signal, the
    /// request is not counted as usage.
    ///
    /// # Errors
    /// The failure itself; or that the quota of the minute is used up, or that storage fails.
    pub(crate) async fn count<T>(
        &self,
        key: &AuthorizedKey,
        signal: Option<Signal>,
        body_bytes: usize,
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        if outcome.is_err() {
            let sent = signal.map(|signal| (signal, 0));
            self.charge(key, sent, 0, body_bytes).await?;
        }
        outcome
    }
}

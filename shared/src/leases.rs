//! Quotas that all instances share: the part of each that this instance has leased.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::civil::Date;
use lru::LruCache;
use upblit_base::StorageError;
use upblit_base::causes::WithCauses;
use upblit_base::clock::Clock;
use upblit_base::ids::ApplicationId;
use upblit_identity::rate_limit::{Admission, Allowance, Amount, Period, QuotaOf, RateWindow};
use upblit_lambda::Host;
use upblit_store::Database;
use upblit_store::short_lived::{Lease, LeaseOutcome};
use upblit_telemetry::usage::{PendingUsage, Usage};

use crate::rate_limit_headers::Policy;

/// Number of quotas that one instance tracks.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(3_000).unwrap();

/// Number of leases that one request tries to take before it is [`outrun`].
const MAX_LEASES: usize = 4;

/// The leases of this instance.
pub(crate) struct Leases {
    clock: Clock,
    database: Database,
    entries: Mutex<LruCache<QuotaOf, Entry>>,
}

/// A quota in this instance. Usage is pending for those of applications only.
pub(crate) struct Entry {
    pub(crate) allowance: Allowance,
    pub(crate) usage: PendingUsage,
}

/// A quota, and how much it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    pub(crate) of: QuotaOf,
    pub(crate) amount: Amount,
}

/// A request that was charged to a quota.
#[derive(Debug, Clone, Copy)]
pub struct Charge {
    /// Window in which it was charged.
    pub(crate) window: RateWindow,
    /// Write units charged before they were known.
    pub(crate) estimated: u64,
}

impl Leases {
    pub(crate) fn new(host: &Host) -> Self {
        Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            entries: Mutex::new(LruCache::new(CAPACITY)),
        }
    }

    /// Charges a request to a quota, before it is worked on. One larger than the whole quota takes
    /// all of it. Needs no database call while the current lease lasts, nor after a denial, which
    /// is `None`.
    ///
    /// # Errors
    /// When storage fails.
    pub(crate) async fn charge(
        &self,
        quota: Quota,
        cost: Amount,
    ) -> Result<Option<Charge>, StorageError> {
        let now = self.clock.now();
        let cost = cost.at_most(quota.amount);
        for _ in 0..MAX_LEASES {
            let (answer, window) = self.with(quota, |entry| {
                (entry.allowance.ask(cost, now), entry.allowance.window())
            });
            match answer {
                Admission::Admitted => {
                    let estimated = cost.units;
                    return Ok(Some(Charge { window, estimated }));
                }
                Admission::Denied => return Ok(None),
                Admission::Lease(block) => self.lease(quota, window, block).await?,
            }
        }
        outrun(quota.of.period())
    }

    /// Charges what a charged request takes beyond its estimate. A denial changes nothing.
    ///
    /// # Errors
    /// When storage fails.
    pub(crate) async fn raise(
        &self,
        quota: Quota,
        charge: Charge,
        units: u64,
    ) -> Result<Option<Charge>, StorageError> {
        let units = units.min(quota.amount.units);
        let missing = Amount::of_units(units.saturating_sub(charge.estimated));
        let raised = Charge {
            estimated: units.max(charge.estimated),
            ..charge
        };
        if missing == Amount::default() {
            return Ok(Some(raised));
        }
        let charged = self.charge(quota, missing).await?;
        Ok(charged.map(|_| raised))
    }

    /// Charges a request to a quota, and counts its usage unless it is denied. Usage is written with
    /// leases, that of the first request with the first.
    ///
    /// # Errors
    /// Those of [`Self::charge`].
    pub(crate) async fn charge_and_count(
        &self,
        quota: Quota,
        cost: Amount,
        usage: Usage,
    ) -> Result<Option<Charge>, StorageError> {
        let day = self.today();
        self.with(quota, |entry| entry.usage.add(day, usage));
        let charged = self.charge(quota, cost).await;
        if !matches!(charged, Ok(Some(_))) {
            self.with(quota, |entry| entry.usage.revert(day, usage));
        }
        charged
    }

    /// Replaces the estimated write units of a charged request by those it took.
    pub(crate) fn settle(&self, quota: Quota, charge: Charge, units: u64) {
        let Charge { window, estimated } = charge;
        self.with(quota, |entry| {
            entry.allowance.settle(window, estimated, units);
        });
    }

    /// Leases what settled requests took beyond what was leased, or the rest of the quota if that is
    /// less. Needs no database call if nothing is owed.
    ///
    /// # Errors
    /// When storage fails.
    pub(crate) async fn repay(&self, quota: Quota) -> Result<(), StorageError> {
        for _ in 0..MAX_LEASES {
            let (debt, window) = self.with(quota, |entry| {
                (entry.allowance.debt(), entry.allowance.window())
            });
            let Some(block) = debt else { break };
            self.lease(quota, window, block).await?;
        }
        Ok(())
    }

    /// Whether a request of this cost is known to be denied, so that it needs no lease of any quota.
    pub(crate) fn denies(&self, quota: Quota, cost: Amount) -> bool {
        let known = self.known(quota.of);
        known.is_some_and(|allowance| allowance.denies(cost.at_most(quota.amount)))
    }

    /// Adds to the usage that is pending for a quota, of today.
    pub(crate) fn count(&self, quota: Quota, usage: Usage) {
        let day = self.today();
        self.with(quota, |entry| entry.usage.add(day, usage));
    }

    fn today(&self) -> Date {
        RateWindow::at(Period::Day, self.clock.now()).day()
    }

    /// Adds to the usage that is pending for a quota, of the day of a charge.
    pub(crate) fn add_usage(&self, quota: Quota, charge: Charge, usage: Usage) {
        let day = charge.window.day();
        self.with(quota, |entry| entry.usage.add(day, usage));
    }

    /// Writes the usage that is pending for a quota of an application, at most every five minutes. If
    /// that fails, logs the error and keeps the usage for the next attempt.
    pub(crate) async fn record_usage(&self, quota: Quota, application: ApplicationId) {
        let now = self.clock.now();
        let due = self.with(quota, |entry| entry.usage.due(now));
        for (day, usage) in due {
            let written = self.database.add_usage(application, day, &usage).await;
            if let Err(error) = written {
                let error = WithCauses(&error);
                tracing::warn!(%application, %error, "usage not written");
                self.with(quota, |entry| entry.usage.add(day, usage));
            }
        }
    }

    /// The policy of a quota's units in the `RateLimit` headers, as known to this instance.
    pub(crate) fn policy_of_units(&self, name: &'static str, quota: Quota) -> Policy {
        let period = quota.of.period();
        let now = self.clock.now();
        let left = self.known(quota.of).map(|allowance| allowance.remaining());
        Policy {
            name,
            quota: quota.amount.units,
            remaining: left.unwrap_or(quota.amount).units,
            window: period.length(),
            seconds_left: RateWindow::at(period, now).seconds_left(now),
        }
    }

    /// The state of a quota, if this instance has charged requests to it in this window.
    pub(crate) fn known(&self, of: QuotaOf) -> Option<Allowance> {
        let window = RateWindow::at(of.period(), self.clock.now());
        let allowance = self.lock().get(&of).map(|entry| entry.allowance);
        allowance.filter(|allowance| allowance.window() == window)
    }

    /// Calls `act` with a quota in this instance.
    pub(crate) fn with<T>(&self, quota: Quota, act: impl FnOnce(&mut Entry) -> T) -> T {
        let now = self.clock.now();
        let mut entries = self.lock();
        act(entries.get_or_insert_mut(quota.of, || Entry {
            allowance: Allowance::new(quota.amount, quota.of.period(), now),
            usage: PendingUsage::default(),
        }))
    }

    /// Takes a lease, and writes the pending usage of its day with it.
    async fn lease(
        &self,
        quota: Quota,
        window: RateWindow,
        block: Amount,
    ) -> Result<(), StorageError> {
        let now = self.clock.now();
        let day = window.day();
        let pending = self.with(quota, |entry| entry.usage.take(day, now));
        let lease = Lease {
            of: quota.of,
            window,
            block,
            quota: quota.amount,
        };
        let outcome = self.database.lease(lease, &pending).await;
        self.with(quota, |entry| {
            if let Ok(LeaseOutcome::Granted(leased)) = outcome {
                entry.allowance.record_lease(window, block, leased);
                return Ok(());
            }
            entry.usage.add(day, pending);
            if let LeaseOutcome::Refused(leased) = outcome? {
                entry.allowance.record_refusal(window, leased);
            }
            Ok(())
        })
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<QuotaOf, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer to a request that other requests outran each time it took a lease.
fn outrun(period: Period) -> Result<Option<Charge>, StorageError> {
    if period.denies_outrun_requests() {
        return Ok(None);
    }
    let cause = "other requests took every lease of the day's quota";
    Err(StorageError::Contended(cause.into()))
}

//! Quotas of keys, applications and users, based on leases. Each instance leases a block of a quota
//! for the current minute or day with one conditional write, and admits requests from the block
//! without further writes.
//!
//! The sum of all leases never exceeds the quota, so neither do the requests, events and estimated
//! write units that are admitted. If a lease fails, the instance stores the total of the leases, which
//! only grows within a window, so it denies further requests without writes. The rest of a block is
//! lost at the end of the window: many instances with little traffic may admit less than the quota.
//!
//! Write units are known only once a batch is packed. Its request is admitted with an estimate,
//! which is then settled: what the batch took beyond the leased units is owed, and is added to the
//! cost of the next request in the window. So each instance can exceed the quota by one batch.

mod window;

use jiff::Timestamp;

pub use window::{Period, QuotaOf, RateWindow};

/// Number of requests of the current size that a block is sized for.
const REQUESTS_PER_LEASE: u64 = 50;

/// Divisor for the largest lease in a minute: one eighth of the quota, or what one request needs.
const LARGEST_SHARE_OF_A_MINUTE: u64 = 8;

/// Divisor for the largest lease in a day: 2 % of the quota, or what one request needs.
const LARGEST_SHARE_OF_A_DAY: u64 = 50;

/// Divisor for the first lease of an instance in a day: at least 0.02 % of the quota. The unused rest
/// is lost when the instance ends, and a day may have a thousand instances.
const FIRST_SHARE_OF_A_DAY: u64 = 5_000;

/// Number of requests, events and write units. A quota limits all three.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Number of HTTP requests.
    pub requests: u64,
    /// Number of events in these requests.
    pub events: u64,
    /// Units of DynamoDB: the write units that storing them takes or, in a quota for reading, read units.
    pub units: u64,
}

impl Amount {
    /// Returns the cost of one request with `events` events that takes `units` write units.
    pub fn of_request(events: usize, units: u64) -> Self {
        Self {
            requests: 1,
            events: events as u64,
            units,
        }
    }

    /// Returns whether no part of `other` exceeds the same part of this amount.
    pub fn covers(self, other: Self) -> bool {
        self.requests >= other.requests && self.events >= other.events && self.units >= other.units
    }

    /// Limits each part to that of `most`.
    #[must_use]
    pub fn at_most(self, most: Self) -> Self {
        self.zip(most, u64::min)
    }

    /// Adds two amounts. Saturates at the maximum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }

    /// Returns only units.
    pub fn of_units(units: u64) -> Self {
        Self {
            units,
            ..Self::default()
        }
    }

    /// Subtracts `other`. Saturates at zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_sub)
    }

    const ONE: Self = Self {
        requests: 1,
        events: 1,
        units: 1,
    };

    fn at_least(self, least: Self) -> Self {
        self.zip(least, u64::max)
    }

    fn times(self, factor: u64) -> Self {
        self.map(|part| part.saturating_mul(factor))
    }

    fn share(self, divisor: u64) -> Self {
        self.map(|part| part / divisor)
    }

    fn map(self, apply: impl Fn(u64) -> u64) -> Self {
        Self {
            requests: apply(self.requests),
            events: apply(self.events),
            units: apply(self.units),
        }
    }

    fn zip(self, other: Self, apply: fn(u64, u64) -> u64) -> Self {
        Self {
            requests: apply(self.requests, other.requests),
            events: apply(self.events, other.events),
            units: apply(self.units, other.units),
        }
    }
}

/// State of one quota in one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    quota: Amount,
    period: Period,
    window: RateWindow,
    /// Leased by this instance and not used yet.
    held: Amount,
    /// Leased by this instance in this window.
    leased_here: Amount,
    /// Leased by all instances, as of the last lease. Only grows within a window.
    leased: Amount,
    /// Write units that settled requests took beyond what was held.
    owed_units: u64,
    /// Write units of the last settled request, by which leases are sized.
    usual_units: u64,
}

/// Decision about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// The request is admitted. Its cost was deducted from the lease.
    Admitted,
    /// The rest of the quota in this window is too small.
    Denied,
    /// The instance must lease this amount, record the result, and ask again.
    Lease(Amount),
}

impl Allowance {
    /// Creates the state of an instance that has leased nothing.
    pub fn new(quota: Amount, period: Period, now: Timestamp) -> Self {
        Self {
            quota,
            period,
            window: RateWindow::at(period, now),
            held: Amount::default(),
            leased_here: Amount::default(),
            leased: Amount::default(),
            owed_units: 0,
            usual_units: 0,
        }
    }

    /// Decides whether a request of this cost is admitted. Starts a new window if the last one
    /// has ended.
    pub fn ask(&mut self, cost: Amount, now: Timestamp) -> Admission {
        // Never returns to an earlier window, even if the clock is set back.
        if RateWindow::at(self.period, now) > self.window {
            *self = Self {
                usual_units: self.usual_units,
                ..Self::new(self.quota, self.period, now)
            };
        }
        let due = Amount {
            units: cost.units.saturating_add(self.owed_units),
            ..cost
        };
        if self.held.covers(due) {
            self.held = self.held.minus(due);
            self.owed_units = 0;
            return Admission::Admitted;
        }
        if self.denies(cost) {
            return Admission::Denied;
        }
        let usual = Amount {
            units: cost.units.max(self.usual_units),
            ..cost
        };
        Admission::Lease(self.block(usual, due.minus(self.held), self.free()))
    }

    /// Returns whether a request of this cost is known to be denied in the window of this state.
    pub fn denies(&self, cost: Amount) -> bool {
        let due = Amount {
            units: cost.units.saturating_add(self.owed_units),
            ..cost
        };
        !self.free().covers(due.minus(self.held))
    }

    /// Returns what to lease for the units that settled requests took beyond what was held: all of
    /// these, or the rest of the quota. `None` if nothing is owed or nothing is left.
    pub fn debt(&self) -> Option<Amount> {
        let free = self.free();
        if self.owed_units == 0 || free.units == 0 {
            return None;
        }
        let owed = Amount::of_units(self.owed_units);
        Some(self.block(owed, owed, free))
    }

    /// Replaces the estimated write units of an admitted request by those it took. Needs no
    /// lease: units beyond the held ones are owed. If `window`, in which the request was admitted,
    /// has ended, only the size of later leases is affected.
    pub fn settle(&mut self, window: RateWindow, estimated: u64, taken: u64) {
        self.usual_units = taken;
        if window == self.window {
            let held = self.held.units.saturating_add(estimated);
            let due = self.owed_units.saturating_add(taken);
            self.held.units = held.saturating_sub(due);
            self.owed_units = due.saturating_sub(held);
        }
    }

    /// Records a successful lease. `leased` is the total of all instances after it. Ignored if
    /// `window` has ended.
    pub fn record_lease(&mut self, window: RateWindow, block: Amount, leased: Amount) {
        if window == self.window {
            self.held = self.held.plus(block);
            self.leased_here = self.leased_here.plus(block);
            self.raise_leased(leased);
            let paid = self.owed_units.min(self.held.units);
            self.held.units -= paid;
            self.owed_units -= paid;
        }
    }

    /// Records a failed lease. `leased` is the total of all instances. Ignored if `window` has
    /// ended.
    pub fn record_refusal(&mut self, window: RateWindow, leased: Amount) {
        if window == self.window {
            self.raise_leased(leased);
        }
    }

    /// Returns the current window of this state.
    pub fn window(&self) -> RateWindow {
        self.window
    }

    /// Returns the quota per window.
    pub fn quota(&self) -> Amount {
        self.quota
    }

    /// Returns the part of the quota that this instance has not used and that is not known to be
    /// leased by others.
    pub fn remaining(&self) -> Amount {
        let owed = Amount {
            units: self.owed_units,
            ..Amount::default()
        };
        self.free().plus(self.held).minus(owed)
    }

    /// Returns the percentage of the write units that is known to be used by this instance or
    /// leased by others, rounded down.
    pub fn used_percent(&self) -> u8 {
        let left = self.remaining().units.min(self.quota.units);
        let used = u128::from(self.quota.units - left) * 100;
        let percent = used.checked_div(self.quota.units.into());
        percent.map_or(100, |percent| u8::try_from(percent).unwrap_or(100))
    }

    /// Returns what is not known to be leased by any instance.
    fn free(&self) -> Amount {
        self.quota.minus(self.leased)
    }

    fn raise_leased(&mut self, leased: Amount) {
        self.leased = self.leased.zip(leased, u64::max);
    }

    /// Returns the size of a lease: at most a fraction of the quota, at least `missing`, and at most
    /// `free`. In a minute it is enough for [`REQUESTS_PER_LEASE`] requests of this cost. In a day it
    /// is as much as the instance has leased so far, so a busy instance soon needs few leases, and
    /// one that ends loses at most as much as it used, or its first lease.
    fn block(&self, cost: Amount, missing: Amount, free: Amount) -> Amount {
        let (wanted, share) = match self.period {
            Period::Minute => (cost.times(REQUESTS_PER_LEASE), LARGEST_SHARE_OF_A_MINUTE),
            Period::Day => {
                let first = self.quota.share(FIRST_SHARE_OF_A_DAY);
                (first.at_least(self.leased_here), LARGEST_SHARE_OF_A_DAY)
            }
        };
        let largest = self.quota.share(share).at_least(Amount::ONE);
        wanted.at_most(largest).at_least(missing).at_most(free)
    }
}

#[cfg(test)]
mod tests;

//! Rate limits of API keys, by leasing: each warm instance takes a block of the
//! minute's quota out of the table with one conditional write, and admits
//! requests from it with none.
//!
//! What all instances take together never exceeds the quota, so neither does
//! what they admit. An instance that was refused remembers how much was taken,
//! which only grows within a window: denying costs no further writes. A block
//! that is not used up is lost at the end of the window, so many instances with
//! little traffic may admit less than the quota, never more.

use std::time::Duration;

use jiff::Timestamp;

/// Length of a window.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Requests of the present size that a block is meant to last for.
const REQUESTS_PER_LEASE: u64 = 50;

/// The largest share of a quota that one instance takes at once.
const LARGEST_SHARE: u64 = 8;

/// An amount of both things that are limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// HTTP requests.
    pub requests: u64,
    /// Events inside them.
    pub events: u64,
}

impl Amount {
    /// One request of `events` events.
    pub fn of_request(events: usize) -> Self {
        Self {
            requests: 1,
            events: events as u64,
        }
    }

    /// Whether `other` is at most this in both.
    pub fn covers(self, other: Self) -> bool {
        self.requests >= other.requests && self.events >= other.events
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_add)
    }

    /// The difference; nothing is less than nothing.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.zip(other, u64::saturating_sub)
    }

    fn zip(self, other: Self, apply: fn(u64, u64) -> u64) -> Self {
        Self {
            requests: apply(self.requests, other.requests),
            events: apply(self.events, other.events),
        }
    }
}

/// The minute a time falls into; quotas begin anew with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window(i64);

impl Window {
    /// The window that `now` is in.
    pub fn at(now: Timestamp) -> Self {
        Self(now.as_second().div_euclid(Self::seconds()))
    }

    /// Its number since the Unix epoch.
    pub fn number(self) -> i64 {
        self.0
    }

    /// Seconds until the next window, at least 1.
    pub fn seconds_left(self, now: Timestamp) -> u64 {
        let end = (self.0 + 1) * Self::seconds();
        u64::try_from(end - now.as_second())
            .unwrap_or_default()
            .max(1)
    }

    fn seconds() -> i64 {
        WINDOW.as_secs() as i64
    }
}

/// What one instance knows and holds of one key's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    quota: Amount,
    window: Window,
    /// Leased and not used yet.
    held: Amount,
    /// What all instances have leased, as last seen; only grows within a window.
    leased: Amount,
}

/// What a request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It may go on; its cost was taken from what is held.
    Admitted,
    /// The quota of this window is used up.
    Denied,
    /// Lease this much more, tell the result, and ask again.
    Lease(Amount),
}

impl Allowance {
    /// Nothing known yet.
    pub fn new(quota: Amount, now: Timestamp) -> Self {
        let window = Window::at(now);
        Self {
            quota,
            window,
            held: Amount::default(),
            leased: Amount::default(),
        }
    }

    /// Asks for a request's cost. Begins a new window when its time has come.
    pub fn ask(&mut self, cost: Amount, now: Timestamp) -> Answer {
        // Never back to an earlier window: the clock may step.
        if Window::at(now) > self.window {
            *self = Self::new(self.quota, now);
        }
        if self.held.covers(cost) {
            self.held = self.held.minus(cost);
            return Answer::Admitted;
        }
        let missing = cost.minus(self.held);
        let free = self.quota.minus(self.leased);
        if free.covers(missing) {
            Answer::Lease(block(cost, missing, free, self.quota))
        } else {
            Answer::Denied
        }
    }

    /// Notes that a block was leased; `leased` is the total after it.
    pub fn granted(&mut self, window: Window, block: Amount, leased: Amount) {
        if window == self.window {
            self.held = self.held.plus(block);
            self.learn(leased);
        }
    }

    /// Notes that a block was not to be had; `leased` is the total that stood in its way.
    pub fn refused(&mut self, window: Window, leased: Amount) {
        if window == self.window {
            self.learn(leased);
        }
    }

    /// The window it is about.
    pub fn window(&self) -> Window {
        self.window
    }

    /// The quota.
    pub fn quota(&self) -> Amount {
        self.quota
    }

    /// What this instance could still admit, as far as it knows.
    pub fn remaining(&self) -> Amount {
        self.quota.minus(self.leased).plus(self.held)
    }

    fn learn(&mut self, leased: Amount) {
        self.leased = Amount {
            requests: self.leased.requests.max(leased.requests),
            events: self.leased.events.max(leased.events),
        };
    }
}

/// Enough for many requests like this one, but no more than a share of the
/// quota or than what is free; at least what is missing.
fn block(cost: Amount, missing: Amount, free: Amount, quota: Amount) -> Amount {
    let size = |cost: u64, missing: u64, free: u64, quota: u64| {
        let wanted = cost.saturating_mul(REQUESTS_PER_LEASE);
        wanted
            .min((quota / LARGEST_SHARE).max(1))
            .max(missing)
            .min(free)
    };
    Amount {
        requests: size(
            cost.requests,
            missing.requests,
            free.requests,
            quota.requests,
        ),
        events: size(cost.events, missing.events, free.events, quota.events),
    }
}

#[cfg(test)]
mod tests;

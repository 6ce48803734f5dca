//! Rate limits: the quota of each key, shared by all instances.

use http::HeaderMap;
use upblit_base::clock::Clock;
use upblit_base::environment::{ConfigError, Env};
use upblit_base::ids::PublicKeyId;
use upblit_identity::rate_limit::{Amount, Period, QuotaOf, RateWindow};
use upblit_lambda::Host;
use upblit_web::error::Error;

pub use crate::leases::Charge;
use crate::leases::{Leases, Quota};
use crate::rate_limit_headers::{Policy, headers};

/// Write units that one partition of DynamoDB accepts in a minute.
const UNITS_OF_A_PARTITION: u64 = 60_000;

const USED_UP_DETAIL: &str = "this minute's quota of the key is used up";

/// The quota returns with the next minute. The wait is shorter, because SDKs drop a batch rather
/// than wait for it; the `RateLimit` header has the rest of the minute.
const USED_UP: Error = Error::RateLimited {
    detail: USED_UP_DETAIL,
    retry_after: 2,
};

/// The quotas of keys: requests, events and write units per minute.
pub struct KeyLimits {
    clock: Clock,
    quota: Amount,
    leases: Leases,
}

impl KeyLimits {
    /// Reads `RATE_LIMIT_REQUESTS`, `RATE_LIMIT_EVENTS` and `RATE_LIMIT_UNITS`.
    ///
    /// # Errors
    /// When a setting is invalid.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        Ok(Self {
            clock: host.clock.clone(),
            quota: quota(&host.env)?,
            leases: Leases::new(host),
        })
    }

    /// Checks, without a database call, whether this minute's requests are known to be used
    /// up.
    ///
    /// # Errors
    /// When they are. The body need not be read then.
    pub fn check(&self, key: PublicKeyId) -> Result<(), Error> {
        let known = self.leases.known(QuotaOf::Key(key));
        match known.map(|allowance| allowance.remaining().requests) {
            Some(0) => Err(USED_UP),
            _ => Ok(()),
        }
    }

    /// Charges a request that reads. Unlike an SDK, its sender can wait for the next minute, so the
    /// response says when that is.
    ///
    /// # Errors
    /// Those of [`Self::charge`].
    pub(crate) async fn charge_reader(&self, key: PublicKeyId) -> Result<(), Error> {
        let request = Amount::of_request(0, 0);
        let charged = self.leases.charge(self.quota_of(key), request).await?;
        if charged.is_some() {
            return Ok(());
        }
        let now = self.clock.now();
        let left = RateWindow::at(Period::Minute, now).seconds_left(now);
        Err(Error::RateLimited {
            detail: USED_UP_DETAIL,
            retry_after: u8::try_from(left).unwrap_or(u8::MAX),
        })
    }

    /// Charges a request to the key's quota, before it is worked on. One larger than the whole
    /// quota takes all of it. Needs no database call while the current lease lasts, nor after a
    /// denial.
    ///
    /// # Errors
    /// When the quota is used up, or storage fails.
    pub async fn charge(&self, key: PublicKeyId, cost: Amount) -> Result<Charge, Error> {
        let charged = self.leases.charge(self.quota_of(key), cost).await?;
        charged.ok_or(USED_UP)
    }

    /// Replaces the estimated write units of a charged request by those that storing it takes.
    /// Returns the corrected charge.
    pub fn settle(&self, key: PublicKeyId, charge: Charge, units: u64) -> Charge {
        self.leases.settle(self.quota_of(key), charge, units);
        Charge {
            estimated: units,
            ..charge
        }
    }

    /// `RateLimit-Policy` and `RateLimit`, with the remaining quota as known to this instance.
    pub fn headers(&self, key: PublicKeyId) -> HeaderMap {
        headers(&self.policies(key))
    }

    /// The policies of requests, events and write units.
    pub(crate) fn policies(&self, key: PublicKeyId) -> [Policy; 3] {
        let now = self.clock.now();
        let (remaining, quota) = self.leases.with(self.quota_of(key), |entry| {
            (entry.allowance.remaining(), entry.allowance.quota())
        });
        let seconds_left = RateWindow::at(Period::Minute, now).seconds_left(now);
        let policy = |name, quota, remaining| Policy {
            name,
            quota,
            remaining,
            window: Period::Minute.length(),
            seconds_left,
        };
        [
            policy("requests", quota.requests, remaining.requests),
            policy("events", quota.events, remaining.events),
            policy("units", quota.units, remaining.units),
        ]
    }

    fn quota_of(&self, key: PublicKeyId) -> Quota {
        Quota {
            of: QuotaOf::Key(key),
            amount: self.quota,
        }
    }
}

fn quota(env: &Env) -> Result<Amount, ConfigError> {
    let quota = Amount {
        requests: env.parsed("RATE_LIMIT_REQUESTS", 6_000)?,
        events: env.parsed("RATE_LIMIT_EVENTS", 600_000)?,
        units: env.parsed("RATE_LIMIT_UNITS", UNITS_OF_A_PARTITION)?,
    };
    for (name, limit) in [
        ("RATE_LIMIT_REQUESTS", quota.requests),
        ("RATE_LIMIT_EVENTS", quota.events),
        ("RATE_LIMIT_UNITS", quota.units),
    ] {
        if limit == 0 {
            return Err(ConfigError::new(name, "must be at least 1"));
        }
    }
    Ok(quota)
}

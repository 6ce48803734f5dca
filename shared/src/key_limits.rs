//! Rate limits: the quota of each key, shared by all instances.

use http::{HeaderMap, HeaderName, HeaderValue};
use upblit_base::clock::Clock;
use upblit_base::environment::{ConfigError, Env};
use upblit_base::ids::PublicKeyId;
use upblit_identity::rate_limit::{Amount, Period, QuotaOf, RateWindow};
use upblit_lambda::Host;
use upblit_web::error::Error;

pub use crate::leases::Charge;
use crate::leases::{Leases, Quota};

/// Write units that one partition of DynamoDB accepts in a minute.
const UNITS_OF_A_PARTITION: u64 = 60_000;

/// The quota is full again in the next minute. The retry is suggested sooner, because SDKs drop a
/// batch rather than wait that long. The `RateLimit` header has the rest of the minute.
const USED_UP: Error = Error::RateLimited {
    detail: "this minute's quota of the key is used up",
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

    /// Charges a request to the key's quota, before the request is processed. A request larger than
    /// the whole quota takes all of it. Needs no database call while the current lease lasts, nor
    /// after a denial.
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

    /// Returns the headers `RateLimit-Policy` and `RateLimit`
    /// (draft-ietf-httpapi-ratelimit-headers-10), with the remaining quota as known to this instance.
    pub fn headers(&self, key: PublicKeyId) -> HeaderMap {
        let now = self.clock.now();
        let (remaining, quota) = self.leases.with(self.quota_of(key), |entry| {
            (entry.allowance.remaining(), entry.allowance.quota())
        });
        let window = Period::Minute.length().as_secs();
        let left = RateWindow::at(Period::Minute, now).seconds_left(now);
        let policy = format!(
            r#""requests";q={};w={window}, "events";q={};w={window}, "units";q={};w={window}"#,
            quota.requests, quota.events, quota.units
        );
        let standing = format!(
            r#""requests";r={};t={left}, "events";r={};t={left}, "units";r={};t={left}"#,
            remaining.requests, remaining.events, remaining.units
        );
        let header = |name, value: String| {
            HeaderValue::try_from(value)
                .ok()
                .map(|value| (HeaderName::from_static(name), value))
        };
        [
            header("ratelimit-policy", policy),
            header("ratelimit", standing),
        ]
        .into_iter()
        .flatten()
        .collect()
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

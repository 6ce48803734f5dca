//! Rate limits: the quota of each key, shared by all instances.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use lru::LruCache;
use upblit_base::clock::Clock;
use upblit_base::environment::{ConfigError, Env};
use upblit_base::ids::PublicKeyId;
use upblit_identity::rate_limit::{Admission, Allowance, Amount, RateWindow, WINDOW};
use upblit_lambda::Host;
use upblit_store::Database;
use upblit_store::short_lived::LeaseOutcome;
use upblit_web::error::Error;

/// Number of keys that one instance tracks.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// Number of leases that one request tries to take before it is denied.
const MAX_LEASES: usize = 4;

/// Write units that one partition of DynamoDB takes in a minute.
const UNITS_OF_A_PARTITION: u64 = 60_000;

/// The quota returns with the next minute. The wait is shorter, because SDKs drop a batch rather
/// than wait for it; the `RateLimit` header has the rest of the minute.
const USED_UP: Error = Error::RateLimited {
    detail: "this minute's quota of the key is used up",
    retry_after: 2,
};

/// The quotas of keys: requests, events and write units per minute.
pub struct KeyLimits {
    clock: Clock,
    database: Database,
    quota: Amount,
    allowances: Mutex<LruCache<PublicKeyId, Allowance>>,
}

/// A request that was charged to a quota.
#[derive(Debug, Clone, Copy)]
pub struct Charge {
    window: RateWindow,
    /// Write units charged before they were known.
    estimated: u64,
}

impl KeyLimits {
    /// Reads `RATE_LIMIT_REQUESTS`, `RATE_LIMIT_EVENTS` and `RATE_LIMIT_UNITS`.
    ///
    /// # Errors
    /// When a setting is invalid.
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        Ok(Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            quota: quota(&host.env)?,
            allowances: Mutex::new(LruCache::new(CAPACITY)),
        })
    }

    /// Checks, without a database call, whether this minute's requests are known to be used
    /// up.
    ///
    /// # Errors
    /// When they are; the body then need not be read.
    pub fn check(&self, key: PublicKeyId) -> Result<(), Error> {
        let window = RateWindow::at(self.clock.now());
        let is_used_up = self.lock().get(&key).is_some_and(|allowance| {
            allowance.window() == window && allowance.remaining().requests == 0
        });
        if is_used_up { Err(USED_UP) } else { Ok(()) }
    }

    /// Charges a request to the key's quota, before it is worked on. One larger than the whole
    /// quota takes all of it. Needs no database call while the current lease lasts, nor after a
    /// denial.
    ///
    /// # Errors
    /// When the quota is used up, or storage fails.
    pub async fn charge(&self, key: PublicKeyId, cost: Amount) -> Result<Charge, Error> {
        let now = self.clock.now();
        let cost = cost.at_most(self.quota);
        for _ in 0..MAX_LEASES {
            let (answer, window) = self.with(key, now, |allowance| {
                (allowance.ask(cost, now), allowance.window())
            });
            let block = match answer {
                Admission::Admitted => {
                    let estimated = cost.units;
                    return Ok(Charge { window, estimated });
                }
                Admission::Denied => return Err(USED_UP),
                Admission::Lease(block) => block,
            };
            let outcome = self
                .database
                .lease(key, window, block, self.quota, now)
                .await?;
            self.with(key, now, |allowance| match outcome {
                LeaseOutcome::Granted(leased) => allowance.record_lease(window, block, leased),
                LeaseOutcome::Refused(leased) => allowance.record_refusal(window, leased),
            });
        }
        Err(USED_UP)
    }

    /// Charges a request that failed before its events were counted. Passes on the outcome.
    ///
    /// # Errors
    /// The failure, or that the quota is used up.
    pub async fn count<T>(&self, key: PublicKeyId, outcome: Result<T, Error>) -> Result<T, Error> {
        if outcome.is_err() {
            self.charge(key, Amount::of_request(0, 0)).await?;
        }
        outcome
    }

    /// Replaces the estimated write units of a charged request by those that storing it took.
    pub fn settle(&self, key: PublicKeyId, charge: Charge, units: u64) {
        let Charge { window, estimated } = charge;
        self.with(key, self.clock.now(), |allowance| {
            allowance.settle(window, estimated, units);
        });
    }

    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10), with
    /// the remaining quota as known to this instance.
    pub fn headers(&self, key: PublicKeyId) -> HeaderMap {
        let now = self.clock.now();
        let (remaining, quota) = self.with(key, now, |a| (a.remaining(), a.quota()));
        let window = WINDOW.as_secs();
        let left = RateWindow::at(now).seconds_left(now);
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

    fn with<T>(
        &self,
        key: PublicKeyId,
        now: Timestamp,
        act: impl FnOnce(&mut Allowance) -> T,
    ) -> T {
        let mut allowances = self.lock();
        act(allowances.get_or_insert_mut(key, || Allowance::new(self.quota, now)))
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<PublicKeyId, Allowance>> {
        self.allowances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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

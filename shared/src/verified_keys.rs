//! Verifies API keys, with a short-lived cache. Ingest and the queries of telemetry share it.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;
use lru::LruCache;
use upblit_base::causes::WithCauses;
use upblit_base::clock::{self, Clock};
use upblit_base::environment::ConfigError;
use upblit_base::ids::PublicKeyId;
use upblit_identity::api_key::{ApiKey, KeyHash, KeyRefusal, MAX_KEY_CACHE_TTL, Scope, SecretSlot};
use upblit_identity::application::TelemetrySettings;
use upblit_identity::key_faults::KeyFaults;
use upblit_lambda::Host;
use upblit_store::Database;
use upblit_store::api_keys::{LAST_USED_PRECISION, StoredKey};
use upblit_web::credentials;
use upblit_web::error::Error;
use upblit_web::request_log;
use upblit_web::source::ClientAddress;

use crate::day_limits::Payers;

/// Number of keys that one instance caches.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(4_000).unwrap();

/// Cache of verified keys. An entry expires a fixed time after it was read, even if it is used,
/// so a revocation takes effect within that time. Expired entries stay in the cache,
/// so that a key that was valid is read again even while its address sends invalid keys.
pub struct VerifiedKeys {
    clock: Clock,
    database: Database,
    faults: Mutex<KeyFaults>,
    ttl: Duration,
    cache: Mutex<LruCache<KeyHash, Remembered>>,
}

#[derive(Clone)]
struct Remembered {
    stored: StoredKey,
    read_at: Timestamp,
}

/// Returns the scope that a request needs, given the scopes of its key.
pub type NeededScope = fn(&[Scope]) -> Scope;

/// A request that is refused before its key is authorized.
#[derive(Debug)]
pub struct Rejection {
    /// Why it is refused.
    pub error: Error,
    /// The key, if it exists and a valid secret of it was sent.
    pub key: Option<PublicKeyId>,
}

impl<E: Into<Error>> From<E> for Rejection {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            key: None,
        }
    }
}

/// A key that is authorized for the request.
pub struct AuthorizedKey {
    /// Public id, which includes the application.
    pub id: PublicKeyId,
    /// The settings of its application.
    pub telemetry: TelemetrySettings,
    /// Application and user whose daily quotas its requests are charged to.
    pub payers: Payers,
    hash: KeyHash,
    secret: SecretSlot,
    last_used_at: Option<Timestamp>,
}

impl VerifiedKeys {
    /// Caches keys for `KEY_CACHE_TTL`.
    ///
    /// # Errors
    /// When the setting is not a duration, or is longer than [`MAX_KEY_CACHE_TTL`].
    pub fn load(host: &Host) -> Result<Self, ConfigError> {
        let bounds = Duration::ZERO..=MAX_KEY_CACHE_TTL;
        Ok(Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            faults: Mutex::default(),
            ttl: host
                .env
                .duration("KEY_CACHE_TTL", MAX_KEY_CACHE_TTL, bounds)?,
            cache: Mutex::new(LruCache::new(CAPACITY)),
        })
    }

    /// Checks the request's `x-api-key`. Takes one read, or none if the key is malformed or
    /// cached, or its address has sent too many invalid keys.
    ///
    /// # Errors
    /// When there is no key or it is not authorized, or when storage fails.
    pub async fn authorize(
        &self,
        address: ClientAddress,
        headers: &HeaderMap,
        needed: NeededScope,
    ) -> Result<AuthorizedKey, Rejection> {
        let key = ApiKey::parse(credentials::api_key(headers)?).ok_or(KeyRefusal::Invalid)?;
        let hash = key.hash();
        let now = self.clock.now();
        let remembered = self.remembered(&hash, now);
        let is_new = remembered.is_none();
        request_log::record_key(key.id());
        request_log::record(|request| request.is_key_remembered = Some(!is_new));
        let stored = match remembered {
            Some(stored) => stored,
            None => self.read(address, &key, &hash, now).await?,
        };
        let scope = needed(&stored.key.scopes);
        if let Err(refusal) = stored.key.authorize(&hash, scope, now) {
            return Err(Rejection {
                error: refusal.into(),
                key: stored.key.has_secret(&hash, now).then_some(key.id()),
            });
        }
        // Only accepted keys are cached, and using one does not extend its lifetime.
        if is_new {
            self.remember(hash, stored.clone(), now);
        }
        let secret = stored.key.secret(&hash, now).ok_or(KeyRefusal::Invalid)?;
        let last_used_at = stored.last_used_at(secret);
        Ok(AuthorizedKey {
            id: key.id(),
            telemetry: stored.telemetry,
            payers: Payers {
                application: key.id().application_id,
                user: stored.application_by,
            },
            hash,
            secret,
            last_used_at,
        })
    }

    /// Records in the table that the key was used, at most once in five minutes for each secret. A
    /// failure is only logged.
    pub async fn record_use(&self, key: &AuthorizedKey) {
        let now = self.clock.now();
        let fresh = clock::before(now, LAST_USED_PRECISION);
        if key.last_used_at.is_some_and(|at| at > fresh) {
            return;
        }
        if let Some(remembered) = self.lock().peek_mut(&key.hash) {
            remembered.stored.record_use(key.secret, now);
        }
        if let Err(error) = self.database.touch_key(key.id, key.secret, now).await {
            tracing::warn!(key = %key.id, error = %WithCauses(&error), "last use not recorded");
        }
    }

    /// Reads the stored key. Reads nothing if the key has never been valid on this instance and its
    /// address has sent too many invalid keys.
    async fn read(
        &self,
        address: ClientAddress,
        key: &ApiKey,
        hash: &KeyHash,
        now: Timestamp,
    ) -> Result<StoredKey, Error> {
        let was_valid = self.lock().contains(hash);
        let wait = self.faults().wait(address.0, key.id(), now);
        if let (false, Some(retry_after)) = (was_valid, wait) {
            return Err(Error::RateLimited {
                detail: "too many invalid API keys from this address",
                retry_after,
            });
        }
        let stored = self.database.api_key(key.id()).await?;
        let stored = stored.filter(|stored| stored.has_secret(hash, now));
        stored.ok_or_else(|| {
            self.lock().pop(hash);
            self.faults().record(address.0, key.id(), now);
            KeyRefusal::Invalid.into()
        })
    }

    fn remembered(&self, hash: &KeyHash, now: Timestamp) -> Option<StoredKey> {
        let mut cache = self.lock();
        let found = cache.get(hash)?;
        let believed = clock::is_within(self.ttl, found.read_at, now);
        believed.then(|| found.stored.clone())
    }

    fn remember(&self, hash: KeyHash, stored: StoredKey, read_at: Timestamp) {
        self.lock().put(hash, Remembered { stored, read_at });
    }

    fn faults(&self) -> MutexGuard<'_, KeyFaults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<KeyHash, Remembered>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Records the health of each key in memory. Writes it at most once a minute, and the first request
//! of a day or the first error of a kind within seconds.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use lru::LruCache;
use shared::base::causes::WithCauses;
use shared::base::clock::Clock;
use shared::base::ids::PublicKeyId;
use shared::lambda::Host;
use shared::store::Database;
use shared::telemetry::key_health::{KeyHealth, Pending};
use shared::web::error::Error;

/// Number of keys that one instance tracks. If another key takes the place of one, its unwritten
/// totals are lost.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// The unwritten health of each key.
pub(crate) struct HealthRecorder {
    clock: Clock,
    database: Database,
    pending: Mutex<LruCache<PublicKeyId, Pending>>,
}

impl HealthRecorder {
    pub(crate) fn new(host: &Host) -> Self {
        Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            pending: Mutex::new(LruCache::new(CAPACITY)),
        }
    }

    /// Records a request, and writes the key's totals if they are due. If that fails, logs
    /// the error and keeps the totals for the next attempt.
    pub(crate) async fn record(&self, key: PublicKeyId, request: KeyHealth) {
        let now = self.clock.now();
        let due = self.with(key, |pending| {
            pending.record(request);
            pending.due(now)
        });
        for (day, total) in due {
            match self.database.add_health(key, day, &total).await {
                Ok(()) => self.with(key, |pending| pending.written(day, &total)),
                Err(error) => {
                    tracing::warn!(%key, error = %WithCauses(&error), "health not written");
                    self.with(key, |pending| pending.not_written(day, total));
                }
            }
        }
    }

    /// Records a request that was refused as a whole.
    pub(crate) async fn record_refusal(&self, key: PublicKeyId, error: &Error) {
        if let Some(reason) = error.reject_reason() {
            let refusal = KeyHealth::of_refusal(reason, &error.to_string(), self.clock.now());
            self.record(key, refusal).await;
        }
    }

    /// Removes a recorded request whose batch could not be stored.
    pub(crate) fn revert(&self, key: PublicKeyId, request: &KeyHealth) {
        self.with(key, |pending| pending.revert(request));
    }

    fn with<T>(&self, key: PublicKeyId, act: impl FnOnce(&mut Pending) -> T) -> T {
        let mut keys = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        act(keys.get_or_insert_mut(key, Pending::default))
    }
}

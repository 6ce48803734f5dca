//! How each key fares, summed up in this instance and seldom written.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use lru::LruCache;
use shared::base::causes::WithCauses;
use shared::base::clock::Clock;
use shared::base::ids::PublicKeyId;
use shared::lambda::Host;
use shared::store::Database;
use shared::telemetry::ingest_health::{Health, Pending};
use shared::web::error::Error;

/// Keys that one instance keeps sums of; the sum of one that drops out is lost.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// What was seen of each key and not written yet.
pub(crate) struct KeyHealth {
    clock: Clock,
    database: Database,
    pending: Mutex<LruCache<PublicKeyId, Pending>>,
}

impl KeyHealth {
    pub(crate) fn new(host: &Host) -> Self {
        Self {
            clock: host.clock.clone(),
            database: host.database.clone(),
            pending: Mutex::new(LruCache::new(CAPACITY)),
        }
    }

    /// Sums up a request, and writes the key's sum when it is due. Only a
    /// statistic: a failure is logged, and the sum kept for the next time.
    pub(crate) async fn note(&self, key: PublicKeyId, seen: Health) {
        let now = self.clock.now();
        let due = self.with(key, |pending| {
            pending.note(seen);
            pending.due(now)
        });
        for (day, sum) in due {
            match self.database.add_health(key, day, &sum).await {
                Ok(()) => self.with(key, |pending| pending.written(day, &sum)),
                Err(error) => {
                    tracing::warn!(%key, error = %WithCauses(&error), "health not written");
                    self.with(key, |pending| pending.not_written(day, sum));
                }
            }
        }
    }

    /// The same for a request that was refused as a whole.
    pub(crate) async fn note_refusal(&self, key: PublicKeyId, error: &Error) {
        if let Some(reason) = error.reject_reason() {
            let seen = Health::of_refusal(reason, &error.to_string(), self.clock.now());
            self.note(key, seen).await;
        }
    }

    /// Forgets a request that was noted and then could not be stored.
    pub(crate) fn take_back(&self, key: PublicKeyId, seen: &Health) {
        self.with(key, |pending| pending.take_back(seen));
    }

    fn with<T>(&self, key: PublicKeyId, act: impl FnOnce(&mut Pending) -> T) -> T {
        let mut keys = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        act(keys.get_or_insert_mut(key, Pending::default))
    }
}

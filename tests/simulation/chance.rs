//! The decisions of a world, all from its seed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A generator that all parts of a world share. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Chance(Arc<Mutex<fastrand::Rng>>);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// A number from `least` to `most`, both included.
    pub(crate) fn between(&self, least: u64, most: u64) -> u64 {
        let mut rng = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rng.u64(least..=most)
    }

    /// Whether something happens that does so in `percent` of all cases.
    pub(crate) fn percent(&self, percent: u64) -> bool {
        self.between(0, 99) < percent
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.between(0, of.len() as u64 - 1) as usize]
    }

    /// A number from `-most` to `most`.
    pub(crate) fn around(&self, most: i64) -> i64 {
        self.between(0, 2 * most.unsigned_abs()).cast_signed() - most
    }

    /// Sleeps for a time between these, in milliseconds.
    pub(crate) async fn sleep(&self, least: u64, most: u64) {
        let millis = self.between(least, most);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
}

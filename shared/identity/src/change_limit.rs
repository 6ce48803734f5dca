//! Limits how often a user makes changes, in the memory of one instance. Most changes are a transaction
//! with an audit entry, and revoked keys stay in lists for 30 days.

use std::num::NonZeroUsize;
use std::time::Duration;

use jiff::Timestamp;
use lru::LruCache;
use upblit_base::ids::UserId;

use crate::rate_limit::{Period, RateWindow};

/// Changes of one user that an instance admits in a minute.
pub const MAX_CHANGES: u32 = 300;

/// Number of users that one instance tracks.
const USERS: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// Changes of the current minute, by user.
#[derive(Debug)]
pub struct ChangeLimit(LruCache<UserId, (RateWindow, u32)>);

impl Default for ChangeLimit {
    fn default() -> Self {
        Self(LruCache::new(USERS))
    }
}

impl ChangeLimit {
    /// Counts a change, whether or not it succeeds.
    ///
    /// # Errors
    /// The time until the next minute, if there were too many changes in this one.
    pub fn admit(&mut self, user: UserId, now: Timestamp) -> Result<(), Duration> {
        let window = RateWindow::at(Period::Minute, now);
        let counted = self.0.get_or_insert_mut(user, || (window, 0));
        if counted.0 != window {
            *counted = (window, 0);
        }
        if counted.1 >= MAX_CHANGES {
            return Err(Duration::from_secs(window.seconds_left(now)).min(Period::Minute.length()));
        }
        counted.1 += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_changes_that_each_user_makes_in_a_minute_is_limited() {
        let mut limit = ChangeLimit::default();
        let [one, other] = ["1", "2"].map(|id| id.parse().unwrap());
        let at = |second| Timestamp::from_second(second).unwrap();
        for _ in 0..MAX_CHANGES {
            assert_eq!(limit.admit(one, at(15)), Ok(()));
        }
        assert_eq!(limit.admit(one, at(15)), Err(Duration::from_secs(45)));
        assert_eq!(limit.admit(other, at(15)), Ok(()));
        assert_eq!(limit.admit(one, at(60)), Ok(()));
    }
}

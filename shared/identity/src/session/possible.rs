//! States that no sequence of sign-in, moves and expiry leads to. A stored session in one of them
//! comes from a bug, or from a restore that mixed two times.

use super::rotation::{MAX_RECOVERIES, UNREDEEMED};
use super::{Counters, Session};
use crate::refresh_token::FIRST_COUNTER;

impl Session {
    /// Returns why the state of the session is impossible, or `None` if it is possible.
    pub fn impossibility(&self) -> Option<&'static str> {
        let Counters {
            current,
            previous,
            retired,
            moved_at,
        } = self.counters;
        let is_bound = self.code_challenge.is_some();
        let rules = [
            (
                current != UNREDEEMED || is_bound,
                "it has no token and no code to redeem for one",
            ),
            (
                previous != 0 || current <= FIRST_COUNTER,
                "its current token is not its first, but it has no previous one",
            ),
            (
                previous == 0 || previous < current,
                "its previous token is not older than its current one",
            ),
            (
                retired <= previous,
                "its retired token is newer than its previous one",
            ),
            (
                !is_bound || previous == 0 || current - previous.min(current) <= MAX_RECOVERIES + 1,
                "it was recovered more often than a session with a challenge can be",
            ),
            (
                moved_at == self.last_used_at,
                "its last move and its last use differ",
            ),
            (
                self.idle_expires_at > self.last_used_at,
                "it expired before its last use",
            ),
            (
                self.absolute_expires_at > self.created_at,
                "it expired before it was opened",
            ),
        ];
        rules
            .into_iter()
            .find(|(holds, _)| !holds)
            .map(|(_, why)| why)
    }
}

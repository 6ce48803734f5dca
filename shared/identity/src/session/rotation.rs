//! Refresh token rotation. SECURITY.md, "Theft", states its guarantees. The model in its tests
//! explores concurrent requests, lost and repeated responses, clocks that differ, and stolen
//! tokens.
//!
//! A session moves at most once per grace. Within the grace, every token that an honest client
//! may still hold gets the current one.

use std::time::Duration;

use jiff::Timestamp;
use upblit_base::clock;

use super::{ReusePolicy, SessionPolicy};

/// Counter of a session whose authorization code has not been redeemed.
pub const UNREDEEMED: u32 = 0;

/// Maximum number of recoveries with the same token in a session that was opened with a PKCE
/// challenge. Such clients store the tokens they get, so only a lost response explains that
/// they present an old one.
pub const MAX_RECOVERIES: u32 = 3;

/// Counters of a session's tokens, and its last move. Counter 0 is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Counters {
    /// The newest token. [`UNREDEEMED`] before the first one is issued.
    pub current: u32,
    /// The token that made the last move. 0 before the first move.
    pub previous: u32,
    /// The previous token that the last move replaced. 0 before the second move.
    pub retired: u32,
    /// Time of the last move. Before the first one, time of the sign-in or of the redemption of
    /// the authorization code.
    pub moved_at: Timestamp,
}

/// Response to a presented token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The session moves, and the token gets its successor.
    Move(Move),
    /// The session stays, and the token gets the current one again.
    ServeAgain,
    /// No token of this session can have this counter, or the counters are used up. The cause
    /// is a restored table or a bug, not theft.
    Impossible,
    /// A token that no honest client still holds: the session ends.
    End,
}

/// Why a session moves to its next refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The newest token was presented.
    Rotation,
    /// The previous token was presented after the grace: its response was lost, or the client
    /// keeps its first token. The token in between is no longer accepted.
    Recovery,
}

impl Counters {
    /// Returns the counters of a session whose only token is `first`.
    pub fn open(first: u32, now: Timestamp) -> Self {
        Self {
            current: first,
            previous: 0,
            retired: 0,
            moved_at: now,
        }
    }

    /// Returns the counters after a move made with the token `presented`.
    ///
    /// Storage applies the same move in one conditional write. Its condition holds exactly when
    /// [`Self::decide`] returns [`Decision::Move`].
    #[must_use]
    pub fn moved(self, presented: u32, now: Timestamp) -> Self {
        Self {
            current: self.current.saturating_add(1),
            previous: presented,
            retired: self.previous,
            moved_at: now,
        }
    }

    /// Decides what the token `presented` gets in a live session.
    ///
    /// `is_bound` says whether the session was opened with a PKCE challenge.
    pub fn decide(
        &self,
        presented: u32,
        is_bound: bool,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> Decision {
        let is_fresh = self.is_fresh(policy.grace, now);
        if !is_fresh && let Some(why) = self.move_for(presented, is_bound, policy.reuse) {
            return Decision::Move(why);
        }
        if is_fresh && self.may_be_held(presented) {
            return Decision::ServeAgain;
        }
        if presented > self.current || self.current == u32::MAX {
            return Decision::Impossible;
        }
        Decision::End
    }

    /// Returns whether the last move was a recovery.
    fn has_recovered(&self) -> bool {
        self.previous != 0 && self.current - self.previous > 1
    }

    /// Returns whether a recovery now is the first of its hour, judged by the last move.
    pub fn is_first_recovery(&self, now: Timestamp) -> bool {
        !(self.has_recovered() && clock::floor_to_hour(self.moved_at) == clock::floor_to_hour(now))
    }

    /// Returns whether the last move is at most a grace ago. Compares whole milliseconds, as
    /// stored. If the clock is behind that of the instance that made the move, no time has
    /// passed.
    fn is_fresh(&self, grace: Duration, now: Timestamp) -> bool {
        let grace = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
        now.as_millisecond() - self.moved_at.as_millisecond() <= grace
    }

    fn move_for(&self, presented: u32, is_bound: bool, reuse: ReusePolicy) -> Option<Move> {
        if presented == 0 || self.current == u32::MAX {
            None
        } else if presented == self.current {
            Some(Move::Rotation)
        } else if presented == self.previous
            && reuse == ReusePolicy::Recover
            && (!is_bound || self.current - presented <= MAX_RECOVERIES)
        {
            Some(Move::Recovery)
        } else {
            None
        }
    }

    /// Returns whether an honest client may hold this token within the grace: the newest, the
    /// one that made the move, the one that a recovery skipped, or the one that the move
    /// replaced.
    fn may_be_held(&self, presented: u32) -> bool {
        let killed = self.current.saturating_sub(1);
        presented != 0 && [self.current, self.previous, killed, self.retired].contains(&presented)
    }
}

/// Returns the time before which a move is no longer within the grace.
pub fn grace_began(policy: &SessionPolicy, now: Timestamp) -> Timestamp {
    clock::before(now, policy.grace)
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

//! Refresh token rotation: the one decision of the product that must never be
//! wrong. What it promises is in SECURITY.md, "Theft"; the model in its tests
//! explores crowds of requests, lost and duplicated answers, clocks that
//! disagree, and thieves.
//!
//! A session moves at most once per grace. Every token that a client could
//! honestly still hold within the grace of the last move gets the current one.

use std::time::Duration;

use jiff::Timestamp;
use upblit_base::clock;

use super::{ReusePolicy, SessionPolicy};

/// The counter of a session whose authorization code was not redeemed yet.
pub const UNREDEEMED: u32 = 0;

/// How often in a row a session that was opened with a PKCE challenge recovers
/// the same token. Such clients store what they get, so only lost answers
/// explain that an old token comes back.
pub const MAX_RECOVERIES: u32 = 3;

/// Where a session stands. Counters name its tokens; 0 names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Counters {
    /// The newest token; [`UNREDEEMED`] while none was issued.
    pub current: u32,
    /// The token that was presented for the last move; 0 before the first.
    pub previous: u32,
    /// The previous token that the last move displaced; 0 before the second.
    pub retired: u32,
    /// The last move: when the session was opened, its authorization code
    /// redeemed, or a token rotated.
    pub moved_at: Timestamp,
}

/// What a presented token gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The session moves on and the token gets the successor.
    Move(Move),
    /// The session stays, and the token gets the current one again.
    ServeAgain,
    /// No token of this session has that counter, or counters are used up: not
    /// theft, but a restored table or a bug.
    Impossible,
    /// A token that no honest client still holds: the session ends.
    End,
}

/// Why a session moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The newest token was presented.
    Rotation,
    /// The one before was presented after the grace: its answer was lost, or the
    /// client keeps its first token. The token in between is dead.
    Recovery,
}

impl Counters {
    /// A session whose only token is `first`.
    pub fn open(first: u32, now: Timestamp) -> Self {
        Self {
            current: first,
            previous: 0,
            retired: 0,
            moved_at: now,
        }
    }

    /// The counters after a move that `presented` asked for.
    ///
    /// Storage applies the same move in one conditional write, whose condition
    /// is that [`Self::decide`] says [`Decision::Move`].
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

    /// Whether the last move was a recovery.
    fn has_recovered(&self) -> bool {
        self.previous != 0 && self.current - self.previous > 1
    }

    /// Whether a recovery now is the first one of its hour, as far as the last
    /// move shows.
    pub fn is_first_recovery(&self, now: Timestamp) -> bool {
        !(self.has_recovered() && clock::floor_to_hour(self.moved_at) == clock::floor_to_hour(now))
    }

    /// Whether the last move is at most a grace ago. In whole milliseconds, as
    /// it is stored. A clock behind that of the instance which moved it counts
    /// as no time at all.
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

    /// Whether a client may honestly hold this token so soon after a move: the
    /// newest, the one it was swapped for, the one that a recovery killed, and
    /// the one that the move displaced.
    fn may_be_held(&self, presented: u32) -> bool {
        let killed = self.current.saturating_sub(1);
        presented != 0 && [self.current, self.previous, killed, self.retired].contains(&presented)
    }
}

/// The earliest move that is not within the grace any more is before this.
pub fn grace_began(policy: &SessionPolicy, now: Timestamp) -> Timestamp {
    clock::before(now, policy.grace)
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

//! Sessions (families of refresh tokens) and the one decision of the product
//! that must never be wrong: what a presented refresh token gets.

use std::time::Duration;

use jiff::Timestamp;

use crate::handoff::{CODE_TTL, CodeChallenge};
use crate::refresh_token::RefreshToken;
use crate::user::Profile;
use upblit_base::clock;
use upblit_base::environment::{ConfigError, DAY, Env, MINUTE};
use upblit_base::ids::SessionId;

/// Most live sessions of one user; a further sign-in ends the oldest.
pub const MAX_SESSIONS_PER_USER: usize = 50;

/// How long the previous token gets the same successor, unless `REFRESH_GRACE` is set.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// How long sessions live and how strict rotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// A session unused this long ends (`REFRESH_IDLE_TTL`).
    pub idle_ttl: Duration,
    /// A session ends this long after sign-in, however much it is used (`REFRESH_ABSOLUTE_TTL`).
    pub absolute_ttl: Duration,
    /// How long the previous token still gets the same successor (`REFRESH_GRACE`).
    pub grace: Duration,
    /// What the previous token gets after the grace (`REFRESH_REUSE_POLICY`).
    pub reuse: ReusePolicy,
}

impl SessionPolicy {
    /// The policy of `REFRESH_IDLE_TTL` (14 d), `REFRESH_ABSOLUTE_TTL` (90 d),
    /// `REFRESH_GRACE` (30 s) and `REFRESH_REUSE_POLICY` (`recover` or `strict`).
    ///
    /// # Errors
    /// When one of them is unreadable or out of bounds.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let life = Duration::from_secs(1)..=400 * DAY;
        let grace = Duration::ZERO..=5 * MINUTE;
        Ok(Self {
            idle_ttl: env.duration("REFRESH_IDLE_TTL", 14 * DAY, life.clone())?,
            absolute_ttl: env.duration("REFRESH_ABSOLUTE_TTL", 90 * DAY, life)?,
            grace: env.duration("REFRESH_GRACE", DEFAULT_GRACE, grace)?,
            reuse: ReusePolicy::from_env(env)?,
        })
    }
}

/// What happens when the previous token comes back after the grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReusePolicy {
    /// It is taken for a lost response, or for a client that keeps its first
    /// token: the session moves on, and any token in between is dead.
    Recover,
    /// It is reuse, and the session ends (RFC 9700 §4.14.2 to the letter).
    Strict,
}

impl ReusePolicy {
    fn from_env(env: &Env) -> Result<Self, ConfigError> {
        const NAME: &str = "REFRESH_REUSE_POLICY";
        match env.optional(NAME) {
            None | Some("recover") => Ok(Self::Recover),
            Some("strict") => Ok(Self::Strict),
            Some(_) => Err(ConfigError::new(NAME, "must be recover or strict")),
        }
    }
}

/// The counter of a session whose one-time code was not redeemed; before the first token's.
pub const UNREDEEMED_COUNTER: u32 = 0;

/// A family of refresh tokens, as stored. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Public id.
    pub id: SessionId,
    /// Whose session it is, as of sign-in.
    pub profile: Profile,
    /// Counter of the newest token.
    pub current: u32,
    /// Counter of the token that was last swapped for a newer one.
    pub previous: Option<u32>,
    /// When it was swapped.
    pub rotated_at: Option<Timestamp>,
    /// What its one-time code is bound to, while the session waits for it
    /// to be redeemed and has no token yet.
    pub awaits: Option<CodeChallenge>,
    /// Whether the session was ended before its time.
    pub revoked: bool,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// The last sign-in or refresh.
    pub last_used_at: Timestamp,
    /// When the session ends unless it is used.
    pub idle_expires_at: Timestamp,
    /// When the session ends in any case.
    pub absolute_expires_at: Timestamp,
    /// The browser that signed in, as it named itself.
    pub user_agent: String,
}

impl Session {
    /// A session that starts now, with its first refresh token.
    pub fn open(
        first: &RefreshToken,
        profile: Profile,
        user_agent: String,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> Self {
        Self {
            id: first.session_id(),
            profile,
            current: first.counter(),
            previous: None,
            rotated_at: None,
            awaits: None,
            revoked: false,
            created_at: now,
            last_used_at: now,
            idle_expires_at: clock::after(now, policy.idle_ttl),
            absolute_expires_at: clock::after(now, policy.absolute_ttl),
            user_agent,
        }
    }

    /// The same session before its one-time code is redeemed: no token of it is
    /// out yet, and it ends with the code.
    #[must_use]
    pub fn awaiting(self, challenge: CodeChallenge) -> Self {
        Self {
            current: UNREDEEMED_COUNTER,
            awaits: Some(challenge),
            idle_expires_at: clock::after(self.created_at, CODE_TTL),
            ..self
        }
    }

    /// Whether the session can still be used. Expiry is compared here and not
    /// left to the table's TTL, which deletes days late.
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.revoked && self.expires_at() > now
    }

    /// The sooner of idle and absolute expiry.
    pub fn expires_at(&self) -> Timestamp {
        self.idle_expires_at.min(self.absolute_expires_at)
    }
}

/// One move of a session's counters. Storage applies it only while the session
/// is live and its newest counter is still `expected_current`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// The newest counter the decision was based on.
    pub expected_current: u32,
    /// The counter that was presented; it becomes the previous.
    pub previous: u32,
    /// The counter of the successor; it becomes the newest.
    pub next: u32,
}

impl Rotation {
    /// The usual move: the newest token is swapped for the next.
    /// `None` when the counter is used up, after four billion refreshes.
    pub fn of_newest(counter: u32) -> Option<Self> {
        let next = counter.checked_add(1)?;
        Some(Self {
            expected_current: counter,
            previous: counter,
            next,
        })
    }
}

/// What a presented token gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Move the session on, then answer with the successor.
    Rotate(Rotation),
    /// Answer with this counter: someone else with the same token was just served it.
    ServeAgain(u32),
    /// The session is over; nothing to do.
    Refuse,
    /// A token that was already swapped for a newer one: end the session.
    RevokeFamily,
}

/// Decides what `counter` gets in this session: the promises of SECURITY.md, "Theft".
pub fn decide(session: &Session, counter: u32, policy: &SessionPolicy, now: Timestamp) -> Decision {
    if !session.is_live(now) {
        return Decision::Refuse;
    }
    if counter == session.current {
        return Rotation::of_newest(counter).map_or(Decision::Refuse, Decision::Rotate);
    }
    if Some(counter) != session.previous {
        return Decision::RevokeFamily;
    }
    let grace_ends = session.rotated_at.map(|at| clock::after(at, policy.grace));
    if grace_ends.is_some_and(|end| now <= end) {
        return Decision::ServeAgain(session.current);
    }
    match (policy.reuse, session.current.checked_add(1)) {
        (ReusePolicy::Recover, Some(next)) => Decision::Rotate(Rotation {
            expected_current: session.current,
            previous: counter,
            next,
        }),
        _ => Decision::RevokeFamily,
    }
}

#[cfg(test)]
mod tests;

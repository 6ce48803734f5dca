//! Sessions: families of refresh tokens. What a presented token gets is decided
//! in [`rotation`].

pub mod client;
pub mod rotation;

use std::time::Duration;

use jiff::Timestamp;

use crate::authorization_code::{CODE_TTL, CodeChallenge};
use crate::refresh_token::RefreshToken;
use crate::user::Profile;
use upblit_base::clock;
use upblit_base::environment::{ConfigError, DAY, Env, MINUTE};
use upblit_base::ids::SessionId;

pub use client::ClientMark;
pub use rotation::{Counters, Decision, Move, UNREDEEMED};

/// The grace, unless `REFRESH_GRACE` is set. A client with a time-out of 30 s
/// retries exactly then.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(45);

/// A shorter grace ends sessions of honest clients: requests and answers take
/// several seconds each.
const LEAST_GRACE: Duration = Duration::from_secs(20);

/// Most live sessions of one user; a further sign-in ends the oldest.
pub const MAX_SESSIONS_PER_USER: usize = 50;

/// How long sessions live and how strict rotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// A session unused this long ends (`REFRESH_IDLE_TTL`).
    pub idle_ttl: Duration,
    /// A session ends this long after sign-in, however much it is used (`REFRESH_ABSOLUTE_TTL`).
    pub absolute_ttl: Duration,
    /// How long after a move every token that a client may still hold gets the
    /// current one (`REFRESH_GRACE`).
    pub grace: Duration,
    /// What the previous token gets after the grace (`REFRESH_REUSE_POLICY`).
    pub reuse: ReusePolicy,
}

impl SessionPolicy {
    /// The policy of `REFRESH_IDLE_TTL` (14 d), `REFRESH_ABSOLUTE_TTL` (90 d),
    /// `REFRESH_GRACE` (45 s) and `REFRESH_REUSE_POLICY` (`recover` or `strict`).
    ///
    /// # Errors
    /// When one of them is unreadable or out of bounds.
    pub fn from_env(env: &Env) -> Result<Self, ConfigError> {
        let life = Duration::from_secs(1)..=400 * DAY;
        let grace = least_grace(env)..=5 * MINUTE;
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

/// On a developer's machine any grace will do.
fn least_grace(env: &Env) -> Duration {
    if env.is_local() {
        Duration::ZERO
    } else {
        LEAST_GRACE
    }
}

/// A family of refresh tokens, as stored. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Public id.
    pub id: SessionId,
    /// The user as of sign-in.
    pub profile: Profile,
    /// Which of its tokens is the newest, and how it came to be.
    pub counters: Counters,
    /// The client that asked for the last move; `None` before the first.
    pub moved_by: Option<ClientMark>,
    /// The PKCE challenge that the session was opened with. It stays for life: a
    /// repeated redemption is checked against it, and recoveries are limited by it.
    pub code_challenge: Option<CodeChallenge>,
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
    /// `User-Agent` of the browser that signed in.
    pub user_agent: String,
}

impl Session {
    /// Opens a session with its first refresh token.
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
            counters: Counters::open(first.counter(), now),
            moved_by: None,
            code_challenge: None,
            revoked: false,
            created_at: now,
            last_used_at: now,
            idle_expires_at: clock::after(now, policy.idle_ttl),
            absolute_expires_at: clock::after(now, policy.absolute_ttl),
            user_agent,
        }
    }

    /// The same session before its authorization code is redeemed: it has no
    /// token yet, and ends with the code.
    #[must_use]
    pub fn awaiting(self, challenge: CodeChallenge) -> Self {
        Self {
            counters: Counters::open(UNREDEEMED, self.created_at),
            code_challenge: Some(challenge),
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

    /// Decides what the token `presented` gets; `None` when the session is over.
    pub fn decide(
        &self,
        presented: u32,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> Option<Decision> {
        let is_bound = self.code_challenge.is_some();
        self.is_live(now)
            .then(|| self.counters.decide(presented, is_bound, policy, now))
    }

    /// The session after the token `presented` has moved it for the client `by`:
    /// its idle time begins anew.
    #[must_use]
    pub fn moved(
        self,
        presented: u32,
        by: ClientMark,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> Self {
        Self {
            counters: self.counters.moved(presented, now),
            moved_by: Some(by),
            last_used_at: now,
            idle_expires_at: clock::after(now, policy.idle_ttl),
            ..self
        }
    }

    /// Whether an authorization code that was redeemed already gets the current
    /// token again: its answer was lost, or the page asked twice. Only with the
    /// right verifier, and as long as the code lives.
    pub fn serves_code_again(&self, challenge: &CodeChallenge, now: Timestamp) -> bool {
        self.is_live(now)
            && self.counters.current != UNREDEEMED
            && self.code_challenge.as_ref() == Some(challenge)
            && now < clock::after(self.created_at, CODE_TTL)
    }
}

#[cfg(test)]
mod tests;

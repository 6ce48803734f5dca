//! Sessions. A session is a family of refresh tokens; [`rotation`] decides what a presented
//! token gets.

pub mod client;
mod possible;
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

/// Default grace. Longer than a client's time-out of 30 s, after which it retries.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(45);

/// Minimum grace. A shorter one would end sessions of honest clients, whose requests and
/// responses can take several seconds each.
const LEAST_GRACE: Duration = Duration::from_secs(20);

/// Time after a sign-in in which its session may delete the account.
pub const SIGN_IN_AGAIN_AFTER: Duration = Duration::from_secs(10 * 60);

/// Maximum number of live sessions of one user. A further sign-in ends the oldest.
pub const MAX_SESSIONS_PER_USER: usize = 50;

/// Lifetimes of sessions, and the rules of rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Time after the last use at which a session expires (`REFRESH_IDLE_TTL`).
    pub idle_ttl: Duration,
    /// Time after the sign-in at which a session expires, even if used (`REFRESH_ABSOLUTE_TTL`).
    pub absolute_ttl: Duration,
    /// Time after a move in which every token that a client may still hold gets the current
    /// one (`REFRESH_GRACE`).
    pub grace: Duration,
    /// Treatment of the previous token after the grace (`REFRESH_REUSE_POLICY`).
    pub reuse: ReusePolicy,
}

impl SessionPolicy {
    /// Reads `REFRESH_IDLE_TTL` (14 d), `REFRESH_ABSOLUTE_TTL` (90 d),
    /// `REFRESH_GRACE` (45 s) and `REFRESH_REUSE_POLICY` (`recover` or `strict`).
    ///
    /// # Errors
    /// If one of them cannot be parsed or is out of bounds.
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

/// Treatment of the previous token when it is presented after the grace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReusePolicy {
    /// The response was probably lost, or the client keeps its first token: the session moves,
    /// and the token in between is no longer accepted.
    Recover,
    /// Reuse: the session ends, as RFC 9700 §4.14.2 requires.
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

/// Returns the minimum grace. Tests on a developer's machine use shorter graces.
fn least_grace(env: &Env) -> Duration {
    if env.is_local() {
        Duration::ZERO
    } else {
        LEAST_GRACE
    }
}

/// A family of refresh tokens, as stored. Contains no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Id of the session: a hash of the secret in its refresh tokens.
    pub id: SessionId,
    /// Profile of the user at the time of the sign-in.
    pub profile: Profile,
    /// Counters of its tokens, and its last move.
    pub counters: Counters,
    /// Client that made the last move. `None` before the first move.
    pub moved_by: Option<ClientMark>,
    /// PKCE challenge of the sign-in. Never removed: a repeated redemption is checked against
    /// it, and it limits recoveries.
    pub code_challenge: Option<CodeChallenge>,
    /// Whether the session was ended before it expired.
    pub revoked: bool,
    /// Time of the sign-in.
    pub created_at: Timestamp,
    /// Time of the sign-in or of the last move.
    pub last_used_at: Timestamp,
    /// Idle expiry. Every move postpones it.
    pub idle_expires_at: Timestamp,
    /// Absolute expiry, counted from the sign-in.
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

    /// Returns the session as it is before its authorization code is redeemed: without a
    /// token, and with the expiry of the code.
    #[must_use]
    pub fn awaiting(self, challenge: CodeChallenge) -> Self {
        Self {
            counters: Counters::open(UNREDEEMED, self.created_at),
            code_challenge: Some(challenge),
            idle_expires_at: clock::after(self.created_at, CODE_TTL),
            ..self
        }
    }

    /// Returns whether the session can be used. Compares the expiry, because the table's TTL
    /// can delete items days late.
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.revoked && self.expires_at() > now
    }

    /// Returns the earlier of idle and absolute expiry.
    pub fn expires_at(&self) -> Timestamp {
        self.idle_expires_at.min(self.absolute_expires_at)
    }

    /// Decides what the token with the counter `presented` gets. `None` if the session has
    /// ended.
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

    /// Returns the session after the client `by` has moved it with the token `presented`. Its
    /// idle time starts again.
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

    /// Returns whether an authorization code that was redeemed before gets the current token
    /// again, because the response was lost or the page sent it twice. Requires the right
    /// verifier, and a code that has not expired.
    pub fn serves_code_again(&self, challenge: &CodeChallenge, now: Timestamp) -> bool {
        self.is_live(now)
            && self.counters.current != UNREDEEMED
            && self.code_challenge.as_ref() == Some(challenge)
            && now < clock::after(self.created_at, CODE_TTL)
    }
}

#[cfg(test)]
mod tests;

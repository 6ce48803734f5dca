//! The audit trail: who did what to an application or an account, written in
//! the same transaction as the change itself.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use upblit_base::clock;
use upblit_base::cursor::{List, ListId, Position};
use upblit_base::ids::{ApplicationId, InvalidId, PublicKeyId, SessionId, UserId};
use upblit_base::random::{self, CryptoRng};
use utoipa::ToSchema;

/// How long an entry is kept.
pub const RETENTION: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Whose trail it belongs to.
    pub subject: Subject,
    /// Who did it.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: AuditAction,
    /// The key it was done to, if it was done to one.
    pub key: Option<PublicKeyId>,
    /// The session it was done to, if it was done to one.
    pub session: Option<SessionId>,
}

impl AuditEntry {
    /// Something that happened to an application.
    pub fn of_application(
        application_id: ApplicationId,
        actor: Actor,
        action: AuditAction,
        at: Timestamp,
    ) -> Self {
        let subject = Subject::Application(application_id);
        Self {
            subject,
            actor,
            at,
            action,
            key: None,
            session: None,
        }
    }

    /// Something that happened to a key, and so to its application.
    pub fn of_key(key: PublicKeyId, actor: Actor, action: AuditAction, at: Timestamp) -> Self {
        let entry = Self::of_application(key.application_id, actor, action, at);
        Self {
            key: Some(key),
            ..entry
        }
    }

    /// Something that happened to a session, and so to its user's account.
    pub fn of_session(
        user_id: UserId,
        session: SessionId,
        actor: Actor,
        action: AuditAction,
        at: Timestamp,
    ) -> Self {
        let (subject, session) = (Subject::Account(user_id), Some(session));
        Self {
            subject,
            actor,
            at,
            action,
            key: None,
            session,
        }
    }
}

/// Whose trail an entry belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An application; its members read it.
    Application(ApplicationId),
    /// A user's account; the user reads it.
    Account(UserId),
}

/// The audit log of an application, newest first.
#[derive(Debug, Clone, Copy)]
pub struct ApplicationTrail;

/// The audit log of an account, newest first.
#[derive(Debug, Clone, Copy)]
pub struct AccountTrail;

impl List for ApplicationTrail {
    const ID: ListId = ListId::ApplicationAudit;
    type Position = AuditPosition;
}

impl List for AccountTrail {
    const ID: ListId = ListId::AccountAudit;
    type Position = AuditPosition;
}

/// An entry's place in an audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPosition {
    /// When it was written, to the millisecond.
    pub at: Timestamp,
    /// Base62; sets it apart from other entries of the same millisecond.
    pub random: [u8; Self::RANDOM],
}

impl AuditPosition {
    /// Characters of the random part.
    pub const RANDOM: usize = 8;

    /// The place of a new entry.
    pub fn generate(at: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let mut random = [0; Self::RANDOM];
        random.copy_from_slice(random::base62(rng, Self::RANDOM).as_bytes());
        Self { at, random }
    }
}

impl Position for AuditPosition {
    fn to_bytes(&self) -> Vec<u8> {
        let millis = self.at.as_millisecond().to_be_bytes();
        [millis, self.random].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (millis, random) = bytes.split_first_chunk()?;
        let millis = i64::from_be_bytes(*millis);
        let at = clock::from_millis(millis);
        let random: [u8; Self::RANDOM] = random.try_into().ok()?;
        let is_base62 = random.iter().all(u8::is_ascii_alphanumeric);
        let is_time = millis >= 0 && at.as_millisecond() == millis;
        (is_base62 && is_time).then_some(Self { at, random })
    }
}

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Actor {
    /// A signed-in user.
    User(UserId),
    /// The product itself, on noticing misuse.
    Upblit,
    /// GitHub, which found a key in public.
    GitHubSecretScanning,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Upblit => f.write_str("upblit"),
            Self::GitHubSecretScanning => f.write_str("github-secret-scanning"),
        }
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}

impl TryFrom<String> for Actor {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        match text.as_str() {
            "upblit" => Ok(Self::Upblit),
            "github-secret-scanning" => Ok(Self::GitHubSecretScanning),
            id => id.parse().map(Self::User),
        }
    }
}

/// What can happen to an application, its keys, or an account's sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum AuditAction {
    /// The application was created.
    #[serde(rename = "application.created")]
    ApplicationCreated,
    /// The application got another name.
    #[serde(rename = "application.renamed")]
    ApplicationRenamed,
    /// The application's telemetry is kept for another time.
    #[serde(rename = "application.retention_changed")]
    RetentionChanged,
    /// The application's telemetry is spread over more partitions.
    #[serde(rename = "application.shards_raised")]
    ShardsRaised,
    /// The application was deleted and its keys revoked.
    #[serde(rename = "application.deleted")]
    ApplicationDeleted,
    /// A key was minted.
    #[serde(rename = "key.minted")]
    KeyMinted,
    /// A key was renamed.
    #[serde(rename = "key.renamed")]
    KeyRenamed,
    /// A key was disabled; it can be enabled again.
    #[serde(rename = "key.disabled")]
    KeyDisabled,
    /// A disabled key was enabled.
    #[serde(rename = "key.enabled")]
    KeyEnabled,
    /// A key got a new secret.
    #[serde(rename = "key.rotated")]
    KeyRotated,
    /// A key was revoked for good.
    #[serde(rename = "key.revoked")]
    KeyRevoked,
    /// Someone signed in.
    #[serde(rename = "session.opened")]
    SessionOpened,
    /// The session's holder signed out.
    #[serde(rename = "session.signed_out")]
    SignedOut,
    /// The session was ended from another one, or to make room.
    #[serde(rename = "session.revoked")]
    SessionRevoked,
    /// A refresh token that was swapped already came again; the session was ended.
    #[serde(rename = "session.reuse_detected")]
    ReuseDetected,
    /// A one-time code came a second time; the session was ended.
    #[serde(rename = "session.code_replayed")]
    CodeReplayed,
}

#[cfg(test)]
mod tests {
    use upblit_base::cursor::Cursor;

    use super::*;

    #[test]
    fn a_place_survives_its_cursor_and_only_places_are_read() {
        let at = clock::from_millis(1_769_862_600_123);
        let position = AuditPosition::generate(at, &mut random::rng());
        let text = Cursor::<AccountTrail>(position).to_string();
        let read = text.parse::<Cursor<AccountTrail>>().map(|cursor| cursor.0);
        assert_eq!(read, Ok(position));
        assert!(
            text.parse::<Cursor<ApplicationTrail>>().is_err(),
            "of another list"
        );
        for random in ["1234567", "123456789", "1234567#", "        "] {
            let bytes = [&7_i64.to_be_bytes()[..], random.as_bytes()].concat();
            assert_eq!(AuditPosition::from_bytes(&bytes), None, "{random:?}");
        }
        let before_time = [(-1_i64).to_be_bytes(), *b"12345678"].concat();
        assert_eq!(AuditPosition::from_bytes(&before_time), None);
    }
}

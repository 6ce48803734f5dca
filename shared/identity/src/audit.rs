//! Audit log: who did what to an application or account. Each entry is written in the transaction
//! of the change, except for hourly notices about sessions.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use upblit_base::clock;
use upblit_base::cursor::{List, ListId, Position};
use upblit_base::ids::{ApplicationId, InvalidId, PublicKeyId, SessionId, UserId};
use upblit_base::random::{self, CryptoRng};
use utoipa::ToSchema;

use crate::team::Role;

/// Time that an entry is kept.
pub const RETENTION: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// One entry of an audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Application or account whose log has the entry.
    pub subject: Subject,
    /// User or system that made the change.
    pub actor: Actor,
    /// Time of the change.
    pub at: Timestamp,
    /// What was changed, such as `key.minted`.
    pub action: AuditAction,
    /// Key that was changed, for changes of keys.
    pub key: Option<PublicKeyId>,
    /// Session that was changed, for changes of sessions.
    pub session: Option<SessionId>,
    /// Whose membership was changed and how, for changes of members and invites.
    pub team: TeamChange,
    /// What was deleted, for deletions of telemetry.
    pub telemetry: Option<DeletedTelemetry>,
}

/// Telemetry that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeletedTelemetry)]
pub struct DeletedTelemetry {
    /// Id of the trace that was deleted. Null for a time range.
    pub trace_id: Option<String>,
    /// Beginning of the time range, included. Null for a trace.
    #[serde(
        serialize_with = "clock::serialize_rfc3339_option",
        deserialize_with = "clock::deserialize_rfc3339_option"
    )]
    pub from: Option<Timestamp>,
    /// End of the time range, excluded. Null for a trace.
    #[serde(
        serialize_with = "clock::serialize_rfc3339_option",
        deserialize_with = "clock::deserialize_rfc3339_option"
    )]
    pub to: Option<Timestamp>,
    /// `traces` or `logs`. Null for both.
    pub signal: Option<String>,
    /// Number of spans and log records that the request deleted.
    pub events: u64,
}

/// A change of who is a member of an application. Empty for other changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TeamChange {
    /// The member. `None` for an invite that anyone can accept.
    pub member: Option<UserId>,
    /// Role before the change.
    pub from: Option<Role>,
    /// Role after the change.
    pub to: Option<Role>,
}

impl AuditEntry {
    /// Creates an entry in the log of an application.
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
            team: TeamChange::default(),
            telemetry: None,
        }
    }

    /// Adds whose membership was changed and how.
    #[must_use]
    pub fn about(self, team: TeamChange) -> Self {
        Self { team, ..self }
    }

    /// Adds what was deleted.
    #[must_use]
    pub fn deleting(self, telemetry: DeletedTelemetry) -> Self {
        let telemetry = Some(telemetry);
        Self { telemetry, ..self }
    }

    /// Creates an entry about a key, in the log of its application.
    pub fn of_key(key: PublicKeyId, actor: Actor, action: AuditAction, at: Timestamp) -> Self {
        let entry = Self::of_application(key.application_id, actor, action, at);
        Self {
            key: Some(key),
            ..entry
        }
    }

    /// Creates an entry in the log of a user's account.
    pub fn of_account(user_id: UserId, actor: Actor, action: AuditAction, at: Timestamp) -> Self {
        Self {
            subject: Subject::Account(user_id),
            actor,
            at,
            action,
            key: None,
            session: None,
            team: TeamChange::default(),
            telemetry: None,
        }
    }

    /// Creates an entry about a session, in the log of its user's account.
    pub fn of_session(
        user_id: UserId,
        session: SessionId,
        actor: Actor,
        action: AuditAction,
        at: Timestamp,
    ) -> Self {
        Self {
            session: Some(session),
            ..Self::of_account(user_id, actor, action, at)
        }
    }
}

/// Application or account that an audit log belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An application. Its members can read the log.
    Application(ApplicationId),
    /// A user's account. The user can read the log.
    Account(UserId),
}

/// The audit log of an application, newest first.
#[derive(Debug, Clone, Copy)]
pub struct ApplicationAuditLog;

/// The audit log of an account, newest first.
#[derive(Debug, Clone, Copy)]
pub struct AccountAuditLog;

impl List for ApplicationAuditLog {
    const ID: ListId = ListId::ApplicationAudit;
    type Position = AuditPosition;
}

impl List for AccountAuditLog {
    const ID: ListId = ListId::AccountAudit;
    type Position = AuditPosition;
}

/// Position of an entry in an audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPosition {
    /// Time of the entry, in whole milliseconds. For an hourly entry, the beginning of its hour.
    pub at: Timestamp,
    /// Random base62 characters, which distinguish entries of the same millisecond.
    pub random: [u8; Self::RANDOM],
}

impl AuditPosition {
    /// Length of the random part, in characters.
    pub(crate) const RANDOM: usize = 8;

    /// Generates the position of a new entry.
    pub fn generate(at: Timestamp, rng: &mut impl CryptoRng) -> Self {
        let mut random = [0; Self::RANDOM];
        random.copy_from_slice(random::base62(rng, Self::RANDOM).as_bytes());
        Self { at, random }
    }

    /// Returns the position of an entry that a session has at most once an hour: the beginning of
    /// the hour, seven characters derived from the session's id, and a letter for what happened.
    pub fn hourly(at: Timestamp, session: SessionId, what: u8) -> Self {
        const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        let mut random = [what; Self::RANDOM];
        let of_session = &mut random[..Self::RANDOM - 1];
        for (character, byte) in of_session.iter_mut().zip(session.as_bytes()) {
            *character = BASE62[usize::from(byte % 62)];
        }
        let at = clock::floor_to_hour(at);
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

/// User or system that makes changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Actor {
    /// A user, through the API.
    User(UserId),
    /// This system, when it detects misuse, or its operator.
    Upblit,
    /// GitHub, which reported a leaked key.
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

/// Kind of audit entry: a change of an application, its keys, members or invites, or of the sessions
/// of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum AuditAction {
    /// The application was created.
    #[serde(rename = "application.created")]
    ApplicationCreated,
    /// The display name of the application was changed.
    #[serde(rename = "application.renamed")]
    ApplicationRenamed,
    /// The retention of the application's telemetry was changed.
    #[serde(rename = "application.retention_changed")]
    RetentionChanged,
    /// The number of shards of the application's telemetry was raised.
    #[serde(rename = "application.shards_raised")]
    ShardsRaised,
    /// The scrubbing of telemetry was turned on or off.
    #[serde(rename = "application.scrubbing_changed")]
    ScrubbingChanged,
    /// The application was deleted and its keys revoked.
    #[serde(rename = "application.deleted")]
    ApplicationDeleted,
    /// An owner deleted a trace, or the telemetry of a time range.
    #[serde(rename = "telemetry.deleted")]
    TelemetryDeleted,
    /// A key was created, with its first secret.
    #[serde(rename = "key.minted")]
    KeyMinted,
    /// The display name of the key was changed.
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
    /// A key was revoked permanently.
    #[serde(rename = "key.revoked")]
    KeyRevoked,
    /// An invite to the application was made.
    #[serde(rename = "invite.created")]
    InviteCreated,
    /// An owner withdrew an invite before it was accepted.
    #[serde(rename = "invite.withdrawn")]
    InviteWithdrawn,
    /// An invite was accepted, and its holder is a member.
    #[serde(rename = "member.joined")]
    MemberJoined,
    /// A member got another role.
    #[serde(rename = "member.role_changed")]
    MemberRoleChanged,
    /// An owner removed a member.
    #[serde(rename = "member.removed")]
    MemberRemoved,
    /// A member left the application by choice.
    #[serde(rename = "member.left")]
    MemberLeft,
    /// The user signed in.
    #[serde(rename = "session.opened")]
    SessionOpened,
    /// The session's holder signed out.
    #[serde(rename = "session.signed_out")]
    SignedOut,
    /// The session was ended from another one, to make room, or by the operator.
    #[serde(rename = "session.revoked")]
    SessionRevoked,
    /// A refresh token that no honest client still holds was presented, and the session was ended.
    #[serde(rename = "session.reuse_detected")]
    ReuseDetected,
    /// The previous refresh token was presented after the grace, and the session continues: a response
    /// was lost, or someone else holds a token. At most one an hour.
    #[serde(rename = "session.recovered")]
    SessionRecovered,
    /// The current refresh token was returned again, within the grace, to another client than the one
    /// that got it first. At most one an hour.
    #[serde(rename = "session.shared")]
    SessionShared,
    /// The operator blocked the user, who can no longer sign in.
    #[serde(rename = "account.blocked")]
    AccountBlocked,
    /// The operator ended the block.
    #[serde(rename = "account.unblocked")]
    AccountUnblocked,
}

#[cfg(test)]
mod tests {
    use upblit_base::cursor::Cursor;

    use super::*;

    #[test]
    fn a_position_parses_from_its_cursor_and_malformed_positions_are_refused() {
        let at = clock::from_millis(1_769_862_600_123);
        let position = AuditPosition::generate(at, &mut random::rng());
        let text = Cursor::<AccountAuditLog>(position).to_string();
        let read = text
            .parse::<Cursor<AccountAuditLog>>()
            .map(|cursor| cursor.0);
        assert_eq!(read, Ok(position));
        assert!(
            text.parse::<Cursor<ApplicationAuditLog>>().is_err(),
            "a cursor of another list"
        );
        for random in ["1234567", "123456789", "1234567#", "        "] {
            let bytes = [&7_i64.to_be_bytes()[..], random.as_bytes()].concat();
            assert_eq!(AuditPosition::from_bytes(&bytes), None, "{random:?}");
        }
        let before_time = [(-1_i64).to_be_bytes(), *b"12345678"].concat();
        assert_eq!(AuditPosition::from_bytes(&before_time), None);
    }
}

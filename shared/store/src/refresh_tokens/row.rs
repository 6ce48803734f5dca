//! A session as an item of the table.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteArray;
use upblit_base::clock;
use upblit_base::ids::{SessionId, UserId};
use upblit_identity::authorization_code::CodeChallenge;
use upblit_identity::session::{ClientMark, Counters, Session};
use upblit_identity::user::Profile;

use crate::StorageError;
use crate::attribute::{self, Item};

#[derive(Serialize, Deserialize)]
pub(super) struct SessionRow {
    user_id: UserId,
    session_id: SessionId,
    current_counter: u32,
    #[serde(default)]
    previous_counter: u32,
    #[serde(default)]
    retired_counter: u32,
    moved_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved_by: Option<ByteArray<{ ClientMark::BYTES }>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code_challenge: Option<CodeChallenge>,
    revoked: bool,
    created_ms: i64,
    last_used_ms: i64,
    idle_expires_ms: i64,
    absolute_expires_ms: i64,
    login: String,
    name: String,
    avatar: String,
    email: String,
    user_agent: String,
    expires_at: i64,
}

impl From<&Session> for SessionRow {
    fn from(session: &Session) -> Self {
        Self {
            user_id: session.profile.user_id,
            session_id: session.id,
            current_counter: session.counters.current,
            previous_counter: session.counters.previous,
            retired_counter: session.counters.retired,
            moved_ms: session.counters.moved_at.as_millisecond(),
            moved_by: session
                .moved_by
                .map(|mark| ByteArray::new(*mark.as_bytes())),
            code_challenge: session.code_challenge.clone(),
            revoked: session.revoked,
            created_ms: session.created_at.as_millisecond(),
            last_used_ms: session.last_used_at.as_millisecond(),
            idle_expires_ms: session.idle_expires_at.as_millisecond(),
            absolute_expires_ms: session.absolute_expires_at.as_millisecond(),
            login: session.profile.login.clone(),
            name: session.profile.name.clone(),
            avatar: session.profile.avatar.clone(),
            email: session.profile.email.clone(),
            user_agent: session.user_agent.clone(),
            expires_at: session.expires_at().as_second(),
        }
    }
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.session_id,
            profile: Profile {
                user_id: row.user_id,
                login: row.login,
                name: row.name,
                avatar: row.avatar,
                email: row.email,
            },
            counters: Counters {
                current: row.current_counter,
                previous: row.previous_counter,
                retired: row.retired_counter,
                moved_at: clock::from_millis(row.moved_ms),
            },
            moved_by: row
                .moved_by
                .map(|mark| ClientMark::from_bytes(mark.into_array())),
            code_challenge: row.code_challenge,
            revoked: row.revoked,
            created_at: clock::from_millis(row.created_ms),
            last_used_at: clock::from_millis(row.last_used_ms),
            idle_expires_at: clock::from_millis(row.idle_expires_ms),
            absolute_expires_at: clock::from_millis(row.absolute_expires_ms),
            user_agent: row.user_agent,
        }
    }
}

/// Reads a session from a stored item.
///
/// # Errors
/// If an attribute is missing or has the wrong type.
pub(crate) fn session_from(item: Item) -> Result<Session, StorageError> {
    Ok(attribute::from_item::<SessionRow>(item)?.into())
}

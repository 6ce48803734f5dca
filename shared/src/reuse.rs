//! Reuse: a credential for one use that comes a second time, so that someone else
//! may hold it.

use jiff::Timestamp;
use upblit_identity::audit::{Actor, AuditAction};
use upblit_identity::refresh_token::RefreshToken;
use upblit_store::Database;
use upblit_web::error::Error;
use upblit_web::request_log;

/// What came a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reused {
    /// A refresh token that was already swapped (RFC 9700 §4.14.2).
    RefreshToken,
    /// A one-time code that was already redeemed (RFC 6749 §4.1.2).
    Code,
}

/// Ends the session of a reused credential, writes the reason to the audit log, and
/// returns the client's answer: the same as for any other that is not valid. One
/// transaction. If storage fails, the answer is that instead.
pub async fn end_session(
    database: &Database,
    reused: Reused,
    session: &RefreshToken,
    now: Timestamp,
) -> Error {
    let (user_id, session_id) = (session.user_id(), session.session_id());
    let (action, answer, name) = match reused {
        Reused::RefreshToken => (
            AuditAction::ReuseDetected,
            Error::RefreshToken,
            "refresh token",
        ),
        Reused::Code => (AuditAction::CodeReplayed, Error::HandoffCode, "code"),
    };
    request_log::note(|request| request.reuse_detected = true);
    tracing::warn!(user = %user_id, session = %session_id, "{name} reused, session revoked");
    let why = (Actor::Upblit, action);
    match database.revoke_session(user_id, session_id, why, now).await {
        Ok(_) => answer,
        Err(error) => error.into(),
    }
}

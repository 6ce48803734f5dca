//! Notices about sessions in the account's audit log. The sessions continue.

use jiff::Timestamp;
use upblit_base::causes::WithCauses;
use upblit_identity::session::Session;
use upblit_identity::signing::SigningKeys;
use upblit_store::Database;
use upblit_store::audit::SessionNotice;
use upblit_web::source::Sender;

/// Records a notice, at most once an hour. A failure is only logged, because the tokens are valid
/// without the notice.
pub async fn record(database: &Database, session: &Session, notice: SessionNotice, now: Timestamp) {
    let user_id = session.profile.user_id;
    let recorded = database
        .record_hourly(user_id, session.id, notice, now)
        .await;
    if let Err(error) = recorded {
        tracing::warn!(error = %WithCauses(&error), ?notice, "a notice of a session was not recorded");
    }
}

/// Returns the notice to record when the current tokens of a session were returned again. `None`
/// if the session has not moved, or if the sender is the client that moved it.
pub fn served_again(
    session: &Session,
    sender: &Sender,
    keys: &SigningKeys,
) -> Option<SessionNotice> {
    let moved_by = session.moved_by?;
    (!sender.client().has_mark(moved_by, keys)).then_some(SessionNotice::Shared)
}

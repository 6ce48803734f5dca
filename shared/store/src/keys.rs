//! Every attribute name of a key, and shape of a sort key.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use upblit_base::clock;
use upblit_base::ids::{ApplicationId, PublicKeyId, UserId};
use upblit_identity::audit::{AuditPosition, Subject};
use upblit_identity::rate_limit::RateWindow;
use upblit_telemetry::batch::Signal;
use upblit_telemetry::chunk::Position;

/// Key of Users, of RefreshTokens, and of the index of Applications.
pub const USER_ID: &str = "user_id";
/// Sort key of RefreshTokens.
pub const SESSION_ID: &str = "session_id";
/// Key of Applications and ApiKeys.
pub const APPLICATION_ID: &str = "application_id";
/// Sort key of ApiKeys.
pub const KEY_ID: &str = "key_id";
/// Key of Telemetry and ShortLived.
pub const PK: &str = "pk";
/// Sort key of Applications and Telemetry.
pub const SK: &str = "sk";
/// When DynamoDB may delete the item, in seconds since the Unix epoch. It does
/// so days late: expiry is always compared as well.
pub const TTL: &str = "expires_at";
/// Index of Applications by member.
pub const APPLICATIONS_BY_USER: &str = "by_user";

/// Sort key of the application itself.
pub const META: &str = "meta";

/// Sort key of a membership.
pub fn member(user_id: UserId) -> String {
    format!("member#{user_id}")
}

/// What every audit entry's sort key starts with.
pub const AUDIT_PREFIX: &str = "audit#";

/// Partition of an audit trail. No application id looks like an account's.
pub fn audit_partition(subject: Subject) -> String {
    match subject {
        Subject::Application(id) => id.to_string(),
        Subject::Account(user_id) => format!("user#{user_id}"),
    }
}

/// Sort key of an audit entry; sorts by time.
pub fn audit(position: AuditPosition) -> String {
    let random = position.random.map(char::from);
    let random = String::from_iter(random);
    format!("{AUDIT_PREFIX}{}#{random}", sortable(position.at))
}

/// The entry that a sort key names; `None` for any other text.
pub fn parse_audit(sk: &str) -> Option<AuditPosition> {
    let (millis, random) = sk.strip_prefix(AUDIT_PREFIX)?.split_once('#')?;
    Some(AuditPosition {
        at: clock::from_millis(millis.parse().ok()?),
        random: random.as_bytes().try_into().ok()?,
    })
}

/// Partition of a blob: one hour of one signal of one application, and a shard of it.
pub fn blob_partition(
    application_id: ApplicationId,
    signal: Signal,
    hour: Timestamp,
    shard: u32,
) -> String {
    let hour = hour.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H");
    format!("{application_id}#{}#{hour}#{shard}", signal.as_str())
}

/// Partition of heads: a whole day, so that 30 days are 30 queries.
pub fn head_partition(
    application_id: ApplicationId,
    signal: Signal,
    day: Timestamp,
    shard: u32,
) -> String {
    let day = day.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d");
    format!("{application_id}#{}#{day}#{shard}", signal.as_str())
}

/// Partition of the sums of a day's hours. No application id looks like its beginning.
pub fn rollup_partition(application_id: ApplicationId, signal: Signal, day: Timestamp) -> String {
    let day = day.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d");
    format!("rollup#{application_id}#{}#{day}", signal.as_str())
}

/// Sort key of an hour's sums; sorts by time.
pub fn rollup(hour: Timestamp) -> String {
    sortable(hour)
}

/// The hour of a [`rollup`]; `None` for any other text.
pub fn parse_rollup(sk: &str) -> Option<Timestamp> {
    Some(clock::from_millis(sk.parse().ok()?))
}

/// Sort key of a blob and of its head; sorts by time.
pub fn chunk(position: Position) -> String {
    let hash = u128::from_be_bytes(position.hash);
    format!("{}#{hash:032x}", sortable(position.at))
}

/// The chunk that a sort key names; `None` for any other text.
pub fn parse_chunk(sk: &str) -> Option<Position> {
    let (millis, hash) = sk.split_once('#')?;
    Some(Position {
        at: clock::from_millis(millis.parse().ok()?),
        hash: u128::from_str_radix(hash, 16).ok()?.to_be_bytes(),
    })
}

/// What sorts before every chunk whose place is at this time or later.
pub fn chunks_from(at: Timestamp) -> String {
    sortable(at)
}

/// Key of a rate limit's counter.
pub fn rate_limit(key: PublicKeyId, window: RateWindow) -> String {
    format!("rate#{key}#{}", window.number())
}

/// Key of what is stored of how an API key fared at ingest on a day.
pub fn health(key: PublicKeyId, day: Date) -> String {
    format!("health#{key}#{day}")
}

/// The API key that a [`health`] is about.
pub fn key_of_health(pk: &str) -> Option<PublicKeyId> {
    pk.strip_prefix("health#")?.split('#').next()?.parse().ok()
}

/// Milliseconds since the Unix epoch in 13 digits, which last until the year 2286.
fn sortable(at: Timestamp) -> String {
    format!("{:013}", at.as_millisecond())
}

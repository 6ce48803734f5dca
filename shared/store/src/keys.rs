//! Names of key attributes, and the formats of all partition and sort keys.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use upblit_base::clock;
use upblit_base::ids::{ApplicationId, InviteId, PublicKeyId, UserId};
use upblit_identity::audit::{AuditPosition, Subject};
use upblit_identity::idempotency::IdempotencyKey;
use upblit_identity::rate_limit::{QuotaOf, RateWindow};
use upblit_telemetry::batch::Signal;
use upblit_telemetry::chunk::Position;
use upblit_telemetry::query::rollup::ChunkHash;

/// Partition key of Users, of RefreshTokens, and of the index of Applications.
pub(crate) const USER_ID: &str = "user_id";
/// Sort key of RefreshTokens.
pub(crate) const SESSION_ID: &str = "session_id";
/// Partition key of Applications and ApiKeys.
pub(crate) const APPLICATION_ID: &str = "application_id";
/// Sort key of ApiKeys.
pub(crate) const KEY_ID: &str = "key_id";
/// Partition key of Telemetry and ShortLived.
pub(crate) const PK: &str = "pk";
/// Sort key of Applications and Telemetry.
pub(crate) const SK: &str = "sk";
/// Time at which DynamoDB may delete the item, in seconds since the Unix epoch. Deletion
/// can be days late, so every read compares expiry itself.
pub const TTL: &str = "expires_at";
/// Index of Applications by member.
pub(crate) const APPLICATIONS_BY_USER: &str = "by_user";

/// Sort key of the application itself.
pub(crate) const META: &str = "meta";

/// Prefix of the sort key of every membership.
pub(crate) const MEMBER_PREFIX: &str = "member#";

/// Partition of the deleted applications whose telemetry is still to be deleted. Its sort keys are their
/// ids; it is no application id itself.
pub(crate) const DELETED_APPLICATIONS: &str = "deleted";

/// Sort key of a membership.
pub(crate) fn member(user_id: UserId) -> String {
    format!("{MEMBER_PREFIX}{user_id}")
}

/// A text that sorts after the sort key of every membership, and before `meta`.
pub(crate) const AFTER_MEMBERS: &str = "member$";

/// Sort key of an invite: a hash of its token.
pub(crate) fn invite(id: InviteId) -> String {
    format!("{INVITE_PREFIX}{id}")
}

/// Prefix of the sort key of every invite.
pub(crate) const INVITE_PREFIX: &str = "invite#";

/// Prefix of the sort key of every audit entry.
pub(crate) const AUDIT_PREFIX: &str = "audit#";

/// Partition of an audit log. An account's starts with `user#`, which no application id does.
pub(crate) fn audit_partition(subject: Subject) -> String {
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

/// Parses the sort key of an audit entry. Returns `None` for any other text.
pub(crate) fn parse_audit(sk: &str) -> Option<AuditPosition> {
    let (millis, random) = sk.strip_prefix(AUDIT_PREFIX)?.split_once('#')?;
    Some(AuditPosition {
        at: clock::from_millis(millis.parse().ok()?),
        random: random.as_bytes().try_into().ok()?,
    })
}

/// Partition of the chunks of one application, signal, hour and shard.
pub(crate) fn chunk_partition(
    application_id: ApplicationId,
    signal: Signal,
    hour: Timestamp,
    shard: u32,
) -> String {
    let hour = hour.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H");
    format!("{application_id}#{}#{hour}#{shard}", signal.as_str())
}

/// Partition of the chunk summaries of one application, signal, day and shard. A day, so that
/// 30 days take 30 queries for each shard.
pub(crate) fn summary_partition(
    application_id: ApplicationId,
    signal: Signal,
    day: Timestamp,
    shard: u32,
) -> String {
    let day = day.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d");
    format!("{application_id}#{}#{day}#{shard}", signal.as_str())
}

/// Partition of the rollups and late arrivals of an application. No application id starts with
/// `rollup#`.
pub fn rollup_partition(application_id: ApplicationId, signal: Signal) -> String {
    format!("rollup#{application_id}#{}", signal.as_str())
}

/// Sort key of the rollup of the day that begins at `day`; sorts before its late arrivals.
pub fn rollup(day: Timestamp) -> String {
    format!("{}#day", sortable(day))
}

/// Sort key of a late arrival: what a chunk adds to the rollup of its hour.
pub fn late(hour: Timestamp, hash: ChunkHash) -> String {
    let hash = u128::from_be_bytes(hash);
    format!("{}#late#{hash:032x}", sortable(hour))
}

/// Kind of item in a rollup partition, from its sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RollupSortKey {
    /// The [`rollup`] of a day.
    Day(Timestamp),
    /// A [`late`] arrival.
    Late { hour: Timestamp, hash: ChunkHash },
}

/// Parses a sort key of a rollup partition. Returns `None` for any other text.
pub(crate) fn parse_rollup(sk: &str) -> Option<RollupSortKey> {
    let (millis, rest) = sk.split_once('#')?;
    let at = clock::from_millis(millis.parse().ok()?);
    match rest.strip_prefix("late#") {
        Some(hash) => Some(RollupSortKey::Late {
            hour: at,
            hash: u128::from_str_radix(hash, 16).ok()?.to_be_bytes(),
        }),
        None => (rest == "day").then_some(RollupSortKey::Day(at)),
    }
}

/// Partition in which releases that write stored form 2 mark the hours of a day for which they
/// store late telemetry. Its sort keys are the hours.
pub fn form_2_marks(application_id: ApplicationId, signal: Signal, day: Timestamp) -> String {
    let day = day.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d");
    format!("rollup#{application_id}#{}#{day}", signal.as_str())
}

/// Parses the hour from a sort key of [`form_2_marks`]. Returns `None` for any other text.
pub(crate) fn parse_form_2_mark(sk: &str) -> Option<Timestamp> {
    Some(clock::from_millis(sk.parse().ok()?))
}

/// Sort key of a chunk and of its summary; sorts by time.
pub fn chunk(position: Position) -> String {
    let hash = u128::from_be_bytes(position.hash);
    format!("{}#{hash:032x}", sortable(position.at))
}

/// Parses the position in a [`chunk`] key. Returns `None` for any other text.
pub(crate) fn parse_chunk(sk: &str) -> Option<Position> {
    let (millis, hash) = sk.split_once('#')?;
    Some(Position {
        at: clock::from_millis(millis.parse().ok()?),
        hash: u128::from_str_radix(hash, 16).ok()?.to_be_bytes(),
    })
}

/// A text that sorts before the key of every chunk, rollup or late arrival of this time or later.
pub(crate) fn from_time(at: Timestamp) -> String {
    sortable(at)
}

/// Prefixes of the partition keys of ShortLived, one for each kind of item.
pub(crate) const SHORT_LIVED: [&str; 4] = ["creation#", "rate#", "usage#", "health#"];

/// Partition key of what a user created with an idempotency key.
pub(crate) fn creation(user_id: UserId, key: IdempotencyKey) -> String {
    format!("creation#{user_id}#{key}")
}

/// Partition key of the counter of a quota in a rate-limit window. An application's counter is in
/// the item of its [`usage`].
pub fn quota(of: QuotaOf, window: RateWindow) -> String {
    match of {
        QuotaOf::Key(key) => format!("rate#{key}#{}", window.number()),
        QuotaOf::Application(id) | QuotaOf::ReadsOfApplication(id) => usage(id, window.day()),
        QuotaOf::User(id) | QuotaOf::ReadsOfUser(id) | QuotaOf::ReadsOfKeys(id) => {
            format!("usage#user-{id}#{}", window.day())
        }
    }
}

/// Partition key of the usage of an application on one day.
pub fn usage(application: ApplicationId, day: Date) -> String {
    format!("usage#{application}#{day}")
}

/// Parses the day of a [`usage`] key. Returns `None` for any other text.
pub(crate) fn day_of_usage(pk: &str) -> Option<Date> {
    pk.strip_prefix("usage#")?.rsplit('#').next()?.parse().ok()
}

/// Partition key of the key health of one API key on one day.
pub fn health(key: PublicKeyId, day: Date) -> String {
    format!("health#{key}#{day}")
}

/// Parses the API key in a [`health`] key. Returns `None` for any other text.
pub(crate) fn key_of_health(pk: &str) -> Option<PublicKeyId> {
    pk.strip_prefix("health#")?.split('#').next()?.parse().ok()
}

/// Formats milliseconds since the Unix epoch in 13 digits, which suffice until the year 2286.
fn sortable(at: Timestamp) -> String {
    format!("{:013}", at.as_millisecond())
}

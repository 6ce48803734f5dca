//! The audit log: items of the Applications table, in the partition of the application or
//! of the user's account.

use std::cmp::Reverse;

use crate::error::{corrupt, failed};
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{Put, Update};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attribute::{self, Item, number, string};
use crate::conditional::put_unless_refused;
use crate::transaction::Transaction;
use crate::{Database, StorageError, keys};
use upblit_base::clock;
use upblit_base::ids::{PublicKeyId, SessionId, UserId};
use upblit_base::random;
use upblit_identity::audit::{
    Actor, AuditAction, AuditEntry, AuditPosition, DeletedTelemetry, RETENTION, Subject, TeamChange,
};
use upblit_identity::team::Role;

/// An audit entry, as an item.
#[derive(Serialize, Deserialize)]
pub(crate) struct AuditRow {
    application_id: String,
    sk: String,
    actor: Actor,
    at_ms: i64,
    pub(crate) action: AuditAction,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<PublicKeyId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    session: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    member: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to_role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    telemetry: Option<DeletedTelemetry>,
    /// Number of events that were deleted, which each transaction of a request adds to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    events: Option<u64>,
    expires_at: i64,
}

/// Adds an audit entry to the transaction of the change it describes.
pub fn record(transaction: &mut Transaction, database: &Database, entry: &AuditEntry) {
    let position = AuditPosition::generate(entry.at, &mut random::rng());
    transaction.put_row(
        Put::builder().table_name(&database.tables.applications),
        AuditRow::new(entry, position),
    );
}

/// The update that writes an entry about a deletion of telemetry, or adds events to it if an earlier
/// transaction of the same request has written it.
pub(crate) fn count_deleted(
    database: &Database,
    (entry, position): (&AuditEntry, AuditPosition),
    events: usize,
) -> Result<UpdateBuilder, StorageError> {
    let mut item = attribute::to_item(AuditRow::new(entry, position))?;
    let mut key = Item::new();
    for name in [keys::APPLICATION_ID, keys::SK] {
        key.extend(item.remove(name).map(|value| (name.to_owned(), value)));
    }
    let mut update = Update::builder()
        .table_name(&database.tables.applications)
        .set_key(Some(key))
        .expression_attribute_values(":events", number(events));
    let mut assignments = Vec::new();
    for (at, (name, value)) in item.into_iter().enumerate() {
        assignments.push(format!("#a{at} = :a{at}"));
        update = update
            .expression_attribute_names(format!("#a{at}"), name)
            .expression_attribute_values(format!(":a{at}"), value);
    }
    let assignments = assignments.join(", ");
    Ok(update.update_expression(format!("SET {assignments} ADD events :events")))
}

impl AuditRow {
    fn new(entry: &AuditEntry, position: AuditPosition) -> Self {
        Self {
            application_id: keys::audit_partition(entry.subject),
            sk: keys::audit(position),
            actor: entry.actor,
            at_ms: entry.at.as_millisecond(),
            action: entry.action,
            key: entry.key,
            session: entry.session,
            member: entry.team.member,
            from_role: entry.team.from,
            to_role: entry.team.to,
            telemetry: entry.telemetry.clone(),
            events: None,
            expires_at: clock::after(entry.at, RETENTION).as_second(),
        }
    }
}

impl Database {
    /// Records a notice about a session, at most once an hour. The entry has the time at which its
    /// hour began. One conditional write.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn record_hourly(
        &self,
        user_id: UserId,
        session: SessionId,
        notice: SessionNotice,
        now: Timestamp,
    ) -> Result<(), StorageError> {
        let action = notice.action();
        // The minute of a refresh would show a thief when the owner is active.
        let hour = clock::floor_to_hour(now);
        let entry = AuditEntry::of_session(user_id, session, Actor::Upblit, action, hour);
        let position = AuditPosition::hourly(now, session, notice.letter());
        let row = AuditRow::new(&entry, position);
        let request = self
            .client
            .put_item()
            .table_name(&self.tables.applications)
            .set_item(Some(attribute::to_item(row)?))
            .condition_expression("attribute_not_exists(sk)");
        put_unless_refused(request.send().await)?;
        Ok(())
    }

    /// Reads one page of an audit log, newest first. One consistent query; `after` is the
    /// position that the previous page returned.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn audit_log(
        &self,
        subject: Subject,
        after: Option<AuditPosition>,
        limit: i32,
        now: Timestamp,
    ) -> Result<(Vec<AuditEntry>, Option<AuditPosition>), StorageError> {
        let partition = keys::audit_partition(subject);
        let start = after.map(|position| {
            let sk = keys::audit(position);
            attribute::key([(keys::APPLICATION_ID, &partition), (keys::SK, &sk)])
        });
        let output = self
            .client
            .query()
            .table_name(&self.tables.applications)
            .key_condition_expression("application_id = :application AND begins_with(sk, :audit)")
            .expression_attribute_values(":application", string(&partition))
            .expression_attribute_values(":audit", string(keys::AUDIT_PREFIX))
            .consistent_read(true)
            .scan_index_forward(false)
            .limit(limit)
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(failed)?;
        let next = output.last_evaluated_key.as_ref().map(position);
        // If an invalid key ended the list, it would look complete.
        let next = next.transpose()?;
        let rows: Vec<AuditRow> = attribute::from_items(output.items.unwrap_or_default())?;
        let mut current: Vec<AuditEntry> = rows
            .into_iter()
            .filter(|row| row.expires_at > now.as_second())
            .map(|row| row.entry(subject))
            .collect();
        // Hourly notices are stored at the beginning of their hour.
        current.sort_by_key(|entry| Reverse(entry.at));
        Ok((current, next))
    }
}

/// Noteworthy event of a session that continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionNotice {
    /// The previous token moved it after the grace.
    Recovered,
    /// Its current token was returned again, to another client.
    Shared,
}

impl SessionNotice {
    fn action(self) -> AuditAction {
        match self {
            Self::Recovered => AuditAction::SessionRecovered,
            Self::Shared => AuditAction::SessionShared,
        }
    }

    /// Returns the letter that distinguishes the two in a position.
    fn letter(self) -> u8 {
        match self {
            Self::Recovered => b'r',
            Self::Shared => b's',
        }
    }
}

fn position(key: &Item) -> Result<AuditPosition, StorageError> {
    let sk = key.get(keys::SK).and_then(|sk| sk.as_s().ok());
    sk.and_then(|sk| keys::parse_audit(sk))
        .ok_or_else(|| corrupt("the sort key of an audit entry"))
}

impl AuditRow {
    fn entry(self, subject: Subject) -> AuditEntry {
        AuditEntry {
            subject,
            actor: self.actor,
            at: clock::from_millis(self.at_ms),
            action: self.action,
            key: self.key,
            session: self.session,
            telemetry: self.telemetry.map(|telemetry| DeletedTelemetry {
                events: self.events.unwrap_or_default(),
                ..telemetry
            }),
            team: TeamChange {
                member: self.member,
                from: self.from_role,
                to: self.to_role,
            },
        }
    }
}

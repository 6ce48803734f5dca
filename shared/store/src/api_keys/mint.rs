//! Mints keys. A key has a copy of its application's telemetry settings and creator. To avoid reads,
//! the first attempt assumes that the settings are the defaults, that the caller is the creator, and
//! that no earlier request had the same idempotency key.

use std::ops::ControlFlow;

use aws_sdk_dynamodb::types::Put;
use jiff::Timestamp;

use super::{KeyRow, entry, revocation};
use crate::applications::key_count::{Copied, KeyCount, KeyNotAdded, count_key};
use crate::error::corrupt;
use crate::idempotency::{self, created_before};
use crate::transaction::{Outcome, Slot, Transaction};
use crate::user_transaction::UserTransaction;
use crate::{ChangeError, Database, StorageError, audit};
use upblit_base::ids::PublicKeyId;
use upblit_identity::access_token::Principal;
use upblit_identity::api_key::KeyRecord;
use upblit_identity::application::TelemetrySettings;
use upblit_identity::audit::AuditAction;
use upblit_identity::idempotency::RepeatableCreation;
use upblit_identity::team::Right;

/// Maximum number of attempts. Each after the first corrects an assumption that was wrong, or became
/// wrong meanwhile.
const MAX_ATTEMPTS: usize = 8;

/// Result of minting a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MintOutcome {
    /// The key is stored.
    Minted,
    /// The caller is not a member, or the application does not exist.
    NotAMember,
    /// The application has the maximum number of keys.
    KeyLimit,
    /// Another request has used the idempotency key.
    KeyReused,
}

impl Database {
    /// Stores a new key if the caller is a member and the application has fewer than the maximum
    /// number of keys. If the same request with the same idempotency key has created a key
    /// before, that one is revoked in the same transaction: only a hash of it is kept, so it cannot
    /// be returned again. One transaction, and one more for each assumption that is wrong.
    ///
    /// # Errors
    /// When the caller's session has ended, or storage fails.
    pub async fn mint_key(
        &self,
        record: &KeyRecord,
        principal: Principal,
        creation: Option<&RepeatableCreation>,
        now: Timestamp,
    ) -> Result<MintOutcome, ChangeError> {
        let mint = Mint {
            database: self,
            record,
            principal,
            creation,
            now,
        };
        let mut assumed = Assumed {
            copied: Copied {
                settings: TelemetrySettings::default(),
                creator: principal.user_id,
            },
            earlier: None,
        };
        for _ in 0..MAX_ATTEMPTS {
            match mint.attempt(assumed).await? {
                ControlFlow::Break(outcome) => return Ok(outcome),
                ControlFlow::Continue(found) => assumed = found,
            }
        }
        let cause = "the settings or the keys of the application kept changing";
        Err(StorageError::Contended(cause.into()).into())
    }
}

/// State that an attempt assumes and that the conditions of its transaction check.
#[derive(Debug, Clone, Copy)]
struct Assumed {
    copied: Copied,
    earlier: Option<Earlier>,
}

/// The key that an earlier request with the same idempotency key created.
#[derive(Debug, Clone, Copy)]
struct Earlier {
    id: PublicKeyId,
    is_revoked: bool,
}

struct Mint<'a> {
    database: &'a Database,
    record: &'a KeyRecord,
    principal: Principal,
    creation: Option<&'a RepeatableCreation>,
    now: Timestamp,
}

/// The writes of an attempt that may be refused.
struct Slots<'a> {
    member: Slot,
    room: Slot,
    count: KeyCount,
    replaced: Option<Slot>,
    creation: Option<(&'a RepeatableCreation, Slot)>,
}

impl Mint<'_> {
    /// Mints the key, or corrects an assumption.
    async fn attempt(
        &self,
        assumed: Assumed,
    ) -> Result<ControlFlow<MintOutcome, Assumed>, ChangeError> {
        let (transaction, slots) = self.transaction(assumed);
        let outcome = transaction.commit(self.database).await?;
        if let Some(refused) = refusal(&outcome, &slots, assumed)? {
            return Ok(refused);
        }
        outcome.must_commit()?;
        Ok(ControlFlow::Break(MintOutcome::Minted))
    }

    fn transaction(&self, assumed: Assumed) -> (UserTransaction, Slots<'_>) {
        let application_id = self.record.id.application_id;
        let mut transaction = UserTransaction::new(self.database, self.principal, self.now);
        let caller = (self.principal, application_id);
        let member = transaction.require(self.database, caller, Right::Change);
        let writes = &mut transaction.writes;
        let replaced = assumed.earlier.filter(|earlier| !earlier.is_revoked);
        let count = match replaced {
            Some(_) => KeyCount::Unchanged,
            None => KeyCount::OneMore,
        };
        let room = count_key(self.database, application_id, count, assumed.copied);
        let slots = Slots {
            member,
            room: writes.update(room),
            count,
            replaced: replaced.map(|earlier| self.revoke(writes, earlier.id)),
            creation: self.record_creation(writes, assumed.earlier),
        };
        self.put(writes, assumed.copied);
        (transaction, slots)
    }

    fn put(&self, writes: &mut Transaction, copied: Copied) {
        let put = Put::builder()
            .table_name(&self.database.tables.api_keys)
            .condition_expression("attribute_not_exists(key_id)");
        let Copied { settings, creator } = copied;
        writes.put_row(put, KeyRow::new(self.record, settings, creator));
        let entry = entry(
            self.record.id,
            self.principal,
            AuditAction::KeyMinted,
            self.now,
        );
        audit::record(writes, self.database, &entry);
    }

    /// Revokes the key that the new one replaces.
    fn revoke(&self, writes: &mut Transaction, id: PublicKeyId) -> Slot {
        let entry = entry(id, self.principal, AuditAction::KeyRevoked, self.now);
        audit::record(writes, self.database, &entry);
        writes.update(revocation(self.database, id, self.now))
    }

    fn record_creation(
        &self,
        writes: &mut Transaction,
        earlier: Option<Earlier>,
    ) -> Option<(&RepeatableCreation, Slot)> {
        let creation = self.creation?;
        let used = (self.principal.user_id, creation);
        let earlier = earlier.map(|earlier| earlier.id.to_string());
        let earlier = earlier.as_deref();
        let created = self.record.id;
        let slot = idempotency::record(writes, self.database, used, created, earlier, self.now);
        Some((creation, slot))
    }
}

/// Returns what follows from a refused attempt: a final outcome, or the corrected assumptions for the
/// next attempt. `None` if it was not refused for one of these reasons.
fn refusal(
    outcome: &Outcome,
    slots: &Slots<'_>,
    assumed: Assumed,
) -> Result<Option<ControlFlow<MintOutcome, Assumed>>, StorageError> {
    if outcome.refused(slots.member) {
        return Ok(Some(ControlFlow::Break(MintOutcome::NotAMember)));
    }
    if let Some((creation, slot)) = slots.creation
        && outcome.refused(slot)
    {
        return Ok(Some(match created_before(outcome.item(slot), creation)? {
            None => ControlFlow::Break(MintOutcome::KeyReused),
            Some(id) => ControlFlow::Continue(assumed.replacing(&id)?),
        }));
    }
    if slots.replaced.is_some_and(|slot| outcome.refused(slot)) {
        return Ok(Some(ControlFlow::Continue(assumed.with_earlier_revoked())));
    }
    if !outcome.refused(slots.room) {
        return Ok(None);
    }
    let reason = KeyNotAdded::read(outcome.item(slots.room), slots.count)?;
    Ok(Some(match reason {
        KeyNotAdded::Gone => ControlFlow::Break(MintOutcome::NotAMember),
        KeyNotAdded::Full => ControlFlow::Break(MintOutcome::KeyLimit),
        KeyNotAdded::OtherCopy(copied) => ControlFlow::Continue(Assumed { copied, ..assumed }),
    }))
}

impl Assumed {
    fn replacing(self, id: &str) -> Result<Self, StorageError> {
        let earlier = Earlier {
            id: id.parse().map_err(corrupt)?,
            is_revoked: false,
        };
        Ok(Self {
            earlier: Some(earlier),
            ..self
        })
    }

    fn with_earlier_revoked(self) -> Self {
        let earlier = self.earlier.map(|earlier| Earlier {
            is_revoked: true,
            ..earlier
        });
        Self { earlier, ..self }
    }
}

//! Mints keys. A key has a copy of its application's telemetry settings. The first attempt
//! assumes the defaults, which avoids a read.

use std::ops::ControlFlow;

use aws_sdk_dynamodb::types::Put;
use jiff::Timestamp;

use super::{KeyRow, entry};
use crate::applications::{self, KeyNotAdded};
use crate::user_transaction::UserTransaction;
use crate::{ChangeError, Database, StorageError, audit};
use upblit_identity::access_token::Principal;
use upblit_identity::api_key::KeyRecord;
use upblit_identity::application::TelemetrySettings;
use upblit_identity::audit::AuditAction;

/// Maximum number of attempts: with the default settings, with the settings found instead,
/// and once more in case these changed in between.
const MAX_ATTEMPTS: usize = 3;

/// Result of minting a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MintOutcome {
    /// The key is stored.
    Minted,
    /// The caller is not a member, or the application does not exist.
    NotAMember,
    /// The application has the maximum number of keys.
    KeyLimit,
}

impl Database {
    /// Stores a new key if the caller is a member and the application has fewer than the maximum
    /// number of keys. One transaction, or two if the application's telemetry settings are not
    /// the defaults.
    ///
    /// # Errors
    /// When the caller's session has ended, or storage fails.
    pub async fn mint_key(
        &self,
        record: &KeyRecord,
        principal: Principal,
        now: Timestamp,
    ) -> Result<MintOutcome, ChangeError> {
        let mut settings = TelemetrySettings::default();
        for _ in 0..MAX_ATTEMPTS {
            match self.mint_with(settings, record, principal, now).await? {
                ControlFlow::Break(outcome) => return Ok(outcome),
                ControlFlow::Continue(found) => settings = found,
            }
        }
        let cause = "the settings of the application kept changing";
        Err(StorageError::Contended(cause.into()).into())
    }

    /// Mints the key for these telemetry settings, or returns the application's settings if
    /// they differ.
    async fn mint_with(
        &self,
        settings: TelemetrySettings,
        record: &KeyRecord,
        principal: Principal,
        now: Timestamp,
    ) -> Result<ControlFlow<MintOutcome, TelemetrySettings>, ChangeError> {
        let application_id = record.id.application_id;
        let row = KeyRow::new(record, settings);
        let put = Put::builder()
            .table_name(&self.tables.api_keys)
            .condition_expression("attribute_not_exists(key_id)");
        let entry = entry(record.id, principal, AuditAction::KeyMinted, now);
        let mut transaction = UserTransaction::new(self, principal, now);
        let writes = &mut transaction.writes;
        let user_id = principal.user_id;
        let member = writes.check(applications::check_member(self, application_id, user_id));
        let room = writes.update(applications::add_key(self, application_id, settings));
        writes.put_row(put, row);
        audit::record(writes, self, &entry);
        let outcome = transaction.commit(self).await?;
        if outcome.refused(member) {
            return Ok(ControlFlow::Break(MintOutcome::NotAMember));
        }
        if outcome.refused(room) {
            return Ok(match KeyNotAdded::read(outcome.item(room))? {
                KeyNotAdded::Gone => ControlFlow::Break(MintOutcome::NotAMember),
                KeyNotAdded::Full => ControlFlow::Break(MintOutcome::KeyLimit),
                KeyNotAdded::OtherSettings(found) => ControlFlow::Continue(found),
            });
        }
        outcome.must_commit()?;
        Ok(ControlFlow::Break(MintOutcome::Minted))
    }
}

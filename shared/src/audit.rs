//! The audit trail: who did what to an application, written in the same
//! transaction as the change itself.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ApplicationId, PublicKeyId, UserId};

/// How long an entry is kept.
pub const RETENTION: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// One thing that happened to an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// The application it happened to.
    pub application_id: ApplicationId,
    /// Who did it.
    pub actor: UserId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: AuditAction,
    /// The key it was done to, if it was done to one.
    pub key: Option<PublicKeyId>,
}

/// What can happen to an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuditAction {
    /// The application was created.
    #[serde(rename = "application.created")]
    ApplicationCreated,
    /// The application got another name.
    #[serde(rename = "application.renamed")]
    ApplicationRenamed,
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
}

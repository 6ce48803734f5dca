//! Reads why DynamoDB cancelled a transaction: one reason per write, in order.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use thiserror::Error;

use super::{FailedCondition, Refusal};
use crate::StorageError;
use crate::error::of_code;

/// HTTP status of every cancelled transaction.
const BAD_REQUEST: u16 = 400;

/// A reason other than a failed condition: the write, the code and DynamoDB's message.
#[derive(Debug)]
struct Reason {
    write: String,
    code: String,
    message: String,
}

/// All reasons other than failed conditions, for the log.
#[derive(Debug, Error)]
#[error("the transaction was cancelled: {}", .0.iter().map(Reason::to_string).collect::<Vec<_>>().join("; "))]
struct Cancelled(Vec<Reason>);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)?;
        write!(f, " ({})", self.write)
    }
}

/// Returns the failed conditions.
///
/// # Errors
/// When a write was cancelled for a reason other than its condition: the most severe error.
/// Permanent errors are more severe than throttling, and throttling than conflicts.
pub(super) fn read(
    reasons: &[CancellationReason],
    writes: &[TransactWriteItem],
) -> Result<Refusal, StorageError> {
    let mut failed = BTreeMap::new();
    let mut others = Vec::new();
    for (position, reason) in reasons.iter().enumerate() {
        let write = writes.get(position).map(describe).unwrap_or_default();
        match reason.code() {
            None | Some("None") => {}
            Some("ConditionalCheckFailed") => {
                let item = reason.item().filter(|item| !item.is_empty()).cloned();
                failed.insert(position, FailedCondition { write, item });
            }
            Some(code) => others.push(Reason {
                write,
                code: code.to_owned(),
                message: reason.message().unwrap_or_default().to_owned(),
            }),
        }
    }
    if others.is_empty() && !failed.is_empty() {
        return Ok(Refusal(failed));
    }
    Err(failure(others))
}

fn failure(reasons: Vec<Reason>) -> StorageError {
    let error = |reason: &Reason| of_code(&reason.code, BAD_REQUEST);
    let gravest = reasons
        .iter()
        .map(error)
        .max_by_key(|kind| gravity(&kind("".into())));
    // DynamoDB documents a reason for each cancellation; without one a retry cannot help.
    gravest.unwrap_or(StorageError::InvalidRequest)(Cancelled(reasons).into())
}

fn gravity(error: &StorageError) -> u8 {
    match error {
        StorageError::Contended(_) => 0,
        StorageError::Throttled(_) => 1,
        StorageError::Unreachable(_) => 2,
        StorageError::Corrupt(_)
        | StorageError::Forbidden(_)
        | StorageError::InvalidRequest(_)
        | StorageError::BrokenCondition(_) => 3,
    }
}

/// Describes a write by kind, table and condition, without keys or values.
fn describe(write: &TransactWriteItem) -> String {
    let (kind, table, condition) = match write {
        TransactWriteItem { put: Some(put), .. } => {
            ("put", put.table_name(), put.condition_expression())
        }
        TransactWriteItem {
            update: Some(update),
            ..
        } => ("update", update.table_name(), update.condition_expression()),
        TransactWriteItem {
            delete: Some(delete),
            ..
        } => ("delete", delete.table_name(), delete.condition_expression()),
        TransactWriteItem {
            condition_check: Some(check),
            ..
        } => (
            "check",
            check.table_name(),
            Some(check.condition_expression()),
        ),
        _ => ("write", "(none)", None),
    };
    format!("{kind} in {table} if {}", condition.unwrap_or("(always)"))
}

//! Why DynamoDB cancelled a transaction: a reason for each write, in their order.

use std::collections::BTreeMap;
use std::fmt;

use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};
use thiserror::Error;

use super::{FailedCondition, Refusal};
use crate::StorageError;
use crate::error::of_code;

/// The status of a cancelled transaction, whatever its reasons.
const BAD_REQUEST: u16 = 400;

/// A reason other than a condition: its write, its code, and what DynamoDB says.
#[derive(Debug)]
struct Reason {
    write: String,
    code: String,
    message: String,
}

/// The reasons other than conditions, for the log.
#[derive(Debug, Error)]
#[error("the transaction was cancelled: {}", .0.iter().map(Reason::to_string).collect::<Vec<_>>().join("; "))]
struct Cancelled(Vec<Reason>);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)?;
        write!(f, " ({})", self.write)
    }
}

/// The conditions that failed. Where anything else stood in the way of a write,
/// nothing is decided, and the failure is the gravest of those: what does not pass
/// by itself, then a lack of capacity, then another write of the same items.
///
/// # Errors
/// When anything but conditions stood in the way.
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
    // A cancellation without a reason breaks DynamoDB's word: no retry would help.
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

/// What a write does, to which table and under which condition, without a key or a value.
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

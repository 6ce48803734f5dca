//! Deletes the telemetry of deleted applications, a bounded part of it in each run.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use shared::base::clock;
use shared::base::environment::ConfigError;
use shared::lambda::{Host, Task};
use shared::store::deleted_applications::Allowance;
use shared::store::{Database, Table};

/// Time after which telemetry of a deleted application must be gone, less some hours to react.
const OVERDUE_AFTER: Duration = Duration::from_secs(20 * 60 * 60);

/// What the schedule of this function runs. Fails if telemetry has been waiting for 20 hours, so that the alarm of
/// failed invocations is raised.
///
/// # Errors
/// When a setting is missing.
pub fn task(host: &Host) -> Result<Option<Task>, ConfigError> {
    let host = host.using(&[Table::Applications, Table::Telemetry])?;
    let (database, clock) = (host.database, host.clock);
    Ok(Some(Arc::new(move || {
        let database = database.clone();
        let now = clock.now();
        Box::pin(async move { Ok(run(&database, now).await?) })
    })))
}

/// The telemetry of an application that was deleted long ago is not gone yet.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Storage failed. The next run continues.
    #[error(transparent)]
    Storage(#[from] shared::store::StorageError),
    /// Too much telemetry is left.
    #[error("telemetry of applications that were deleted at {0} is still stored")]
    Overdue(Timestamp),
}

/// Deletes a part of the telemetry of deleted applications.
///
/// # Errors
/// When storage fails, or telemetry has been waiting for 20 hours.
pub async fn run(database: &Database, now: Timestamp) -> Result<(), Failure> {
    let usual = Allowance::USUAL;
    let done = database
        .delete_telemetry_of_deleted_applications(usual, now)
        .await?;
    if done.items + done.completed > 0 {
        let (items, completed) = (done.items, done.completed);
        tracing::info!(
            items,
            completed,
            "telemetry of deleted applications was deleted"
        );
    }
    match done.waiting_since {
        Some(since) if now >= clock::after(since, OVERDUE_AFTER) => Err(Failure::Overdue(since)),
        _ => Ok(()),
    }
}

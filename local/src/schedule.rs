//! What the schedule of `template.yaml` does in AWS: deletes the telemetry of deleted applications.

use std::time::Duration;

use shared::base::causes::WithCauses;
use shared::lambda::Host;
use telemetry::deleted_applications;
use tokio::time::{MissedTickBehavior, interval};

/// Time between two runs, as in `template.yaml`.
const PERIOD: Duration = Duration::from_secs(60);

/// Starts the runs, which end with the process.
pub(crate) fn start(host: &Host) {
    let (database, clock) = (host.database.clone(), host.clock.clone());
    tokio::spawn(async move {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let run = deleted_applications::run(&database, clock.now());
            if let Err(error) = run.await {
                tracing::warn!(error = %WithCauses(&error), "telemetry of deleted applications is left");
            }
        }
    });
}

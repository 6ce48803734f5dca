//! Signals, and the ids of batches.

use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use upblit_base::ids::ApplicationId;
use utoipa::ToSchema;

/// Length of an hour. Events are stored by the hour in which they started.
pub const HOUR: Duration = Duration::from_secs(60 * 60);

/// Length of a day. Summaries and rollups are stored by day.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Kind of telemetry: traces or logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    /// Spans, the operations that make up traces.
    Traces,
    /// Log records, with or without a trace.
    Logs,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Self; 2] = [Self::Traces, Self::Logs];

    /// The name used in routes, bodies and keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
        }
    }
}

/// Id of a batch: SHA-256 of application, signal and decompressed body. A retry has the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchId([u8; 32]);

impl BatchId {
    /// Computes the id of a batch from its decompressed body.
    pub(crate) fn of(application_id: ApplicationId, signal: Signal, inflated_body: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(application_id.to_string());
        hash.update([0]);
        hash.update(signal.as_str());
        hash.update([0]);
        hash.update(inflated_body);
        Self(hash.finalize().into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

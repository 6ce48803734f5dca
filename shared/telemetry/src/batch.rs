//! What a batch of telemetry is of, and its name.

use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use upblit_base::ids::ApplicationId;
use utoipa::ToSchema;

/// Events are stored by the hour they started in.
pub const HOUR: Duration = Duration::from_secs(60 * 60);

/// What kind of telemetry a batch holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Signal {
    /// Spans of traces.
    Traces,
    /// Log records.
    Logs,
}

impl Signal {
    /// The name in routes, bodies and keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
        }
    }
}

/// Names a batch by its content: SHA-256 of application, signal and inflated body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchId([u8; 32]);

impl BatchId {
    /// The id of this body.
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

//! Reasons for which ingest rejects an event or a request.

use serde::{Deserialize, Serialize};

use utoipa::ToSchema;

/// Reason for rejecting an event or a whole request. Key health counts rejections by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RejectReason {
    /// The event ended too long ago, or is beyond the retention of the application.
    TooOld,
    /// The event starts too far in the future.
    TooFarAhead,
    /// The request has events in more than 24 hours, and this one is in none of the newest 24.
    TooManyHours,
    /// The event cannot be read.
    Malformed,
    /// The request exceeds a limit on size or number of events.
    TooLarge,
    /// The content type or encoding of the request is not supported.
    UnsupportedMediaType,
    /// The request cannot be read.
    MalformedRequest,
    /// The key's quota is used up.
    RateLimited,
    /// The day's quota of the application, or of the user who created it, is used up.
    QuotaExceeded,
    /// The key lacks the scope for the request.
    MissingScope,
    /// The key is disabled.
    KeyDisabled,
    /// The key has expired.
    KeyExpired,
    /// The key was revoked.
    KeyRevoked,
}

impl RejectReason {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 13] = [
        Self::TooOld,
        Self::TooFarAhead,
        Self::TooManyHours,
        Self::Malformed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::MalformedRequest,
        Self::RateLimited,
        Self::QuotaExceeded,
        Self::MissingScope,
        Self::KeyDisabled,
        Self::KeyExpired,
        Self::KeyRevoked,
    ];

    /// Returns the name used in JSON and as the name of the stored counter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooOld => "too-old",
            Self::TooFarAhead => "too-far-ahead",
            Self::TooManyHours => "too-many-hours",
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::MalformedRequest => "malformed-request",
            Self::RateLimited => "rate-limited",
            Self::QuotaExceeded => "quota-exceeded",
            Self::MissingScope => "missing-scope",
            Self::KeyDisabled => "key-disabled",
            Self::KeyExpired => "key-expired",
            Self::KeyRevoked => "key-revoked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_form_of_every_reason_equals_its_name() {
        for reason in RejectReason::ALL {
            let written = serde_json::to_value(reason).unwrap();
            assert_eq!(written, reason.as_str());
        }
    }
}

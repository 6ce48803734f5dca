//! Why an event or a request of an API key was not accepted, in one word.

use serde::{Deserialize, Serialize};

use utoipa::ToSchema;

/// Why an event or a request was not accepted: a closed set, to count by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RejectReason {
    /// An event that ended too long ago.
    TooOld,
    /// An event that starts too far in the future.
    TooFarAhead,
    /// An event that cannot be read.
    Malformed,
    /// A request over a bound on size or number.
    TooLarge,
    /// A request in a content type or encoding we do not read.
    UnsupportedMediaType,
    /// A request that cannot be read.
    MalformedRequest,
    /// A request over the key's quota.
    RateLimited,
    /// A request that the key may not make.
    MissingScope,
    /// A request with a key that is switched off.
    KeyDisabled,
    /// A request with a key past its expiry.
    KeyExpired,
    /// A request with a key that was ended.
    KeyRevoked,
}

impl RejectReason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::TooOld,
        Self::TooFarAhead,
        Self::Malformed,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::MalformedRequest,
        Self::RateLimited,
        Self::MissingScope,
        Self::KeyDisabled,
        Self::KeyExpired,
        Self::KeyRevoked,
    ];

    /// Its slug.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooOld => "too-old",
            Self::TooFarAhead => "too-far-ahead",
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::MalformedRequest => "malformed-request",
            Self::RateLimited => "rate-limited",
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
    fn every_reason_is_written_as_its_slug() {
        for reason in RejectReason::ALL {
            let written = serde_json::to_value(reason).unwrap();
            assert_eq!(written, reason.as_str());
        }
    }
}

//! `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10).

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

/// One quota in the headers.
pub(crate) struct Policy {
    /// Name of the policy.
    pub(crate) name: &'static str,
    /// The whole quota.
    pub(crate) quota: u64,
    /// What is left of it in this window.
    pub(crate) remaining: u64,
    /// Length of a window.
    pub(crate) window: Duration,
    /// Seconds until the next window.
    pub(crate) seconds_left: u64,
}

/// The headers of a response.
pub(crate) fn headers(policies: &[Policy]) -> HeaderMap {
    let policy = |policy: &Policy| {
        let Policy { name, quota, .. } = policy;
        format!(r#""{name}";q={quota};w={}"#, policy.window.as_secs())
    };
    let standing = |policy: &Policy| {
        let Policy {
            name, remaining, ..
        } = policy;
        format!(r#""{name}";r={remaining};t={}"#, policy.seconds_left)
    };
    let header = |name, items: Vec<String>| {
        let value = HeaderValue::try_from(items.join(", ")).ok();
        value.map(|value| (HeaderName::from_static(name), value))
    };
    [
        header("ratelimit-policy", policies.iter().map(policy).collect()),
        header("ratelimit", policies.iter().map(standing).collect()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

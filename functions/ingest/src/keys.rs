//! Verifies the key of a request, and records refusals in its health.

use http::HeaderMap;
use shared::verified_keys::{AuthorizedKey, NeededScope, Rejection};
use shared::web::error::Error;
use shared::web::source::ClientAddress;

/// Checks the `x-api-key` of a request. A refusal of a known key is counted in its health.
///
/// # Errors
/// When there is no key or it is not authorized, or when storage fails.
pub(crate) async fn authorize(
    state: &crate::State,
    address: ClientAddress,
    headers: &HeaderMap,
    needed: NeededScope,
) -> Result<AuthorizedKey, Error> {
    let rejected = match state.keys.authorize(address, headers, needed).await {
        Ok(key) => return Ok(key),
        Err(rejected) => rejected,
    };
    let Rejection { error, key } = rejected;
    if let Some(key) = key {
        state.health.record_refusal(key, &error).await;
    }
    Err(error)
}

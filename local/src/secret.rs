//! Generates the signing secret of a local run.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::base::random;

/// Generates 256 random bits, encoded as base64url.
pub(crate) fn generate() -> String {
    URL_SAFE_NO_PAD.encode(random::bytes::<32>(&mut random::rng()))
}

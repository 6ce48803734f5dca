//! The one home of randomness. Everything below a handler takes an `rng` as an argument.

use rand::distr::{Alphanumeric, SampleString};
pub use rand::{CryptoRng, Rng};

/// A cryptographically secure generator, seeded and reseeded by the operating system.
#[expect(clippy::disallowed_methods, reason = "this is the generator's home")]
pub fn rng() -> impl CryptoRng {
    rand::rng()
}

/// `length` random characters of `[A-Za-z0-9]`, 5.95 bits each.
pub fn base62(rng: &mut impl CryptoRng, length: usize) -> String {
    Alphanumeric.sample_string(rng, length)
}

/// `N` random bytes.
pub fn bytes<const N: usize>(rng: &mut impl CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

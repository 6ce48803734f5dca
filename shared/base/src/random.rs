//! The only module that creates random generators. Code below a handler takes an `rng` as
//! an argument.

use std::time::Duration;

use rand::RngExt;
use rand::distr::{Alphanumeric, SampleString};
pub use rand::{CryptoRng, Rng};

/// Returns a cryptographically secure generator, seeded by the operating system.
#[expect(clippy::disallowed_methods, reason = "the only source of randomness")]
pub fn rng() -> impl CryptoRng {
    rand::rng()
}

/// Generates `length` random characters from `[A-Za-z0-9]`, with 5.95 bits each.
pub fn base62(rng: &mut impl CryptoRng, length: usize) -> String {
    Alphanumeric.sample_string(rng, length)
}

/// Returns a random duration between `most / 2` and `most` ("equal jitter"), so that clients
/// that failed together do not retry together.
pub fn jittered(rng: &mut impl Rng, most: Duration) -> Duration {
    rng.random_range(most / 2..=most)
}

/// Generates an array of `N` random bytes.
pub fn bytes<const N: usize>(rng: &mut impl CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_varies_between_half_and_all_of_the_maximum() {
        let most = Duration::from_millis(100);
        let mut rng = rng();
        let pauses: Vec<Duration> = (0..200).map(|_| jittered(&mut rng, most)).collect();
        assert!(pauses.iter().all(|pause| (most / 2..=most).contains(pause)));
        let shortest = *pauses.iter().min().unwrap();
        let longest = *pauses.iter().max().unwrap();
        assert!(longest - shortest > most / 4);
        assert_eq!(jittered(&mut rng, Duration::ZERO), Duration::ZERO);
    }
}

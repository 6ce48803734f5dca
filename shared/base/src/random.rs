//! The one home of randomness. Everything below a handler takes an `rng` as an argument.

use std::time::Duration;

use rand::RngExt;
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

/// Between half of `most` and all of it: a pause after which those who met once
/// hardly meet again, and which still is a pause ("equal jitter").
pub fn jittered(rng: &mut impl Rng, most: Duration) -> Duration {
    rng.random_range(most / 2..=most)
}

/// `N` random bytes.
pub fn bytes<const N: usize>(rng: &mut impl CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_between_half_and_all_and_differs() {
        let most = Duration::from_millis(100);
        let mut rng = rng();
        let pauses: Vec<Duration> = (0..200).map(|_| jittered(&mut rng, most)).collect();
        assert!(pauses.iter().all(|pause| (most / 2..=most).contains(pause)));
        let (shortest, longest) = (pauses.iter().min(), pauses.iter().max());
        assert!(*longest.unwrap() - *shortest.unwrap() > most / 4);
        assert_eq!(jittered(&mut rng, Duration::ZERO), Duration::ZERO);
    }
}
